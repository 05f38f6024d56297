/**
 * What can be run against a mutant: a tour of every transition that identifies the state it leads
 * to, and logs, which are random walks of an environment as if they had been recorded.
 */
import { EVENTS } from '../../machines/events.js';
import type { Mutant } from './mutants.js';
import type { Telling, Word } from './telling.js';
import type { WalkOptions } from './walks.js';
import { chanceOf, walk } from './walks.js';

const WIDTH = EVENTS.length;

/**
 * For each state and event: go there, let it come, and tell where it led by words that tell that
 * state from each other one. A machine with one fault and no more states cannot pass it all.
 */
export class Tour {
  readonly #telling: Telling;
  readonly #words = new Map<number, readonly Word[]>();

  constructor(telling: Telling) {
    this.#telling = telling;
  }

  /** How many runs the tour has. */
  get size(): number {
    let size = 0;
    this.#eachCell((from, code) => {
      size += this.#runsThrough(from, code).length;
    });
    return size;
  }

  /** Whether the tour shows the mutant. The runs made for its cell come first, as they mostly do. */
  kills(mutant: Mutant): boolean {
    const shows = (word: Word) => this.#telling.shows(mutant, word);
    if (this.#runsThrough(mutant.from, mutant.code).some(shows)) return true;
    let killed = false;
    this.#eachCell((from, code) => {
      killed ||= this.#runsThrough(from, code).some(shows);
    });
    return killed;
  }

  #eachCell(visit: (from: number, code: number) => void): void {
    for (const from of this.#telling.table.states.keys()) {
      for (let code = 0; code < WIDTH; code++) visit(from, code);
    }
  }

  #runsThrough(from: number, code: number): Word[] {
    const start = [...(this.#telling.access[from] as Word), code];
    const { state } = this.#telling.table.step(from, code);
    return this.#identifying(state).map((word) => [...start, ...word]);
  }

  /** Words that together tell this state from every other one that can be told from it. */
  #identifying(state: number): readonly Word[] {
    const known = this.#words.get(state);
    if (known !== undefined) return known;
    const words = new Map<string, Word>();
    for (const other of this.#telling.table.states.keys()) {
      const word = this.#telling.wordFor(state, other);
      if (word !== undefined) words.set(word.join(' '), word);
    }
    // A state that nobody can tell from any other still gets its run, without a word behind it.
    const found = words.size === 0 ? [[]] : [...words.values()];
    this.#words.set(state, found);
    return found;
  }
}

export interface LogOptions extends WalkOptions {
  readonly seed: number;
  /** How many exchanges were recorded. */
  readonly exchanges: number;
}

/** Logs of exchanges. A mutant is killed by one that it does not explain. */
export class Logs {
  readonly #telling: Telling;
  readonly #logs: readonly Word[];
  /** For each cell, the logs that pass it. */
  readonly #passing = new Map<number, Set<Word>>();

  constructor(telling: Telling, options: LogOptions) {
    this.#telling = telling;
    const chance = chanceOf(options.seed);
    const { table } = telling;
    this.#logs = Array.from({ length: options.exchanges }, () => walk(table, options, chance));
    for (const log of this.#logs) {
      let state = 0;
      for (const code of log) {
        const cell = state * WIDTH + code;
        const passing = this.#passing.get(cell) ?? new Set();
        this.#passing.set(cell, passing.add(log));
        ({ state } = table.step(state, code));
      }
    }
  }

  get events(): number {
    return this.#logs.reduce((sum, { length }) => sum + length, 0);
  }

  /** The share of the table's cells that were ever passed. */
  get coverage(): number {
    return this.#passing.size / (this.#telling.table.states.length * WIDTH);
  }

  kills(mutant: Mutant): boolean {
    const passing = this.#passing.get(mutant.from * WIDTH + mutant.code) ?? [];
    for (const log of passing) if (this.#telling.shows(mutant, log)) return true;
    return false;
  }
}

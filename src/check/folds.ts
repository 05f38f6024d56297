/**
 * Folds over steps as tables: for an environment or a monitor, the memories that it comes to, and
 * what follows each of them after each kind of step.
 */
import type { Environment } from '../../machines/environments.js';
import type { Command, Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Memory, Property, Step } from '../../machines/properties.js';
import type { Table } from '../table.js';
import { wordOf } from '../trace.js';
import { stepAt } from './explore.js';

/** An environment, or a monitor, which has no say in who may speak. */
export type Fold = Pick<Property, 'initial' | 'next'> & Partial<Pick<Environment, 'allows'>>;

/** What stands in a table instead of a memory's place, which is never below 0. */
export const DECIDED = -1;
export const UNKNOWN = -2;

/** The cells of a table, which are its pairs of state and event. */
export interface Cells {
  readonly steps: readonly WatchedStep[];
  /** The place of the state to which each cell leads. */
  readonly places: readonly number[];
  /** A number for the event and the commands of each cell. */
  readonly words: readonly number[];
}

export function cellsOf(table: Table): Cells {
  const pairs = table.states.flatMap((_, state) => EVENTS.map((_, code) => [state, code] as const));
  const steps = pairs.map(([state, code]) => new WatchedStep(stepAt(table, state, code)));
  const words = new Numbers();
  return {
    steps,
    places: pairs.map(([state, code]) => table.step(state, code).state),
    words: steps.map(({ event, commands }) => words.of([event, ...commands].map(wordOf).join())),
  };
}

/** Numbers keys from 0, in the order in which they come. */
export class Numbers {
  readonly #numbers = new Map<string, number>();

  of(key: string): number {
    const number = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }

  /** Where each number stands first. */
  firsts(numbers: readonly number[]): number[] {
    return [...this.#numbers.values()].map((number) => numbers.indexOf(number));
  }
}

export class TabledFold {
  /** The column of each cell: cells that the fold never tells apart share one. */
  readonly kindOf: readonly number[];
  /** Per memory and kind, the place of the memory that follows, or `DECIDED`, or `UNKNOWN`. */
  readonly next: readonly (readonly number[])[];
  /** Per memory, 1 for each event that may come, and 0 for the others. */
  readonly allows: readonly (readonly number[])[];
  /** Every memory by its place. */
  readonly memories: readonly Memory[];
  readonly #fold: Fold;
  readonly #cells: Cells;
  readonly #memories: Memory[];
  readonly #places = new Map<Memory, number>();
  /** Per memory, the answers by words, or by cell where the words alone do not tell. */
  readonly #answers: Map<number, number>[] = [];
  /** The words after which the fold looked at the states. */
  readonly #looksAfter = new Set<number>();

  constructor(fold: Fold, cells: Cells) {
    this.#fold = fold;
    this.#cells = cells;
    this.#memories = [fold.initial];
    this.memories = this.#memories;
    this.#places.set(fold.initial, 0);
    this.#findMemories();
    const kinds = new Numbers();
    this.kindOf = this.#kindsOf(kinds);
    const first = kinds.firsts(this.kindOf);
    this.next = this.#memories.map((_, place) => first.map((cell) => this.#after(place, cell)));
    this.allows = this.#memories.map((memory) =>
      EVENTS.map((event) => (this.#mayCome(memory, event) ? 1 : 0)),
    );
  }

  /**
   * Every memory to which some path of the table leads, if whoever the fold allows speaks. A
   * monitor is tabled with anyone speaking, so its table serves in every environment.
   */
  #findMemories(): void {
    const { places } = this.#cells;
    const pairs: [state: number, place: number][] = [[0, 0]];
    const seen = new Set(['0,0']);
    for (const [state, place] of pairs) {
      for (const [code, event] of EVENTS.entries()) {
        if (!this.#mayCome(this.#memories[place] as Memory, event)) continue;
        const cell = state * EVENTS.length + code;
        const then = this.#after(place, cell, true);
        const key = `${places[cell]},${then}`;
        if (then === DECIDED || seen.has(key)) continue;
        seen.add(key);
        pairs.push([places[cell] as number, then]);
      }
    }
  }

  #kindsOf(kinds: Numbers): number[] {
    const shared = new Map<number, number>();
    return this.#cells.words.map((words, cell) => {
      const known = shared.get(words);
      if (known !== undefined && !this.#looksAfter.has(words)) return known;
      const column = this.#memories.map((_, place) => this.#after(place, cell));
      const kind = kinds.of(column.join());
      shared.set(words, kind);
      return kind;
    });
  }

  #mayCome(memory: Memory, event: Event): boolean {
    return this.#fold.allows?.(memory, event) ?? true;
  }

  #after(place: number, cell: number, learns = false): number {
    this.#answers[place] ??= new Map();
    const answers = this.#answers[place] as Map<number, number>;
    const words = this.#cells.words[cell] as number;
    const ownKey = this.#cells.steps.length + cell;
    const known = answers.get(words) ?? answers.get(ownKey);
    if (known !== undefined) return known;
    // A fold that does not look at the states gives the same answer whenever these words are said.
    const step = this.#cells.steps[cell] as WatchedStep;
    step.looked = false;
    const answer = this.#fold.next(this.#memories[place] as Memory, step);
    const { looked } = step;
    if (looked) this.#looksAfter.add(words);
    const then = typeof answer === 'string' ? DECIDED : this.#placeOf(answer, learns);
    answers.set(looked ? ownKey : words, then);
    return then;
  }

  #placeOf(memory: Memory, learns: boolean): number {
    const known = this.#places.get(memory);
    if (known !== undefined || !learns) return known ?? UNKNOWN;
    const place = this.#memories.push(memory) - 1;
    this.#places.set(memory, place);
    return place;
  }
}

/** A step that knows whether anybody looked at its states. */
class WatchedStep implements Step {
  looked = false;
  readonly event: Event;
  readonly commands: readonly Command[];
  readonly #from: string;
  readonly #to: string;

  constructor({ from, event, commands, to }: Step) {
    this.event = event;
    this.commands = commands;
    this.#from = from;
    this.#to = to;
  }

  get from(): string {
    this.looked = true;
    return this.#from;
  }

  get to(): string {
    this.looked = true;
    return this.#to;
  }
}

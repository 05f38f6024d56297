/**
 * What can be told apart: two states, or a machine and its mutant, by what they order and by the
 * outcome they say (`Exchange.outcome` and `processed`). A state's name beyond that is for people.
 */
import type { Command } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Table } from '../table.js';
import type { Deed, Mutant } from './mutants.js';

const WIDTH = EVENTS.length;

/** Codes of events, one after another. */
export type Word = readonly number[];

export class Telling {
  readonly table: Table;
  /** What each state says of the outcome: nothing, or that it settles or is processed, and into what. */
  readonly #said: readonly string[];
  /** For each pair of states: the first event of a shortest word that tells them apart, or -1. */
  readonly #first: Int16Array;
  /** A shortest word to each state; no state comes twice on the way. */
  readonly access: readonly Word[];

  constructor(table: Table) {
    this.table = table;
    this.#said = table.states.map((name) => /^(?:settling|processed)\..*/.exec(name)?.[0] ?? '');
    this.#first = this.#tellPairs();
    this.access = accessOf(table);
  }

  /** Whether somebody outside sees which of two answers was given. */
  differ(one: Deed, other: Deed): boolean {
    return (
      this.#said[one.state] !== this.#said[other.state] || !equal(one.commands, other.commands)
    );
  }

  /** What a mutant answers. */
  deed(mutant: Mutant, state: number, code: number): Deed {
    return state === mutant.from && code === mutant.code ? mutant : this.table.step(state, code);
  }

  /** A shortest word that tells two states apart; undefined for two that nobody can. */
  wordFor(one: number, other: number): Word | undefined {
    const word: number[] = [];
    let [a, b] = [one, other];
    while (true) {
      const code = this.#first[a * this.table.states.length + b] as number;
      if (code < 0) return undefined;
      word.push(code);
      const [left, right] = [this.table.step(a, code), this.table.step(b, code)];
      if (this.differ(left, right)) return word;
      [a, b] = [left.state, right.state];
    }
  }

  /**
   * Whether no word tells the mutant from the machine: their product is explored from where the
   * fault leads. What it finds to be the same state on both sides can only differ at the fault again.
   */
  isEquivalent(mutant: Mutant): boolean {
    const right = this.table.step(mutant.from, mutant.code);
    if (this.differ(right, mutant)) return false;
    const width = this.table.states.length;
    const pairs = new Set([right.state * width + mutant.state]);
    for (const pair of pairs) {
      const [one, other] = [Math.floor(pair / width), pair % width];
      if (one === other) continue;
      for (let code = 0; code < WIDTH; code++) {
        const ours = this.table.step(one, code);
        const its = this.deed(mutant, other, code);
        if (this.differ(ours, its)) return false;
        pairs.add(ours.state * width + its.state);
      }
    }
    return true;
  }

  /** Whether a word, from these two states on, shows the mutant. */
  shows(mutant: Mutant, word: Word, from = 0): boolean {
    let [ours, its] = [from, from];
    for (const code of word) {
      const right = this.table.step(ours, code);
      const wrong = this.deed(mutant, its, code);
      if (this.differ(right, wrong)) return true;
      [ours, its] = [right.state, wrong.state];
    }
    return false;
  }

  /** Rounds of Moore's: a pair is told apart by an event whose answers differ, or lead to such a pair. */
  #tellPairs(): Int16Array {
    const { table } = this;
    const width = table.states.length;
    const first = new Int16Array(width * width).fill(-1);
    for (let round = 0, found = true; found; round++) {
      found = false;
      // What a round finds must not serve the same round, or words would not be shortest.
      const before = first.slice();
      for (let a = 0; a < width; a++) {
        for (let b = 0; b < width; b++) {
          if (a === b || (first[a * width + b] as number) >= 0) continue;
          const code = this.#teller(a, b, round === 0 ? undefined : before);
          if (code < 0) continue;
          first[a * width + b] = code;
          found = true;
        }
      }
    }
    return first;
  }

  #teller(a: number, b: number, told: Int16Array | undefined): number {
    for (let code = 0; code < WIDTH; code++) {
      const [left, right] = [this.table.step(a, code), this.table.step(b, code)];
      const pair = left.state * this.table.states.length + right.state;
      if (told === undefined ? this.differ(left, right) : (told[pair] as number) >= 0) return code;
    }
    return -1;
  }
}

function equal(one: readonly Command[], other: readonly Command[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((command, at) => command === other[at]);
}

function accessOf(table: Table): Word[] {
  const words: Word[] = Array.from({ length: table.states.length });
  words[0] = [];
  const queue = [0];
  for (const state of queue) {
    for (let code = 0; code < WIDTH; code++) {
      const { state: to } = table.step(state, code);
      if (words[to] !== undefined) continue;
      words[to] = [...(words[state] as Word), code];
      queue.push(to);
    }
  }
  return words;
}

/**
 * How many faults a suite finds. Sequences are laid out flat, with an index of where each step is
 * done for the first time: up to there a mutant of one fault is its original, so only what follows
 * is run.
 */
import type { Mealy } from './mealy.js';
import type { Fault, Mutant } from './mutants.js';
import { FAULTS, Mutants } from './mutants.js';

export interface Score {
  readonly fault: Fault;
  /** How many mutants were looked at. */
  readonly mutants: number;
  /** How many of them product exploration proves different. */
  readonly different: number;
  /** How many of those fail the suite. */
  readonly killed: number;
}

export interface Sample {
  /** Looks at every so many-th mutant only. Default: at every one. */
  readonly every?: number;
  /** The number of the first. */
  readonly from?: number;
}

/** Sequences of inputs, ready to be run against many mutants of one machine. */
export class Runner {
  readonly #original: Mealy;
  readonly #inputs: Uint8Array;
  /** The original's state before each input. */
  readonly #states: Int32Array;
  /** Where the sequence of each place ends. */
  readonly #ends: Int32Array;
  /** Where each step comes first in a sequence, by the input that follows; `#first` begins each. */
  readonly #first: Int32Array;
  readonly #places: Int32Array;

  constructor(machine: Mealy, sequences: Iterable<readonly number[]>) {
    this.#original = machine;
    const inputs: number[] = [];
    const ends: number[] = [];
    for (const sequence of sequences) {
      const end = inputs.length + sequence.length;
      for (const input of sequence) {
        inputs.push(input);
        ends.push(end);
      }
    }
    this.#inputs = Uint8Array.from(inputs);
    this.#ends = Int32Array.from(ends);
    this.#states = new Int32Array(inputs.length);
    const buckets = this.#trace();
    const { states, inputs: width } = machine;
    this.#first = new Int32Array(states * width * (width + 1) + 1);
    for (const bucket of buckets) if (bucket >= 0) (this.#first[bucket + 1] as number)++;
    for (let at = 1; at < this.#first.length; at++) {
      this.#first[at] = (this.#first[at] as number) + (this.#first[at - 1] as number);
    }
    this.#places = new Int32Array(this.#first.at(-1) as number);
    const filled = this.#first.slice();
    for (const [place, bucket] of buckets.entries()) {
      if (bucket >= 0) this.#places[(filled[bucket] as number)++] = place;
    }
  }

  get events(): number {
    return this.#inputs.length;
  }

  /** Runs the original. Gives the bucket of the step at each place, or -1 if it came before. */
  #trace(): Int32Array {
    const { states, inputs: width, next } = this.#original;
    const buckets = new Int32Array(this.#inputs.length);
    const seen = new Int32Array(states * width).fill(-1);
    let state = 0;
    for (let place = 0; place < buckets.length; place++) {
      const end = this.#ends[place] as number;
      if (place > 0 && this.#ends[place - 1] === place) state = 0;
      this.#states[place] = state;
      const cell = state * width + (this.#inputs[place] as number);
      const then = place + 1 < end ? (this.#inputs[place + 1] as number) : width;
      buckets[place] = seen[cell] === end ? -1 : cell * (width + 1) + then;
      seen[cell] = end;
      state = next[cell] as number;
    }
    return buckets;
  }

  /** Whether some sequence is answered wrongly. */
  kills({ machine, cell, then }: Mutant): boolean {
    const bucket = cell * (this.#original.inputs + 1);
    // What shows the fault soonest goes first; it decides nothing but the time.
    if (then >= 0 && this.#killsIn(machine, bucket + then, bucket + then + 1)) return true;
    return this.#killsIn(machine, bucket, bucket + this.#original.inputs + 1);
  }

  #killsIn(mutant: Mealy, from: number, to: number): boolean {
    const end = this.#first[to] as number;
    for (let at = this.#first[from] as number; at < end; at++) {
      if (this.#fails(mutant, this.#places[at] as number)) return true;
    }
    return false;
  }

  #fails(mutant: Mealy, from: number): boolean {
    const { inputs: width, output } = this.#original;
    const end = this.#ends[from] as number;
    let state = this.#states[from] as number;
    for (let place = from; place < end; place++) {
      const input = this.#inputs[place] as number;
      const cell = state * width + input;
      const due = (this.#states[place] as number) * width + input;
      if (mutant.output[cell] !== output[due]) return true;
      state = mutant.next[cell] as number;
    }
    return false;
  }
}

/** Runs the sequences against the mutants of one fault, all of them or a sample. */
export function scoreOf(
  machine: Mealy,
  runner: Runner,
  fault: Fault,
  { every = 1, from = 0 }: Sample = {},
): Score {
  const mutants = new Mutants(machine);
  const count = mutants.count(fault);
  const score = { fault, mutants: 0, different: 0, killed: 0 };
  for (let number = from; number < count; number += every) {
    const mutant = mutants.make(fault, number);
    score.mutants++;
    if (!mutants.isDifferent(mutant)) continue;
    score.different++;
    if (runner.kills(mutant)) score.killed++;
  }
  return score;
}

/** The same for every fault. */
export function scoresOf(
  machine: Mealy,
  runner: Runner,
  sample: (fault: Fault) => Sample,
): readonly Score[] {
  return FAULTS.map((fault) => scoreOf(machine, runner, fault, sample(fault)));
}

/**
 * Faults of an implementation, as testing theory has them: every machine that differs from the
 * given one in the output of one step, in where one step leads, or by one more state, a copy that
 * one step leads to and that differs from its original in one step.
 *
 * They are numbered, and made one at a time in one place, because there are tens of millions.
 */
import type { Mealy } from './mealy.js';

export const FAULTS = ['output', 'transfer', 'extraState'] as const;
export type Fault = (typeof FAULTS)[number];

/** A mutant is good until the next one is asked for. */
export interface Mutant {
  readonly machine: Mealy;
  /** The first step in which it departs from its original. */
  readonly cell: number;
  /** The input that must follow for a fault to show, where that step leads to a copy; else -1. */
  readonly then: number;
  /** Whether the faulty step answers wrongly; otherwise it leads to `found` instead of `due`. */
  readonly tells: boolean;
  readonly due: number;
  readonly found: number;
}

export class Mutants {
  readonly #original: Mealy;
  readonly #next: Int32Array;
  readonly #output: Int32Array;
  /** Every output that the machine has, and one that it has not: a mutant may say either. */
  readonly #outputs: number;
  readonly #marks: Int32Array;
  #mark = 0;
  #undo = -1;

  /** All states of `machine` must be reachable. */
  constructor(machine: Mealy) {
    const { states, inputs } = machine;
    this.#original = machine;
    // One more row than there are states, for the copy.
    this.#next = new Int32Array((states + 1) * inputs);
    this.#output = new Int32Array((states + 1) * inputs);
    this.#next.set(machine.next);
    this.#output.set(machine.output);
    this.#outputs = machine.output.reduce((most, output) => Math.max(most, output), 0) + 2;
    this.#marks = new Int32Array(states * (states + 1));
  }

  /** How many there are of this fault. */
  count(fault: Fault): number {
    const { states, inputs } = this.#original;
    const cells = states * inputs;
    if (fault === 'output') return cells * (this.#outputs - 1);
    if (fault === 'transfer') return cells * (states - 1);
    // The step to the copy, then the step of the copy: another output, or another of n + 1 states.
    return cells * inputs * (this.#outputs - 1 + states);
  }

  /** The mutant with this number. */
  make(fault: Fault, number: number): Mutant {
    this.#restore();
    const { states } = this.#original;
    if (fault === 'extraState') return this.#makeCopy(number);
    const ways = fault === 'output' ? this.#outputs - 1 : states - 1;
    const cell = Math.floor(number / ways);
    this.#undo = cell;
    return this.#change(cell, -1, cell, fault === 'output', number % ways);
  }

  #makeCopy(number: number): Mutant {
    const { states, inputs, next, output } = this.#original;
    const ways = this.#outputs - 1 + states;
    const cell = Math.floor(number / (ways * inputs));
    const then = Math.floor(number / ways) % inputs;
    const way = number % ways;
    const row = (next[cell] as number) * inputs;
    for (let input = 0; input < inputs; input++) {
      this.#next[states * inputs + input] = next[row + input] as number;
      this.#output[states * inputs + input] = output[row + input] as number;
    }
    this.#next[cell] = states;
    this.#undo = cell;
    const tells = way < this.#outputs - 1;
    const rest = tells ? way : way - (this.#outputs - 1);
    return this.#change(cell, then, states * inputs + then, tells, rest);
  }

  /** Changes one step to the other output, or the other state, of this number. */
  #change(cell: number, then: number, at: number, tells: boolean, way: number): Mutant {
    const { states, inputs } = this.#original;
    const values = tells ? this.#output : this.#next;
    const right = values[at] as number;
    values[at] = way < right ? way : way + 1;
    const machine = { states: states + 1, inputs, next: this.#next, output: this.#output };
    return { machine, cell, then, tells, due: right, found: values[at] as number };
  }

  #restore(): void {
    if (this.#undo < 0) return;
    this.#next[this.#undo] = this.#original.next[this.#undo] as number;
    this.#output[this.#undo] = this.#original.output[this.#undo] as number;
  }

  /**
   * Whether the mutant answers any sequence of inputs differently: the product of both, explored.
   * Every state is reachable and so is the faulty step, and but for it both machines are one; so
   * the exploration may begin behind it, and a pair of the same state leads to nothing new.
   */
  isDifferent({ machine, tells, due, found }: Mutant): boolean {
    if (tells) return true;
    const { inputs, next, output } = this.#original;
    const width = machine.states;
    const mark = ++this.#mark;
    const pairs = [due * width + found];
    this.#marks[pairs[0] as number] = mark;
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const left = Math.floor(pair / width) * inputs;
      const right = (pair % width) * inputs;
      for (let input = 0; input < inputs; input++) {
        if (output[left + input] !== machine.output[right + input]) return true;
        const [to, mine] = [next[left + input] as number, machine.next[right + input] as number];
        const then = to * width + mine;
        if (to === mine || this.#marks[then] === mark) continue;
        this.#marks[then] = mark;
        pairs.push(then);
      }
    }
    return false;
  }
}

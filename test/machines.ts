/** Small machines to hold methods against: some at random, or all that there are. */
import type { Cover, Size } from '../src/check/suites/cover.js';
import { coverOf } from '../src/check/suites/cover.js';
import type { Identifiers } from '../src/check/suites/hsi.js';
import { identifiersOf } from '../src/check/suites/hsi.js';
import type { Mealy } from '../src/check/suites/mealy.js';
import { minimise } from '../src/check/suites/minimal.js';

export interface Shape {
  readonly states: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let at = seed;
  return (below) => {
    at = (at + 0x6d2b79f5) | 0;
    let bits = Math.imul(at ^ (at >>> 15), 1 | at);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** Random machines all of whose states can be reached. */
export function* randomMachines({
  count,
  seed,
  ...shape
}: Shape & { count: number; seed: number }): Generator<Mealy> {
  const random = randomNumbers(seed);
  const cells = shape.states * shape.inputs;
  for (let made = 0; made < count; ) {
    const machine = {
      ...shape,
      next: Int32Array.from({ length: cells }, () => random(shape.states)),
      output: Int32Array.from({ length: cells }, () => random(shape.outputs)),
    };
    if (!isConnected(machine)) continue;
    made++;
    yield machine;
  }
}

function isConnected({ states, inputs, next }: Mealy): boolean {
  const found = new Set([0]);
  for (const state of found) {
    for (const to of next.subarray(state * inputs, (state + 1) * inputs)) found.add(to);
  }
  return found.size === states;
}

/** Every machine of a shape, in one and the same object. */
export function* allMachines({ states, inputs, outputs }: Shape): Generator<Mealy> {
  const cells = states * inputs;
  const machine = { states, inputs, next: new Int32Array(cells), output: new Int32Array(cells) };
  const ways = states * outputs;
  for (let number = 0; number < ways ** cells; number++) {
    let rest = number;
    for (let cell = 0; cell < cells; cell++) {
      machine.next[cell] = (rest % ways) % states;
      machine.output[cell] = Math.floor((rest % ways) / states);
      rest = Math.floor(rest / ways);
    }
    yield machine;
  }
}

/** As many sequences as these, each as long as its fellow, of inputs at random. */
export function randomWalks(
  fellows: readonly (readonly number[])[],
  inputs: number,
  random: (below: number) => number,
): number[][] {
  return fellows.map((fellow) => fellow.map(() => random(inputs)));
}

/** Identifiers for a machine as it is written: each state has those of its class. */
export function identifiersFor(machine: Mealy): Identifiers {
  const { machine: minimal, classOf } = minimise(machine);
  const identifiers = identifiersOf(minimal);
  return classOf.map((state) => identifiers[state] as readonly (readonly number[])[]);
}

export function hsi(machine: Mealy, k: number): Cover {
  return coverOf(machine, k + 1, identifiersFor(machine));
}

/** How large sequences are that were made. */
export function sizeOf(sequences: Iterable<readonly number[]>): Size {
  let [scenarios, events] = [0, 0];
  for (const sequence of sequences) {
    scenarios++;
    events += sequence.length;
  }
  return { scenarios, events };
}

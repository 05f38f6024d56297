/**
 * Harmonised state identifiers: for each state a few sequences of inputs, such that any two states
 * have one in common that they answer differently (Luo, Petrenko and von Bochmann, "Selecting test
 * sequences for partially-specified nondeterministic finite state machines", 1994).
 *
 * With them, the tests "go to a state, do any k + 1 inputs, identify" are complete: an
 * implementation with at most n + k states that passes them is right, where n is the number of
 * states of the minimal machine (Petrenko, "Fault model-driven test derivation", 1991; the bound is
 * Vasilevskii's, 1973, and Chow's, 1978). `cover.ts` makes them.
 */
import type { Mealy } from './mealy.js';
import { separator } from './minimal.js';

/** Sequences of inputs, per state. */
export type Identifiers = readonly (readonly (readonly number[])[])[];

/**
 * Identifiers of a minimal machine. Each group of states that look alike so far is split by one
 * sequence, which all its members get; so two states share the one that parted them, and that is
 * what makes them harmonised. The input that splits a group into the most parts is taken; where no
 * single one splits it, the shortest that tells two of its members apart.
 */
export function identifiersOf(machine: Mealy): Identifiers {
  const identifiers = Array.from({ length: machine.states }, (): (readonly number[])[] => []);
  const separate = separator(machine);
  const groups = [identifiers.map((_, state) => state)];
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const [one, other] = group;
    if (one === undefined || other === undefined) continue;
    const pair = separate(one, other);
    if (pair === undefined) throw new RangeError('the machine is not minimal');
    const sequence = bestInput(machine, group) ?? pair;
    for (const state of group) (identifiers[state] as (readonly number[])[]).push(sequence);
    groups.push(...split(machine, group, sequence));
  }
  return identifiers;
}

function bestInput(machine: Mealy, group: readonly number[]): readonly number[] | undefined {
  let best: readonly number[] | undefined;
  let most = 1;
  for (let input = 0; input < machine.inputs; input++) {
    const parts = new Set(group.map((state) => machine.output[state * machine.inputs + input]));
    if (parts.size > most) [best, most] = [[input], parts.size];
  }
  return best;
}

function split(machine: Mealy, group: readonly number[], sequence: readonly number[]): number[][] {
  const parts = new Map<string, number[]>();
  for (const state of group) {
    const answer = outputsOf(machine, state, sequence).join(' ');
    parts.set(answer, [...(parts.get(answer) ?? []), state]);
  }
  return [...parts.values()];
}

/** What a state answers to a sequence. */
export function outputsOf(machine: Mealy, from: number, sequence: readonly number[]): number[] {
  let state = from;
  return sequence.map((input) => {
    const cell = state * machine.inputs + input;
    state = machine.next[cell] as number;
    return machine.output[cell] as number;
  });
}

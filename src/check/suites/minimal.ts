/**
 * The minimal machine, and what tells its states apart.
 *
 * Partition refinement, round by round (Moore, "Gedanken-experiments on sequential machines",
 * 1956): after round r, two states are in one block exactly if no r inputs tell them apart. The
 * rounds are kept, because they are the witnesses: a shortest sequence that separates two states is
 * read back from the round that did.
 */
import type { Mealy } from './mealy.js';

export interface Minimal {
  readonly machine: Mealy;
  /** The state of the minimal machine that each state is. */
  readonly classOf: readonly number[];
}

/** The blocks of all states after each round, from the one block before the first. */
function roundsOf({ states, inputs, next, output }: Mealy): readonly (readonly number[])[] {
  const rounds = [new Array<number>(states).fill(0)];
  for (let count = 1; ; ) {
    const before = rounds.at(-1) as readonly number[];
    const numbers = new Map<string, number>();
    const blocks = before.map((block, state) => {
      const row = state * inputs;
      // The first round asks for outputs; in each later one they are told by the block.
      const seen =
        rounds.length === 1
          ? output.subarray(row, row + inputs)
          : next.subarray(row, row + inputs).map((to) => before[to] as number);
      const key = `${block}:${seen.join(' ')}`;
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      return numbers.get(key) as number;
    });
    if (numbers.size === count) return rounds;
    count = numbers.size;
    rounds.push(blocks);
  }
}

/** The machine with the fewest states that answers as this one, which must reach all of its own. */
export function minimise(machine: Mealy): Minimal {
  const classOf = roundsOf(machine).at(-1) as readonly number[];
  const { inputs } = machine;
  // Blocks are numbered as their first states are met, so the start is block 0 again.
  const states = Math.max(...classOf) + 1;
  const next = new Int32Array(states * inputs);
  const output = new Int32Array(states * inputs);
  for (const [state, block] of classOf.entries()) {
    for (let input = 0; input < inputs; input++) {
      next[block * inputs + input] = classOf[machine.next[state * inputs + input] as number] ?? 0;
      output[block * inputs + input] = machine.output[state * inputs + input] as number;
    }
  }
  return { machine: { states, inputs, next, output }, classOf };
}

/** A shortest sequence of inputs that two states answer differently, if there is one. */
export function separator(machine: Mealy): (one: number, other: number) => number[] | undefined {
  const rounds = roundsOf(machine);
  const { inputs, next, output } = machine;
  return (one, other) => {
    let round = rounds.findIndex((blocks) => blocks[one] !== blocks[other]);
    if (round < 0) return undefined;
    const sequence: number[] = [];
    let [left, right] = [one, other];
    for (; round > 0; round--) {
      const blocks = rounds[round - 1] as readonly number[];
      let input = 0;
      const tells = () => {
        const [a, b] = [left * inputs + input, right * inputs + input];
        if (round === 1) return output[a] !== output[b];
        return blocks[next[a] as number] !== blocks[next[b] as number];
      };
      while (!tells()) input++;
      sequence.push(input);
      [left, right] = [next[left * inputs + input] ?? 0, next[right * inputs + input] ?? 0];
    }
    return sequence;
  };
}

/**
 * A machine in numbers, as the methods of testing theory want it: deterministic, with an answer to
 * every input in every state (a Mealy machine). The machine of a table has its events as inputs,
 * and as the output of a step its list of commands.
 */
import type { Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import type { Table } from '../../table.js';
import { wordOf } from '../../trace.js';

/** State 0 is the start. The step of `state` on `input` stands at `state * inputs + input`. */
export interface Mealy {
  readonly states: number;
  readonly inputs: number;
  readonly next: Int32Array;
  readonly output: Int32Array;
}

/** A table seen through some of its events: what they can reach, with its commands as numbers. */
export interface View {
  readonly machine: Mealy;
  /** The event of each input. */
  readonly events: readonly Event[];
  /** The commands of each output, as one text. */
  readonly outputs: readonly string[];
  /** The table's state of each state. */
  readonly stateAt: readonly number[];
}

/** What `table` is for a world in which only `events` happen. */
export function viewOf(table: Table, events: readonly Event[] = EVENTS): View {
  const codes = events.map((event) => EVENTS.indexOf(event));
  const stateAt = [0];
  const numbers = new Map([[0, 0]]);
  const outputs = new Map<string, number>();
  const next: number[] = [];
  const output: number[] = [];
  for (let at = 0; at < stateAt.length; at++) {
    for (const code of codes) {
      const { state, commands } = table.step(stateAt[at] as number, code);
      if (!numbers.has(state)) numbers.set(state, stateAt.push(state) - 1);
      next.push(numbers.get(state) as number);
      const text = commands.map(wordOf).join(' ');
      if (!outputs.has(text)) outputs.set(text, outputs.size);
      output.push(outputs.get(text) as number);
    }
  }
  return {
    machine: {
      states: stateAt.length,
      inputs: events.length,
      next: Int32Array.from(next),
      output: Int32Array.from(output),
    },
    events,
    outputs: [...outputs.keys()],
    stateAt,
  };
}

/**
 * Explores the product of two machines, breadth first, and gives a shortest sequence of inputs that
 * they answer differently from these states; nothing where they are the same for ever.
 */
export function difference(
  one: Mealy,
  other: Mealy,
  from: readonly [number, number] = [0, 0],
): readonly number[] | undefined {
  const width = other.states;
  const pairs = [from[0] * width + from[1]];
  const parents = [-1];
  const inputs = [-1];
  const seen = new Set(pairs);
  for (let at = 0; at < pairs.length; at++) {
    const left = Math.floor((pairs[at] as number) / width) * one.inputs;
    const right = ((pairs[at] as number) % width) * one.inputs;
    for (let input = 0; input < one.inputs; input++) {
      if (one.output[left + input] !== other.output[right + input]) {
        return [...pathTo(at, parents, inputs), input];
      }
      const pair =
        (one.next[left + input] as number) * width + (other.next[right + input] as number);
      if (seen.has(pair)) continue;
      seen.add(pair);
      pairs.push(pair);
      parents.push(at);
      inputs.push(input);
    }
  }
  return undefined;
}

function pathTo(at: number, parents: readonly number[], inputs: readonly number[]): number[] {
  const path: number[] = [];
  for (let node = at; (parents[node] as number) >= 0; node = parents[node] as number) {
    path.push(inputs[node] as number);
  }
  return path.reverse();
}

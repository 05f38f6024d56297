/**
 * Mutants of a table: the same machine with one fault in one cell, which is one answer of one state
 * to one event. They are made on demand, since all of them are more than a million.
 */
import type { Command } from '../../machines/events.js';
import { COMMANDS, EVENTS, textOf } from '../../machines/events.js';
import type { Rows, Step } from '../table.js';
import { Table } from '../table.js';

/** What a mutant does instead. */
export interface Deed {
  readonly state: number;
  readonly commands: readonly Command[];
}

/** How a mutant came about, from the faults that are made most often to the ones made least. */
export const FAULTS = {
  commandDropped: 'a command is not ordered',
  commandDoubled: 'a command is ordered twice',
  commandsSwapped: 'two commands that stand side by side change places',
  transitionDropped: 'the event is ignored: nothing is ordered and nothing changes',
  transitionDoubled: 'all that is ordered is ordered twice',
  guardMistaken: 'the event is answered as its sibling with another field',
  targetChanged: 'it leads to another state',
  commandAdded: 'a command is ordered beside the others, first or last',
} as const;
export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as Fault[];

export interface Mutant extends Deed {
  readonly fault: Fault;
  /** Where: the state and the code of the event whose answer is another one. */
  readonly from: number;
  readonly code: number;
}

type Making = (table: Table, step: Step, from: number, code: number) => Iterable<Deed>;

const without = <T>(list: readonly T[], at: number) => list.toSpliced(at, 1);
const siblings = EVENTS.map(({ type }, code) =>
  [...EVENTS.keys()].filter((other) => other !== code && EVENTS[other]?.type === type),
);

const MAKERS: Record<Fault, Making> = {
  commandDropped: (_, { state, commands }) =>
    commands.map((_, at) => ({ state, commands: without(commands, at) })),
  commandDoubled: (_, { state, commands }) =>
    commands.map((one, at) => ({ state, commands: commands.toSpliced(at, 0, one) })),
  commandsSwapped: (_, { state, commands }) =>
    commands.slice(1).map((later, at) => ({
      state,
      commands: commands.toSpliced(at, 2, later, commands[at] as Command),
    })),
  transitionDropped: (_, _step, from) => [{ state: from, commands: [] }],
  transitionDoubled: (_, { state, commands }) => [{ state, commands: [...commands, ...commands] }],
  guardMistaken: (table, _, from, code) =>
    (siblings[code] as number[]).map((other) => table.step(from, other)),
  targetChanged: (table, { commands }) => table.states.map((_, state) => ({ state, commands })),
  commandAdded: (_, { state, commands }) =>
    COMMANDS.flatMap((one) => [
      { state, commands: [one, ...commands] },
      { state, commands: [...commands, one] },
    ]),
};

const codes = new Map<Command, number>(COMMANDS.map((command, code) => [command, code]));
const keyOf = ({ state, commands }: Deed) =>
  `${state} ${commands.map((command) => codes.get(command)).join(' ')}`;

/** Every mutant of one cell. What two faults make alike is counted once, under the first. */
export function* mutantsAt(table: Table, from: number, code: number): Generator<Mutant> {
  const step = table.step(from, code);
  const made = new Set([keyOf(step)]);
  for (const fault of FAULT_NAMES) {
    for (const { state, commands } of MAKERS[fault](table, step, from, code)) {
      const key = keyOf({ state, commands });
      if (made.has(key)) continue;
      made.add(key);
      yield { fault, from, code, state, commands };
    }
  }
}

/** Every mutant of a table, cell by cell. */
export function* allMutants(table: Table): Generator<Mutant> {
  for (const from of table.states.keys()) {
    for (const code of EVENTS.keys()) yield* mutantsAt(table, from, code);
  }
}

/**
 * A sample without repetition that has as many of each fault as of any other, so that the rare
 * ones are asked about too. `chance` gives numbers in [0, 1).
 */
export function sampleMutants(table: Table, size: number, chance: () => number): Mutant[] {
  const each = Math.ceil(size / FAULT_NAMES.length);
  const draw = (below: number) => Math.floor(chance() * below);
  const drawn = FAULT_NAMES.map(() => new Map<string, Mutant>());
  // A table has finitely many of a fault, so the drawing is bounded and the sample may be smaller.
  for (let left = size * 50; left > 0 && drawn.some(({ size }) => size < each); left--) {
    const [from, code] = [draw(table.states.length), draw(EVENTS.length)];
    const among = [...mutantsAt(table, from, code)];
    for (const [place, fault] of FAULT_NAMES.entries()) {
      const fitting = among.filter((mutant) => mutant.fault === fault);
      const mutant = fitting[draw(fitting.length)];
      const found = drawn[place] as Map<string, Mutant>;
      if (mutant !== undefined && found.size < each) {
        found.set(`${from} ${code} ${keyOf(mutant)}`, mutant);
      }
    }
  }
  return drawn.flatMap((found) => [...found.values()]).slice(0, size);
}

/** The table that has this one fault, for whoever needs a whole one. */
export function tableOf(table: Table, mutant: Mutant): Table {
  const rowOf = ({ state, commands }: Deed): Rows['steps'][number] => [
    state,
    'taken',
    '',
    ...commands.map((command) => codes.get(command) as number),
  ];
  const width = EVENTS.length;
  const steps = table.states.flatMap((_, state) =>
    EVENTS.map((_, code) => {
      const isFaulty = state === mutant.from && code === mutant.code;
      return rowOf(isFaulty ? mutant : table.step(state, code));
    }),
  );
  const cells = table.states.map((_, state) => EVENTS.map((_, code) => state * width + code));
  return new Table({ machine: table.machine, states: table.states, steps, cells });
}

/** A mutant in words: where it is, what it was, and what it is. */
export function wordsOf(table: Table, mutant: Mutant) {
  const { from, code, fault } = mutant;
  const told = ({ state, commands }: Deed) =>
    `[${commands.map(textOf).join(', ')}] -> ${state === from ? 'stays' : table.states[state]}`;
  return {
    fault,
    state: table.states[from] as string,
    event: textOf(EVENTS[code] as (typeof EVENTS)[number]),
    was: told(table.step(from, code)),
    is: told(mutant),
  };
}

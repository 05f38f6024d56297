/** Machines with one fault, for the tests that show that no claim is empty. */
import fc from 'fast-check';
import { COMMANDS, EVENTS, textOf } from '../machines/events.js';
import { rows } from '../src/exchange.generated.js';
import type { Rows } from '../src/table.js';
import { Table } from '../src/table.js';

type Row = Rows['steps'][number];

const steps = [...rows.steps.keys()];
const codesOf = ([, , , ...codes]: Row) => codes;

/** One fault in one step: `at` is the step, `row` what it has become. */
interface Fault {
  readonly at: number;
  readonly row: Row;
}

function edit(at: number, change: (codes: number[]) => number[]): Fault {
  const [state, answer, reason, ...codes] = rows.steps[at] as Row;
  return { at, row: [state, answer, reason, ...change(codes)] };
}

/** Commands are drawn before steps, so that what is rarely ordered is dropped as often as the rest. */
const dropped = fc
  .constantFrom(...COMMANDS.keys())
  .map((code) => ({
    code,
    among: steps.filter((at) => codesOf(rows.steps[at] as Row).includes(code)),
  }))
  .filter(({ among }) => among.length > 0)
  .chain(({ code, among }) =>
    fc.constantFrom(...among).map((at) => edit(at, (codes) => codes.filter((one) => one !== code))),
  );
const added = fc
  .tuple(fc.constantFrom(...steps), fc.constantFrom(...COMMANDS.keys()), fc.boolean())
  .map(([at, code, first]) => edit(at, (codes) => (first ? [code, ...codes] : [...codes, code])));
const misled = fc
  .tuple(fc.constantFrom(...steps), fc.constantFrom(...rows.states.keys()))
  .map(([at, state]): Fault => {
    const [, ...rest] = rows.steps[at] as Row;
    return { at, row: [state, ...rest] };
  });

/** Machines that are one fault away from ours. */
export const mutants = fc
  .oneof(dropped, added, misled)
  .map(({ at, row }) => new Table({ ...rows, steps: rows.steps.with(at, row) }));

/** One fault by its place: in the states that `at` finds, and on the events that `on` finds. */
export interface Planted {
  readonly at?: RegExp;
  readonly on: RegExp;
  readonly drops?: RegExp;
  readonly adds?: string;
  /** Where it leads instead: the name of a state, or `stay`. */
  readonly to?: string;
}

/** Our machine with one fault planted. Throws if nothing has its place. */
export function planted({ at = /./, on, drops, adds, to }: Planted): Table {
  const cellSteps: Row[] = [];
  let changed = 0;
  const cells = rows.cells.map((row, state) =>
    row.map((place, code) => {
      const [next, answer, reason, ...codes] = rows.steps[place] as Row;
      const name = rows.states[state] as string;
      const hit = at.test(name) && on.test(textOf(EVENTS[code] as (typeof EVENTS)[number]));
      const wordOf = (one: number) => textOf(COMMANDS[one] as (typeof COMMANDS)[number]);
      const kept = codes.filter((one) => !hit || !drops?.test(wordOf(one)));
      const more = COMMANDS.flatMap((one, of) => (hit && textOf(one) === adds ? [of] : []));
      const target = !hit || to === undefined ? next : to === 'stay' ? state : numberOf(to);
      if (target !== next || kept.length !== codes.length || more.length > 0) changed++;
      return cellSteps.push([target, answer, reason, ...kept, ...more]) - 1;
    }),
  );
  if (changed === 0) throw new Error(`nothing was changed on ${on}`);
  return new Table({ ...rows, steps: cellSteps, cells });
}

function numberOf(name: string): number {
  const number = rows.states.indexOf(name);
  if (number < 0) throw new Error(`no state is named ${name}`);
  return number;
}

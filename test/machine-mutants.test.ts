/** No claim is empty: for each there is a machine, one fault away from ours, that breaks it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone } from '../machines/environments.js';
import { COMMANDS } from '../machines/events.js';
import type { Property } from '../machines/properties.js';
import { properties } from '../machines/properties.js';
import { explore, judge } from '../src/check/explore.js';
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

const mutants = fc
  .oneof(dropped, added, misled)
  .map(({ at, row }) => new Table({ ...rows, steps: rows.steps.with(at, row) }));

describe('every claim', () => {
  it('is broken by a machine that has one fault', () => {
    const unbroken = new Set<Property>(properties.filter(({ mood }) => mood === 'always'));
    // Seeded, so that the machines are the same ones every time.
    for (const mutant of fc.sample(mutants, { seed: 1, numRuns: 1000 })) {
      if (unbroken.size === 0) break;
      const graph = explore(mutant, anyone);
      for (const property of unbroken) {
        if (!judge(graph, property).holds) unbroken.delete(property);
      }
    }
    expect([...unbroken].map(({ name }) => name)).toEqual([]);
  }, 60_000);
});

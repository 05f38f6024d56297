/** What suites find of the faults that the exchange may have, and what they cost. */
import { createTestModel } from '@xstate/test';
import { describe, expect, it } from 'vitest';
import type { Event } from '../machines/events.js';
import { EVENTS } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { orderings } from '../src/check/orderings.js';
import { coverOf } from '../src/check/suites/cover.js';
import { viewOf } from '../src/check/suites/mealy.js';
import type { Fault } from '../src/check/suites/mutants.js';
import { FAULTS } from '../src/check/suites/mutants.js';
import { Runner, scoreOf } from '../src/check/suites/score.js';
import { table } from '../src/step.js';
import { hsi, randomNumbers, randomWalks, sizeOf } from './machines.js';

const MINUTES = 240_000;
const real = viewOf(table).machine;

/** The most that is looked at; what is left out is a sample of tens of millions. */
const EVERY: Record<Fault, number> = { output: 1, transfer: 1, extraState: 101 };

describe('of the exchange, HSI with k = 1', () => {
  it(
    'kills every output and transfer mutant, and of one more state each that was looked at',
    () => {
      const runner = new Runner(real, hsi(real, 1).sequences());
      const scores = FAULTS.map((fault) =>
        scoreOf(real, runner, fault, { every: EVERY[fault], from: 7 % EVERY[fault] }),
      );
      for (const { different, killed } of scores) expect(killed).toBe(different);
      expect(scores).toMatchInlineSnapshot(`
        [
          {
            "different": 624234,
            "fault": "output",
            "killed": 624234,
            "mutants": 624234,
          },
          {
            "different": 868699,
            "fault": "transfer",
            "killed": 868699,
            "mutants": 883350,
          },
          {
            "different": 574280,
            "fault": "extraState",
            "killed": 574280,
            "mutants": 584411,
          },
        ]
      `);
    },
    MINUTES,
  );
});

const codesOf = (ordering: readonly Event[]) => ordering.map((event) => EVENTS.indexOf(event));

/** The machine with the executor of actions that this `@xstate/test` does not bring along. */
function pathsOfXState(): number[][] {
  type Scope = Parameters<typeof exchange.transition>[2];
  const scoped = (scope: Scope): Scope => ({ ...scope, actionExecutor: () => {} });
  const machine: typeof exchange = Object.assign(Object.create(exchange), {
    transition: (...[snapshot, event, scope]: Parameters<typeof exchange.transition>) =>
      exchange.transition(snapshot, event, scoped(scope)),
    getInitialSnapshot: (scope: Scope) => exchange.getInitialSnapshot(scoped(scope)),
  });
  return createTestModel(machine)
    .getShortestPaths({ events: [...EVENTS] })
    .map(({ steps }) => codesOf(steps.map(({ event }) => event as Event)).filter((at) => at >= 0));
}

describe('what suites find', () => {
  it(
    'of the faults of the exchange, beside each other',
    () => {
      const every: Record<Fault, number> = { output: 101, transfer: 101, extraState: 10_007 };
      const row = (name: string, sequences: readonly (readonly number[])[]) => {
        const { scenarios, events } = sizeOf(sequences);
        const runner = new Runner(real, sequences);
        const shares = FAULTS.map((fault) => {
          const { killed, different } = scoreOf(real, runner, fault, { every: every[fault] });
          // Rounded down, so that 100 is all of them.
          return (Math.floor((1000 * killed) / different) / 10).toFixed(1);
        });
        const sizes = [scenarios, events].map((size) => size.toLocaleString('en-US'));
        const cells = [...sizes, ...shares].map((cell) => cell.padStart(12));
        return `${name.padEnd(28)}${cells.join('')}`;
      };
      const heads = ['scenarios', 'events', ...FAULTS];
      const rows = [
        `${'killed, in %'.padEnd(28)}${heads.map((cell) => cell.padStart(12)).join('')}`,
      ];
      const random = randomNumbers(6);
      const suites = {
        '@xstate/test, shortest paths': pathsOfXState(),
        'all orderings of 3': [...orderings({ events: EVENTS, length: 3 })].map(codesOf),
        'all transitions': [...coverOf(real, 1).sequences()],
        'HSI, k = 0': [...hsi(real, 0).sequences()],
        '1-switch': [...coverOf(real, 2).sequences()],
        'HSI, k = 1': [...hsi(real, 1).sequences()],
      };
      for (const [name, sequences] of Object.entries(suites)) {
        rows.push(row(name, sequences));
        if (name.startsWith('all orderings')) continue;
        rows.push(row('  random walks as long', randomWalks(sequences, EVENTS.length, random)));
      }
      expect(`\n${rows.join('\n')}\n`).toMatchInlineSnapshot(`
        "
        killed, in %                   scenarios      events      output    transfer  extraState
        @xstate/test, shortest paths       2,009      10,320        36.6         2.6         0.3
          random walks as long             2,009      10,320        13.1        10.4         1.7
        all orderings of 3                59,319     177,957        21.8         8.4         3.9
        all transitions                    5,739      28,727       100.0         2.6         1.1
          random walks as long             5,739      28,727        16.5        13.6         3.4
        HSI, k = 0                        17,305     105,093       100.0       100.0         5.2
          random walks as long            17,305     105,093        23.2        19.8         7.7
        1-switch                         223,821   1,344,174       100.0       100.0        43.3
          random walks as long           223,821   1,344,174        40.1        32.8        15.0
        HSI, k = 1                       606,163   4,283,114       100.0       100.0       100.0
          random walks as long           606,163   4,283,114        49.6        43.0        21.5
        "
      `);
    },
    MINUTES,
  );
});

/**
 * Orderings, on the gateway that runs: real sockets, a raw client, a scripted upstream. What HTTP
 * cannot express goes through the Exchange. `test/model/http.ts` says what HTTP can express.
 */
import { createTestModel } from '@xstate/test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../machines/events.js';
import { EVENTS, textOf } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { orderings } from '../src/check/orderings.js';
import { Exchange } from '../src/exchange.js';
import { nameOf } from '../src/names.js';
import { start, step, table } from '../src/step.js';
import type { TraceRecord } from '../src/trace.js';
import { classesOf, expressible, longest, walk } from './model/classes.js';
import { http } from './model/http.js';
import type { Ordering } from './model/script.js';
import { driveAll } from './model/theatre.js';

/** The longest for which driving all of them stays under 40 seconds on two cores. */
const LENGTH = 7;
/** The longest for which the Exchange takes all there are, expressible or not, in a second. */
const EXCHANGE_LENGTH = 3;
const MINUTES = 60_000;

/** A failure names the seed and the path; with them in the environment it runs again. */
const replay = {
  ...(process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }),
  ...(process.env.FC_PATH === undefined ? {} : { path: process.env.FC_PATH }),
};

/** Gives an ordering to the Exchange, and holds its trace against the ordering and the machine. */
function takeAll(ordering: Ordering): Exchange {
  const trace: TraceRecord[] = [];
  const live = new Exchange({ id: 'ordering', trace: (record) => trace.push(record) });
  for (const event of ordering) live.receive(event);
  let state = start();
  let records = 0;
  for (const [place, event] of ordering.entries()) {
    const taken = step(state, event);
    state = taken.state;
    const record = trace[place] as TraceRecord;
    records += taken.commands.filter(({ type }) => type === 'recordUsage').length;
    if (record.event !== textOf(event) || record.state !== table.states[state] || records > 1) {
      expect.fail(`${ordering.map(textOf).join(' ')}: ${JSON.stringify(record)}`);
    }
  }
  return live;
}

describe(`every ordering of ${LENGTH} events`, () => {
  it('is driven over HTTP, or that far, or is for the Exchange alone: how many, and why', () => {
    const classes = classesOf(LENGTH);
    const { driven, drivenUpTo, exchange: alone } = classes;
    const parts = Object.values(drivenUpTo);
    const all = parts.reduce((sum, count) => sum + count, driven + alone);
    expect(all).toBe(EVENTS.length ** LENGTH);
    expect(classes).toMatchInlineSnapshot(`
      {
        "driven": 1973,
        "drivenUpTo": {
          "1": 2706725970,
          "2": 731047356,
          "3": 75572406,
          "4": 5063409,
          "5": 310167,
          "6": 22480,
        },
        "exchange": 133712262918,
        "why": {
          "HTTP has no such order": 64793664903,
          "HTTP has no transport beside the sockets of its peers": 3632012712,
          "a chunk of HTTP is never empty": 3632012712,
          "a fault of our own is nothing that a peer can order": 3632012712,
          "how much the kernel takes is not for peers to say": 10896038136,
          "node:http tells of trailers at the end only, so they are an end": 3632012712,
          "one small deadline at a time keeps the order certain": 12,
          "the accounting answers by itself": 3632012712,
          "the ledger answers by itself": 7264025424,
          "this deadline does not run": 36117212671,
        },
      }
    `);
  });

  it(
    'that HTTP can express is taken in that order by the gateway',
    async () => {
      const all = [...orderings({ events: EVENTS, length: LENGTH, environment: http })];
      expect(all.length).toMatchInlineSnapshot(`2549`);
      await driveAll(all);
    },
    3 * MINUTES,
  );

  it(
    `or of ${EXCHANGE_LENGTH} of any kind is taken by the Exchange as the machine says`,
    () => {
      let count = 0;
      for (const ordering of orderings({ events: EVENTS, length: EXCHANGE_LENGTH })) {
        takeAll(ordering);
        count++;
      }
      expect(count).toBe(EVENTS.length ** EXCHANGE_LENGTH);
    },
    MINUTES,
  );
});

/**
 * `@xstate/test` was last made for an XState that asked less of whoever calls `transition`: here it
 * gets the executor of actions that it does not bring along. Actions do nothing in a model.
 */
function forTestModel(machine: typeof exchange): typeof exchange {
  type Scope = Parameters<typeof machine.transition>[2];
  const scoped = (scope: Scope): Scope => ({ ...scope, actionExecutor: () => {} });
  return Object.assign(Object.create(machine), {
    transition: (...[snapshot, event, scope]: Parameters<typeof machine.transition>) =>
      machine.transition(snapshot, event, scoped(scope)),
    getInitialSnapshot: (scope: Scope) => machine.getInitialSnapshot(scoped(scope)),
  });
}

describe('the shortest paths of @xstate/test', () => {
  const model = createTestModel(forTestModel(exchange));
  const paths = model.getShortestPaths({ events: [...EVENTS] }).map(({ state, steps }) => ({
    state: nameOf(state.value),
    ordering: steps.map(({ event }) => event as Event).filter((event) => EVENTS.includes(event)),
  }));

  it('lead to every state there is, and the Exchange goes there', () => {
    const reached = paths.map(({ state }) => state);
    expect(new Set([table.states[start()], ...reached])).toEqual(new Set(table.states));
    for (const { state, ordering } of paths) expect(takeAll(ordering).state).toBe(state);
  });

  it(
    'are driven over HTTP, as far as it can express them',
    async () => {
      const parts = paths.map(({ ordering }) => expressible(ordering));
      const whole = parts.filter((part, place) => part.length === paths[place]?.ordering.length);
      const none = parts.filter((part) => part.length === 0);
      expect({
        driven: whole.length,
        drivenInPart: paths.length - whole.length - none.length,
        exchange: none.length,
      }).toMatchInlineSnapshot(`
        {
          "driven": 45,
          "drivenInPart": 1497,
          "exchange": 467,
        }
      `);
      await driveAll(longest(parts));
    },
    MINUTES,
  );
});

describe('random orderings', () => {
  it(
    'that HTTP can express are taken in that order, late and repeated bodies included',
    async () => {
      const walks = fc.array(fc.nat(), { minLength: 8, maxLength: 18 }).map(walk);
      const many = fc.array(walks, { minLength: 30, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(many, (some) => driveAll(some)),
        { numRuns: 4, endOnFailure: true, ...replay },
      );
    },
    MINUTES,
  );

  it('of any kind and length are taken by the Exchange as the machine says', () => {
    const some = fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 });
    fc.assert(
      fc.property(some, (ordering) => {
        const first = takeAll(ordering).outcome;
        const late = takeAll([...ordering, ...ordering]).outcome;
        if (first !== undefined) expect(late).toBe(first);
      }),
      { numRuns: 2_000, ...replay },
    );
  });
});

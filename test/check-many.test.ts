/** Many exchanges in one gateway: what they share is kept, and nothing else ties them together. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, events, textOf } from '../machines/events.js';
import type { Locals } from '../src/check/locals.js';
import { localsOf } from '../src/check/locals.js';
import type { ManyReport } from '../src/check/many.js';
import { exploreMany } from '../src/check/many.js';
import type { Gateway, Resource } from '../src/check/sharing.js';
import { buffers, claimsOf, gatewayOf, inFlight, slots } from '../src/check/sharing.js';
import { Exchange } from '../src/exchange.js';
import { table } from '../src/step.js';
import { planted } from './mutants.js';

/**
 * The projected alphabet of the larger products: the way of an exchange through slot, buffer and
 * record, and each way out of it. What it leaves out ties no exchange to another.
 */
const FEW: readonly Event[] = [
  events.requestHeaders,
  events.requestRouted,
  events.requestEnd,
  events.responseHeaders('success'),
  events.responseBody,
  events.responseEnd,
  events.downstreamClosed('cancel'),
  events.upstreamFailed,
  events.usageRead,
  events.usageRecorded,
  events.deadlineExpired('total'),
  events.deadlineExpired('settle'),
];
const DRAIN = [...FEW, events.drainStarted, events.deadlineExpired('drain')];

const lone = gatewayOf([]);
const gateway = gatewayOf([slots(1), buffers(2), inFlight(3)], events.drainStarted);

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
/** How many bags of `k` there are of `n` kinds. */
const bagsOf = (n: number, k: number) =>
  Array.from({ length: k }, (_, place) => n + place).reduce((all, one) => all * one, 1) /
  factorial(k);

function both(locals: Locals, exchanges: number, sharing = locals.gateway, endings = false) {
  const claims = claimsOf(sharing);
  return {
    whole: exploreMany(locals, { exchanges, reduced: false, claims, endings }),
    reduced: exploreMany(locals, { exchanges, reduced: true, claims, endings }),
  };
}

const verdictsOf = ({ verdicts }: ManyReport) =>
  verdicts.map(({ claim, holds, run }) => [claim.name, holds, run?.steps.length]);
const sizeOf = ({ states, transitions, depth }: ManyReport) => ({ states, transitions, depth });
const told = (report: Pick<ManyReport, 'verdicts'>, name: string) =>
  report.verdicts
    .find(({ claim }) => claim.name === name)
    ?.run?.steps.map(({ exchange, event }) => `${exchange} ${textOf(event)}`);

/** A gateway as ours, but for one resource. */
const but = (other: Resource): Gateway =>
  gatewayOf(
    gateway.resources.map((one) => (one.name === other.name ? other : one)),
    gateway.broadcast,
  );

describe('exchanges that share nothing', () => {
  it.each([
    { name: 'anyone, two at once', environment: anyone, alphabet: EVENTS, k: 2 },
    { name: 'the well behaved, two at once', environment: wellBehaved, alphabet: EVENTS, k: 2 },
    { name: 'anyone, three at once', environment: anyone, alphabet: FEW, k: 3 },
  ])('are independent: every combination is reached ($name)', (one) => {
    const locals = localsOf({ table, gateway: lone, ...one, events: one.alphabet });
    const n = locals.nodes.length;
    const { whole, reduced } = both(locals, one.k);
    expect(whole.states).toBe(n ** one.k);
    expect(reduced.states).toBe(bagsOf(n, one.k));
    expect(reduced.unfolded).toBe(whole.states);
    expect(reduced.depth).toBe(whole.depth);
  });
});

describe('exchanges that share a gateway', () => {
  const locals = localsOf({ table, environment: wellBehaved, gateway, events: DRAIN });

  it('keep its budget, its slots and its count, and a shutdown reaches them all', () => {
    const { whole, reduced } = both(locals, 2, gateway, true);
    expect(whole.verdicts.filter(({ holds }) => !holds)).toEqual([]);
    expect(verdictsOf(reduced)).toEqual(verdictsOf(whole));
    expect(locals.nodes.length).toBe(129);
    expect(sizeOf(whole)).toEqual({ states: 7822, transitions: 48125, depth: 17 });
    expect(sizeOf(reduced)).toEqual({ states: 3959, transitions: 24083, depth: 17 });
  });

  it('do so against anyone', () => {
    const rude = localsOf({ table, environment: anyone, gateway, events: DRAIN });
    const { whole, reduced } = both(rude, 2, gateway, true);
    expect(whole.verdicts.filter(({ holds }) => !holds)).toEqual([]);
    expect(verdictsOf(reduced)).toEqual(verdictsOf(whole));
    expect(reduced.unfolded).toBe(whole.states);
  });

  it('are judged alike with and without symmetry, up to a million states', () => {
    const more = [...DRAIN, events.responseTerminal('succeeded')];
    const larger = localsOf({ table, environment: wellBehaved, gateway, events: more });
    // A stricter gateway's claims are broken by this one, late and by several exchanges.
    const stricter = gatewayOf([slots(1), buffers(1), inFlight(2)]);
    const claims = [...claimsOf(gateway), ...claimsOf(stricter)];
    const whole = exploreMany(larger, { exchanges: 3, reduced: false, claims });
    const reduced = exploreMany(larger, { exchanges: 3, reduced: true, claims });
    expect(verdictsOf(reduced)).toEqual(verdictsOf(whole));
    expect(verdictsOf(whole).filter(([, holds]) => !holds)).toEqual([
      ['buffersAreKept', false, 5],
      ['inFlightAreKept', false, 3],
    ]);
    expect(reduced.unfolded).toBe(whole.states);
    expect([whole.states, reduced.states]).toEqual([966_797, 166_092]);
  });

  // Each exchange, live and among others, orders what the table says of its own events alone.
  it('order nothing because of one another', () => {
    const walk = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(walk, (choices) => {
        const standing = [0, 0, 0];
        const states = [0, 0, 0];
        const live = standing.map((_, place) => new Exchange({ id: `exchange-${place}` }));
        for (const [who, what] of choices) {
          const place = who % standing.length;
          const edges = locals.edges[standing[place] as number] ?? [];
          const edge = edges[what % Math.max(edges.length, 1)];
          if (edge === undefined) continue;
          const alone = table.step(states[place] as number, edge.code);
          const orders = live[place]?.receive(EVENTS[edge.code] as Event);
          expect(orders).toEqual(alone.commands);
          standing[place] = edge.to;
          states[place] = alone.state;
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('a planted fault is found, by both alike', () => {
  const find = (faulty: Gateway, machine = table, exchanges = 2, endings = false) => {
    const one = { table: machine, environment: wellBehaved, gateway: faulty, events: DRAIN };
    const { whole, reduced } = both(localsOf(one), exchanges, gateway, endings);
    expect(verdictsOf(reduced)).toEqual(verdictsOf(whole));
    return reduced;
  };

  it('of slots that nobody waits for: it takes two exchanges', () => {
    const greedy = but({ ...slots(1), capacity: 2 });
    expect(verdictsOf(find(greedy, table, 1)).every(([, holds]) => holds)).toBe(true);
    expect(told(find(greedy), 'slotsAreKept')).toEqual([
      '0 request.headers',
      '1 request.headers',
      '1 request.routed',
      '0 request.routed',
    ]);
  });

  it('of a budget that each exchange has for itself', () => {
    expect(told(find(but({ ...buffers(2), capacity: 9 })), 'buffersAreKept')).toHaveLength(10);
  });

  it('of a slot that is lost when its upstream fails', () => {
    const { next } = slots(1);
    const forgetful = but({
      ...slots(1),
      next: (memory, step) => (step.event.type === 'upstream.failed' ? memory : next(memory, step)),
    });
    expect(told(find(forgetful), 'allIsReturned')).toEqual([
      '0 request.headers',
      '0 request.routed',
      '0 upstream.failed',
      '0 usage.recorded',
    ]);
  });

  it('of a shutdown that is told only to those who hold a slot', () => {
    const partial = {
      ...gateway,
      reaches: ({ units }: { units: readonly number[] }) => units[0] === 1,
    };
    const { verdicts } = find(partial);
    expect(told({ verdicts }, 'shutdownReachesAll')).toEqual([
      '0 request.headers',
      '1 request.headers',
      '1 request.routed',
      'all drain.started',
    ]);
    // The part of each, run alone, holds what reached it and nothing else.
    const { run } = verdicts.find(({ holds }) => !holds) ?? expect.fail();
    expect(run?.runs.map(({ trace }) => trace.map(({ event }) => event))).toEqual([
      ['request.headers'],
      ['request.headers', 'request.routed', 'drain.started'],
    ]);
  });

  it('of a machine that releases twice, and so counts one too many out', () => {
    const twice = planted({ at: /^processed/, on: /^downstream\.closed/, adds: 'releaseBuffer' });
    const broken = find(gateway, twice).verdicts.filter(({ holds }) => !holds);
    const names = ['buffersAreKept', 'inFlightAreKept', 'allIsReturned'];
    expect(broken.map(({ claim }) => claim.name)).toEqual(names);
  });

  it('of a machine that is never done with one exchange', () => {
    const stuck = planted({ at: /^settling\.cancelled/, on: /./, drops: /./, to: 'stay' });
    expect(told(find(gateway, stuck, 2, true), 'allCanEnd')).toEqual([
      '0 request.headers',
      '0 downstream.closed(cancel)',
    ]);
  });
});

/** What is claimed of whole runs, what the world is trusted with for it, and that neither is empty. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Environment } from '../machines/environments.js';
import { anyone, environments, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, textOf } from '../machines/events.js';
import { legacy } from '../machines/legacy.js';
import type { Eventuality } from '../machines/properties.js';
import { eventualities, expiries, occasionOf } from '../machines/properties.js';
import { componentsOf } from '../src/check/components.js';
import { explore, judge, stepAt } from '../src/check/explore.js';
import type { Lasso } from '../src/check/liveness.js';
import { isFeasible, judgeDeadlock, judgeEventually, judgeTraps } from '../src/check/liveness.js';
import { compile } from '../src/compile.js';
import { table as ours } from '../src/step.js';
import { Table } from '../src/table.js';
import type { Planted } from './mutants.js';
import { planted } from './mutants.js';

const graphs = new Map(environments.map((one) => [one, explore(ours, one)] as const));
const graphOf = (environment: Environment) => graphs.get(environment) ?? expect.fail();
const claim = (name: string) => eventualities.find((one) => one.name === name) ?? expect.fail(name);
/** Per claim, a fault that breaks it. */
const FAULTS: readonly (readonly [string, Planted])[] = [
  ['everyRequestIsProcessed', { on: /^request\.headers$/, drops: /^startDeadline\(total\)$/ }],
  ['everyResponseIsProcessed', { at: /^settling/, on: /./, drops: /^releaseBuffer$/ }],
  [
    'leavingStopsTheUpstream',
    { on: /^downstream\.closed\(drain\)$/, drops: /^startDeadline\(detach\)$/ },
  ],
  ['everyPauseEnds', { on: /^downstream\.blocked$/, drops: /^startDeadline\(stall\)$/ }],
  ['everyRequestIsRouted', { on: /^request\.headers$/, drops: /^startDeadline\(total\)$/ }],
  ['everyCallIsDecided', { on: /^request\.routed$/, drops: /^startDeadline\(connect\)$/ }],
  ['everyRequestIsAnswered', { on: /^request\.end$/, drops: /^startDeadline\(responseHeaders\)$/ }],
  ['everyClientIsTold', { on: /^deadline\.expired\(total\)$/, drops: /./, to: 'stay' }],
  ['everyShutdownEnds', { on: /^drain\.started$/, drops: /^startDeadline\(drain\)$/ }],
  [
    'everyReadingIsRecorded',
    { at: /^reading/, on: /^deadline\.expired\(settle\)$/, drops: /./, to: 'stay' },
  ],
  [
    'everyRecordIsReleased',
    { at: /^settling/, on: /^deadline\.expired\(settle\)$/, drops: /./, to: 'stay' },
  ],
  ['toldIsEnough', { at: /^settling/, on: /^usage\.recorded$/, drops: /./, to: 'stay' }],
];

const words = (list: readonly Event[]) => list.map(textOf);

/**
 * Goes round a lasso three times, and says what is wrong with it. It shares nothing with the judge
 * but the table, the environment and the claim.
 */
function wrongWith(lasso: Lasso, table: Table, environment: Environment, claimed: Eventuality) {
  let [state, world, memory] = [0, environment.initial, claimed.initial];
  let waits = claimed.fairness.map(() => false);
  const wrong: string[] = [];
  const told: string[] = [];
  const kept = new Set<string>();
  const go = (event: Event) => {
    if (!environment.allows(world, event)) wrong.push(`${textOf(event)} may not come`);
    const step = stepAt(table, state, EVENTS.indexOf(event));
    waits = claimed.fairness.map((item, place) => item.waits(waits[place] as boolean, step));
    for (const [place, item] of claimed.fairness.entries()) {
      if (!waits[place] || item.renews(step)) kept.add(item.name);
    }
    world = environment.next(world, step);
    memory = claimed.next(memory, step);
    state = table.states.indexOf(step.to);
    told.push(step.to);
  };
  lasso.prefix.forEach(go);
  const start = [state, world, memory, ...waits].join(' ');
  for (let round = 0; round < 3; round++) {
    kept.clear();
    for (const event of lasso.cycle) {
      go(event);
      if ((memory & 1) === 0) wrong.push('it owes nothing');
    }
    if ([state, world, memory, ...waits].join(' ') !== start) wrong.push('it does not close');
    if (round === 0) {
      expect(lasso.trace.map((record) => record.state)).toEqual(told);
      expect(lasso.trace.map((record) => record.event)).toEqual(
        words([...lasso.prefix, ...lasso.cycle]),
      );
    }
  }
  if ((memory & 1) === 0) wrong.push('it owes nothing');
  const fair = lasso.cycle.length > 0 ? kept.size === waits.length : !waits.includes(true);
  return fair ? wrong : [...wrong, 'it is not fair'];
}

describe('every exchange', () => {
  it.each(environments)('comes to its end, and all on the way does: $name', (environment) => {
    const verdicts = eventualities.map((one) => judgeEventually(graphOf(environment), one));
    expect(verdicts.filter(({ holds }) => !holds)).toEqual([]);
    const size = verdicts.reduce((sum, { states }) => sum + states, 0);
    expect(size).toBe({ anyone: 1865, wellBehaved: 2768, observed: 13767 }[environment.name]);
  });

  it.each(environments)('can come to it from everywhere, and never waits in vain: $name', (one) => {
    expect(judgeDeadlock(graphOf(one))).toEqual({ holds: true });
    expect(judgeTraps(graphOf(one))).toEqual({ holds: true });
  });
});

describe('a claim of what comes in the end', () => {
  it('has a name and a sentence of its own', () => {
    expect(new Set(eventualities.map(({ name }) => name)).size).toBe(eventualities.length);
    for (const { sentence, fairness } of eventualities) {
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      for (const item of fairness) expect(item.sentence).toMatch(/^[A-Z].*\.$/);
    }
  });

  it.each(environments)('has an occasion, and a world that can be fair: $name', (environment) => {
    const graph = graphOf(environment);
    const idle = eventualities.filter((one) => !judge(graph, occasionOf(one)).holds);
    expect(idle.map(({ name }) => name)).toEqual([]);
    const wishful = eventualities.filter((one) => !isFeasible(graph, one.fairness));
    expect(wishful.map(({ name }) => name)).toEqual([]);
  });

  it.each(environments)('trusts the world with nothing that it does not need: $name', (one) => {
    for (const claimed of eventualities) {
      for (const item of claimed.fairness) {
        const fairness = claimed.fairness.filter((other) => other !== item);
        const weaker = { ...claimed, fairness };
        const { lasso } = judgeEventually(graphOf(one), weaker);
        if (lasso === undefined) expect.fail(`${claimed.name} does not need ${item.name}`);
        expect(wrongWith(lasso, ours, one, weaker)).toEqual([]);
      }
    }
  });

  it.each(FAULTS)(
    'is broken by a machine that has one fault, on a run that is one: %s',
    (...of) => {
      const [name, fault] = of;
      const mutant = planted(fault);
      const { lasso } = judgeEventually(explore(mutant, anyone), claim(name));
      if (lasso === undefined) expect.fail(`${name} is not broken`);
      expect(wrongWith(lasso, mutant, anyone, claim(name))).toEqual([]);
    },
  );

  it('is broken by one of these faults each', () => {
    expect(FAULTS.map(([name]) => name)).toEqual(eventualities.map(({ name }) => name));
  });
});

describe('time alone', () => {
  // field: E16 - each piece of a response restarts the deadlines of its parts; `total` bounds them.
  it.each(['everyRequestIsProcessed', 'everyResponseIsProcessed'])(
    'ends every exchange, whoever speaks: %s',
    (name) => {
      const trusting = { ...claim(name), fairness: Object.values(expiries) };
      for (const environment of [anyone, wellBehaved, observed]) {
        expect(judgeEventually(graphOf(environment), trusting).holds).toBe(true);
      }
    },
  );
});

describe('a planted fault', () => {
  it('of a machine that goes round for ever is shown as a lasso', () => {
    // Every piece of the response gives the whole exchange its time again.
    const looping = planted({ on: /^response\.body\(false\)$/, adds: 'startDeadline(total)' });
    const claimed = claim('everyRequestIsProcessed');
    const { lasso } = judgeEventually(explore(looping, wellBehaved), claimed);
    if (lasso === undefined) expect.fail('it was not convicted');
    expect(words(lasso.prefix)).toEqual([
      'request.headers',
      'request.routed',
      'response.headers(success)',
      'response.body(false)',
    ]);
    expect(words(lasso.cycle)).toEqual(['response.body(false)']);
    expect(wrongWith(lasso, looping, wellBehaved, claimed)).toEqual([]);
    expect(lasso.trace.at(-1)?.state).toBe(lasso.trace.at(-2)?.state);
  });

  it('of the gateway of the bug: nothing it waits for has a bound', () => {
    const bug = new Table(compile(legacy));
    const { lasso } = judgeEventually(explore(bug, anyone), claim('everyRequestIsProcessed'));
    expect(words(lasso?.prefix ?? [])).toEqual(['request.headers']);
    expect(lasso?.cycle).toEqual([]);
  });

  it('of a world in which nobody may speak any more is a deadlock, by the shortest run', () => {
    // Here the adapter tells nothing, and time stands still.
    const mute: Environment = {
      ...wellBehaved,
      allows: (memory, event) =>
        ['request.headers', 'request.refused', 'upstream.failed'].includes(event.type) &&
        wellBehaved.allows(memory, event),
    };
    const { holds, run } = judgeDeadlock(explore(ours, mute));
    expect(holds).toBe(false);
    expect(words(run?.events ?? [])).toEqual(['request.headers', 'request.refused']);
    expect(run?.trace.at(-1)?.state).toBe('settling.rejected');
    expect(isFeasible(explore(ours, mute), [expiries.settle])).toBe(false);
  });

  it('of a machine that is never done is a trap, by the shortest run', () => {
    const stuck = planted({ at: /^settling\.rejected/, on: /./, drops: /./, to: 'stay' });
    expect(judgeDeadlock(explore(stuck, wellBehaved)).holds).toBe(true);
    const { holds, run } = judgeTraps(explore(stuck, wellBehaved));
    expect(holds).toBe(false);
    expect(words(run?.events ?? [])).toEqual(['request.headers', 'request.refused']);
  });
});

describe('the components of a graph', () => {
  it('are its classes of nodes that reach each other, and come after what they lead to', () => {
    const sizes = fc.integer({ min: 1, max: 12 });
    const graphsOf = sizes.chain((size) => {
      const node = fc.nat({ max: size - 1 });
      return fc.tuple(
        fc.array(fc.array(node, { maxLength: 3 }), { minLength: size, maxLength: size }),
        fc.array(fc.boolean(), { minLength: size, maxLength: size }),
      );
    });
    fc.assert(
      fc.property(graphsOf, ([lists, inside]) => {
        const firstEdge = [0];
        for (const list of lists) firstEdge.push((firstEdge.at(-1) ?? 0) + list.length);
        const found = componentsOf(
          { firstEdge, nodeAfter: lists.flat() },
          (node) => inside[node] as boolean,
        );
        const reach = lists.map((_, from) => {
          const seen = new Set(inside[from] ? [from] : []);
          for (const at of seen) {
            for (const to of lists[at] ?? []) if (inside[to]) seen.add(to);
          }
          return seen;
        });
        for (const [from, reached] of reach.entries()) {
          if (!inside[from]) expect(found[from]).toBe(-1);
          for (const to of reached) {
            const alike = reach[to]?.has(from) ?? false;
            expect(found[from] === found[to]).toBe(alike);
            if (!alike) expect(found[to]).toBeLessThan(found[from] as number);
          }
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

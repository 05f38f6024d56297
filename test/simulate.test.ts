/** What a simulation is trusted with: that it repeats itself, reaches what it says, and judges. */
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../src/check/simulate/options.js';
import { isRight, jsonOf, textOf } from '../src/check/simulate/report.js';
import type { SimulateOptions } from '../src/check/simulate/simulate.js';
import { simulate } from '../src/check/simulate/simulate.js';
import { isValid } from '../src/check/validate/report.js';
import { Validator } from '../src/check/validate/validate.js';
import { rows as legacyRows } from '../src/legacy.generated.js';
import { Table } from '../src/table.js';
import { decode } from '../src/trace.js';

const SEED = 1;

/** Runs it, and gives its log too. */
async function logged(options: Partial<SimulateOptions>) {
  let log = '';
  const simulation = await simulate({
    seed: SEED,
    exchanges: 300,
    ...options,
    log: (text) => {
      log += text;
    },
  });
  return { simulation, log };
}

describe('a simulation', () => {
  it('gives the same log for the same seed, byte for byte', async () => {
    const [one, other] = [await logged({}), await logged({})];
    expect(one.log.length).toBeGreaterThan(100_000);
    expect(one.log === other.log).toBe(true);
    expect(jsonOf(one.simulation)).toEqual(jsonOf(other.simulation));
  });

  it('gives another log for another seed', async () => {
    const [one, other] = [await logged({}), await logged({ seed: SEED + 1 })];
    expect(one.log === other.log).toBe(false);
  });

  it.each(['machine', 'legacy'] as const)(
    'plays one exchange alone as it played it among others: %s',
    async (handler) => {
      const all = await logged({ handler });
      for (const only of [0, 7, 123, 299]) {
        const { log } = await logged({ handler, only });
        const own = all.log.split('\n').filter((line) => line.includes(`"${SEED}-${only}"`));
        expect(log.split('\n').slice(0, -1)).toEqual(own);
      }
    },
  );

  it('finds nothing wrong with the machine over 3,000 exchanges, and meets faults', async () => {
    const simulation = await simulate({ seed: SEED, exchanges: 3_000 });
    expect(textOf(simulation)).toMatch(/^3,000 exchanges of any traffic, seed 1: none is wrong\./);
    expect(simulation.exchanges).toBe(3_000);
    const { faults, transitions, steps, outcomes } = jsonOf(simulation);
    const unmet = Object.entries(faults).flatMap(([fault, places]) =>
      Object.entries(places).flatMap(([place, times]) =>
        times === 0 ? [`${fault} ${place}`] : [],
      ),
    );
    // A swarm or a cut in trailers is rare, and may need some thousands more.
    expect(unmet.length).toBeLessThan(4);
    expect(transitions.reduce((sum, [, , times]) => sum + times, 0)).toBe(steps);
    expect(Object.keys(outcomes).sort()).toEqual([
      'cancelled',
      'completed',
      'drained',
      'rejected',
      'timedOut',
      'unknown',
      'upstreamFailed',
      'violated',
    ]);
  });

  it('writes a log that the validator takes, each step of it', async () => {
    const { simulation, log } = await logged({});
    const validator = new Validator();
    validator.feed(Buffer.from(log));
    const report = validator.end();
    expect(isValid(report)).toBe(true);
    expect([report.records, report.open]).toEqual([simulation.steps, 0]);
  });

  it('tells virtual time: an hour passes in none', async () => {
    const { log } = await logged({ exchanges: 500 });
    const times = log
      .split('\n')
      .slice(0, -1)
      .map((line) => decode(line).at);
    expect(times.every(Number.isInteger)).toBe(true);
    expect(Math.max(...times)).toBeGreaterThan(3_600_000);
    expect(performance.now()).toBeLessThan(3_600_000);
  });

  it('says that it was stopped, with what is known by then', async () => {
    const stopping = new AbortController();
    const simulation = await simulate({
      seed: SEED,
      exchanges: 100_000,
      signal: stopping.signal,
      onProgress: (done) => done >= 400 && stopping.abort(),
    });
    expect(simulation.exchanges).toBe(400);
    expect(textOf(simulation)).toContain('Stopped early: 99,600 were not played.');
  });
});

describe('the gateway of the bug', () => {
  it('fails on each exchange that gets a late or repeated end, and on no other', async () => {
    const simulation = await simulate({ seed: SEED, exchanges: 3_000, handler: 'legacy' });
    const { failed, withLateEnd } = simulation;
    expect(withLateEnd).toBeGreaterThan(300);
    expect(failed.withLateEnd).toBe(withLateEnd);
    expect(failed.withoutLateEnd).toBe(0);
    expect(Object.keys(failed.byName).sort()).toEqual(['usageDoubled', 'wrong500']);
    expect(isRight(simulation)).toBe(true);
    expect(textOf(simulation)).toContain(
      'on each that got a late or repeated end, and on no other',
    );
  });

  it('fails on none where no end is late', async () => {
    const simulation = await simulate({
      seed: SEED,
      exchanges: 1_000,
      handler: 'legacy',
      lateEnds: 0,
    });
    expect(simulation.failure).toBe(undefined);
    expect(simulation.withLateEnd).toBe(0);
  });

  it('is served the same traffic as the machine, which fails on none of it', async () => {
    const traffic = {
      seed: SEED,
      exchanges: 2_000,
      traffic: 'plain',
      worlds: ['ext-proc'],
    } as const;
    const ours = await simulate(traffic);
    const its = await simulate({ ...traffic, handler: 'legacy' });
    expect([ours.withLateEnd, ours.failure]).toEqual([its.withLateEnd, undefined]);
    expect(its.failed.withLateEnd).toBe(its.withLateEnd);
  });

  it('has no such excuse for traffic that breaks in other ways, and that is said', async () => {
    const simulation = await simulate({
      seed: SEED,
      exchanges: 300,
      handler: 'legacy',
      traffic: 'any',
    });
    expect(isRight(simulation)).toBe(false);
    expect(textOf(simulation)).toMatch(/and on \d+ that did not\./);
  });

  it('writes a log that is a run of the legacy machine', async () => {
    const { log } = await logged({ handler: 'legacy' });
    const validator = new Validator({ table: new Table(legacyRows) });
    validator.feed(Buffer.from(log));
    expect(isValid(validator.end())).toBe(true);
  });
});

describe('an option', () => {
  it.each([
    ['seed', { seed: -1 }, 'option "seed" must be a whole number from 0; found -1'],
    [
      'exchanges',
      { exchanges: 1.5 },
      'option "exchanges" must be a whole number from 0; found 1.5',
    ],
    ['only', { only: -2 }, 'option "only" must be a whole number from 0; found -2'],
    ['lateEnds', { lateEnds: 2 }, 'option "lateEnds" must be a share from 0 to 1; found 2'],
    ['worlds', { worlds: [] }, 'option "worlds" must be one or more of ext-proc, http'],
    ['faults', { faults: ['gremlin'] }, 'option "faults" must be some of split, delay,'],
  ] as [string, Partial<SimulateOptions>, string][])(
    'that cannot be is refused, with what is accepted: %s',
    async (_, options, message) => {
      await expect(logged(options)).rejects.toMatchObject({
        code: 'INTERLOCK_BAD_OPTION',
        message: expect.stringContaining(message),
      });
    },
  );

  it('that lists faults takes them in any order, and none', () => {
    expect(faultsOf('stall,split')).toEqual(['split', 'stall']);
    expect(faultsOf('none')).toEqual([]);
    expect(() => faultsOf('split,gremlin')).toThrow('found gremlin');
  });
});

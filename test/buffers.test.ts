/** How large a response buffer begins, how it grows, and how it goes back. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Accounting } from '../src/accounting/accounting.js';
import { BufferBudget } from '../src/accounting/budget.js';
import { BufferSizer, ResponseBuffer } from '../src/accounting/buffer.js';
import { GrowingBytes, growth } from '../src/accounting/growing.js';
import { DecayingQuantiles } from '../src/accounting/quantile.js';
import { Segments } from '../src/accounting/segments.js';
import { random } from '../src/upstream/random.js';
import type { Comparison } from './bench/buffers.js';
import { benchBuffers, compared, Doubling } from './bench/buffers.js';
import { cutAt } from './corpus/replay.js';

const MIB = 1024 * 1024;
const NEVER = 1e9;

describe('the first size', () => {
  it('is the cheapest of all sizes, but for the 4.5 % of a bucket', () => {
    const sizes = fc.array(fc.integer({ min: 1024, max: MIB }), { minLength: 1, maxLength: 40 });
    const spareCosts = fc.constantFrom(0.01, 0.05, 0.5, 1, 10);
    fc.assert(
      fc.property(sizes, spareCosts, (seen, spareCost) => {
        const quantiles = new DecayingQuantiles(1024, MIB, NEVER);
        for (const size of seen) quantiles.learn(size);
        const costOf = (room: number) =>
          seen.reduce((sum, x) => sum + (x > room ? x : spareCost * (room - x)), 0);
        // Every room that could be best is one of the sizes, or none at all.
        const best = Math.min(...[1024, ...seen].map(costOf));
        const total = seen.reduce((sum, size) => sum + size, 0);
        const chosen = costOf(quantiles.cheapest(spareCost));
        expect(chosen).toBeLessThanOrEqual(best + 0.045 * (1 + spareCost) * (total + best) + 1);
      }),
    );
  });

  it('is the size itself where all are alike, and of few that are far larger knows nothing', () => {
    const quantiles = new DecayingQuantiles(1024, MIB, 64);
    for (let at = 0; at < 10_000; at++) quantiles.learn(at % 100 === 99 ? 900_000 : 5_000);
    expect(quantiles.cheapest(0.05)).toBeGreaterThanOrEqual(5_000);
    expect(quantiles.cheapest(0.05)).toBeLessThanOrEqual(5_225);
  });

  it('follows the traffic up within a few responses, and down within 200', () => {
    const sizer = new BufferSizer();
    const until = (bytes: number, reached: () => boolean) => {
      for (let count = 0; ; count++) {
        if (reached() || count === 1_000) return count;
        sizer.learn(bytes);
      }
    };
    const [small, large] = [3_000, 300_000];
    expect(sizer.initialBytes()).toBe(1024);
    expect(until(small, () => sizer.initialBytes() >= small)).toBe(1);
    for (let count = 0; count < 1_000; count++) sizer.learn(small);
    expect(until(large, () => sizer.initialBytes() >= large)).toBeLessThanOrEqual(5);
    for (let count = 0; count < 1_000; count++) sizer.learn(large);
    expect(until(small, () => sizer.initialBytes() < 2 * small)).toBeLessThanOrEqual(200);
  });

  it('is never more than a mebibyte, whatever was seen or is told', () => {
    const sizer = new BufferSizer();
    for (const size of [0, 1, MIB, 1e12, Number.MAX_SAFE_INTEGER]) {
      for (let count = 0; count < 1_000; count++) sizer.learn(size);
      expect(sizer.initialBytes()).toBeGreaterThanOrEqual(1024);
      expect(sizer.initialBytes()).toBeLessThanOrEqual(MIB);
    }
    expect(sizer.initialBytes(1e12)).toBe(MIB);
  });

  it('is what the response tells, if it is not compressed', () => {
    const held = (contentLength: number, contentEncoding?: string) => {
      const accounting = new Accounting({
        contentType: 'application/json',
        contentEncoding,
        contentLength,
        sizer: new BufferSizer(),
        onProgress: () => {},
        onTerminal: () => {},
      });
      expect(accounting.bufferedBytes).toBe(0);
      accounting.write(Buffer.from('{"object":'));
      const { bufferedBytes } = accounting;
      accounting.release();
      expect(accounting.bufferedBytes).toBe(0);
      return bufferedBytes;
    };
    expect(held(50_000)).toBe(50_000);
    expect(held(1e12)).toBe(MIB);
    expect(held(50_000, 'gzip')).toBeLessThan(2_000);
  });
});

describe('growing', () => {
  it('keeps the bytes, copies each at most once more, and holds 9/8 of them and 1 KiB', () => {
    const places = fc.array(fc.nat({ max: 60_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.nat({ max: 60_000 }),
        places,
        fc.nat({ max: 30_000 }),
        fc.nat(),
        (length, cuts, first, seed) => {
          const rng = random(seed);
          const body = Buffer.from(Array.from({ length }, () => rng() * 256));
          const segments = new Segments(NEVER, first);
          const before = growth.copiedBytes;
          for (const chunk of cutAt(body, cuts)) {
            expect(segments.append(chunk)).toBeUndefined();
            const most = Math.max(first, (9 / 8) * segments.length + 1024);
            expect(segments.allocated).toBeLessThanOrEqual(most);
          }
          expect(growth.copiedBytes).toBe(before);
          expect(segments.whole()?.equals(body)).toBe(true);
          expect(growth.copiedBytes - before).toBeLessThanOrEqual(length);
          expect(segments.whole()?.equals(body)).toBe(true);
          segments.release();
          expect(segments.allocated).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('ends at the limit, to the byte', () => {
    const buffer = new ResponseBuffer(5_000);
    for (let at = 0; at < 50; at++) buffer.write(Buffer.alloc(100));
    expect(buffer.bufferedBytes).toBeLessThanOrEqual(5_000);
    expect(buffer.lost).toBeUndefined();
    buffer.write(Buffer.alloc(1));
    expect(buffer.lost).toBe('limit');
    expect(buffer.bufferedBytes).toBe(0);
  });

  it('gives back what it took of the budget, once, however it ends', () => {
    const budget = new BufferBudget(MIB);
    const sizer = new BufferSizer(budget);
    const opened = () => {
      const buffer = new ResponseBuffer(100_000, sizer);
      for (let at = 0; at < 10; at++) buffer.write(Buffer.alloc(3_000));
      expect(budget.heldBytes).toBe(buffer.bufferedBytes);
      return buffer;
    };
    const joined = opened();
    joined.end();
    expect(joined.process((bytes) => expect(bytes).toHaveLength(30_000))).toBe(true);
    expect(budget.heldBytes).toBe(30_000);
    const over = () => ({ held: budget.heldBytes, open: budget.open });
    for (let twice = 0; twice < 2; twice++) {
      joined.release();
      expect(over()).toEqual({ held: 0, open: 0 });
    }
    const tooLong = opened();
    tooLong.write(Buffer.alloc(100_000));
    expect(over()).toEqual({ held: 0, open: 0 });
    tooLong.release();
    const cut = opened();
    cut.release();
    expect(over()).toEqual({ held: 0, open: 0 });
  });
});

/** The figures of `npm run bench`, which are counted and not timed. */
describe('the cost', () => {
  let comparisons: readonly Comparison[];
  beforeAll(() => {
    comparisons = compared(benchBuffers());
  });

  const ratios = (rule: Comparison['rule'], figure: Comparison['figure']) =>
    Object.fromEntries(
      comparisons
        .filter((one) => one.rule === rule && one.figure === figure)
        .map(({ distribution, ours, best }) => [distribution, Number((ours / best).toFixed(2))]),
    );

  it('is within 10 % of the best of the others in copies, but with a heavy tail', () => {
    const told = { 'small constant': 1, 'heavy-tailed': 1.01, shifting: 1 };
    expect(ratios('adaptive', 'copies')).toEqual({ ...told, 'heavy-tailed': 1.38, shifting: 1.06 });
    expect(ratios('adaptive, length told', 'copies')).toEqual(told);
  });

  it('is within 10 % of the best of the others in memory, but where traffic shifts', () => {
    const untold = { 'small constant': 1.02, 'heavy-tailed': 1.06, shifting: 1.33 };
    const told = { 'small constant': 1, 'heavy-tailed': 0.96, shifting: 1.14 };
    expect(ratios('adaptive', 'memory')).toEqual(untold);
    expect(ratios('adaptive, length told', 'memory')).toEqual(told);
  });

  it('is within 10 % of the best of the others in both at once', () => {
    const untold = { 'small constant': 1.02, 'heavy-tailed': 0.93, shifting: 0.73 };
    const told = { 'small constant': 1, 'heavy-tailed': 0.61, shifting: 0.59 };
    expect(ratios('adaptive', 'copies x memory')).toEqual(untold);
    expect(ratios('adaptive, length told', 'copies x memory')).toEqual(told);
  });

  it('of doubling is counted as it is', () => {
    const rng = random(1);
    for (let count = 0; count < 100; count++) {
      const real = new GrowingBytes(16 * MIB);
      const counted = new Doubling(256);
      const body = counted.open();
      const before = growth.copiedBytes;
      let peak = 0;
      for (let chunks = 20 * rng(); chunks > 0; chunks--) {
        const chunk = Buffer.alloc(Math.ceil(5_000 * rng()));
        const held = real.allocated;
        real.append(chunk, 0, chunk.length);
        if (real.allocated > held) peak = held + real.allocated;
        body.write(chunk);
      }
      expect(counted.copiedBytes).toBe(growth.copiedBytes - before);
      expect(counted.peakBytes).toBe(peak);
    }
  });
});

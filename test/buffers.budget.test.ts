/** The memory that all response buffers share: never more, all of it back, and to each a share. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Accounting } from '../src/accounting/accounting.js';
import type { Share } from '../src/accounting/budget.js';
import { BUDGET_BYTES, BufferBudget } from '../src/accounting/budget.js';
import { BufferSizer, ResponseBuffer } from '../src/accounting/buffer.js';
import { checkConfig } from '../src/adapters/ext-proc/config.js';
import { contentOf as envoyContentOf } from '../src/adapters/ext-proc/headers.js';
import { ExtProcServer } from '../src/adapters/ext-proc/server.js';
import { contentOf } from '../src/adapters/http/headers.js';
import { Sizers } from '../src/adapters/routes.js';
import { World } from './harness.js';

const LIMIT = 1_000;

interface Act {
  readonly who: number;
  readonly act: 'take' | 'give' | 'close';
  readonly needed: number;
  readonly more: number;
}

const acts = fc.array(
  fc.record<Act>({
    who: fc.nat({ max: 7 }),
    act: fc.constantFrom('take', 'take', 'take', 'take', 'take', 'give', 'close'),
    needed: fc.integer({ min: 1, max: 400 }),
    more: fc.nat({ max: 300 }),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
);

/** Plays them, and asks of every step what is claimed. What was refused is told to `refused`. */
class Play {
  readonly budget = new BufferBudget(LIMIT);
  readonly shares = new Map<number, Share>();
  refused = 0;
  dropped = 0;
  #asking: number | undefined;

  act({ who, act, needed, more }: Act): void {
    const share = this.shares.get(who);
    if (act === 'take') this.#take(who, share ?? this.#open(who), needed, more);
    else if (act === 'give') share?.give(Math.min(needed, share.heldBytes));
    else this.#close(who);
    this.#check();
  }

  finish(): void {
    for (const who of [...this.shares.keys()]) this.#close(who);
    expect(this.budget.heldBytes).toBe(0);
    expect(this.budget.open).toBe(0);
    expect(this.budget.refusals).toBe(this.refused);
    expect(this.budget.evictions).toBe(this.dropped);
  }

  #open(who: number): Share {
    const share = this.budget.share(() => this.#drop(who));
    this.shares.set(who, share);
    return share;
  }

  #take(who: number, share: Share, needed: number, more: number): void {
    const { fairBytes } = this.budget;
    const before = share.heldBytes;
    this.#asking = who;
    const granted = share.take(needed, needed + more);
    this.#asking = undefined;
    expect([0, needed, needed + more]).toContain(granted);
    expect(share.heldBytes).toBe(before + granted);
    if (granted > 0) return;
    this.refused++;
    // Whoever stays within its share is never refused.
    expect(before + needed).toBeGreaterThan(fairBytes);
    this.#close(who);
  }

  /** Only another's need drops a buffer, and only one that holds more than its share. */
  #drop(who: number): void {
    this.dropped++;
    expect(this.#asking).not.toBe(who);
    expect((this.shares.get(who) as Share).heldBytes).toBeGreaterThan(this.budget.fairBytes);
    const held = [...this.shares.values()].map(({ heldBytes }) => heldBytes);
    expect(this.shares.get(who)?.heldBytes).toBe(Math.max(...held));
    this.#close(who);
  }

  #close(who: number): void {
    const share = this.shares.get(who);
    share?.close();
    share?.close();
    expect(share?.take(1, 1) ?? 0).toBe(0);
    this.shares.delete(who);
  }

  #check(): void {
    const { heldBytes, peakBytes, open } = this.budget;
    const sum = [...this.shares.values()].reduce((total, share) => total + share.heldBytes, 0);
    expect(heldBytes).toBe(sum);
    expect(heldBytes).toBeLessThanOrEqual(LIMIT);
    expect(peakBytes).toBeGreaterThanOrEqual(heldBytes);
    expect(open).toBe(this.shares.size);
  }
}

describe('the budget', () => {
  it('is never passed, is given back whole, and refuses nobody within its share', () => {
    let refused = 0;
    let dropped = 0;
    fc.assert(
      fc.property(acts, (list) => {
        const play = new Play();
        for (const one of list) play.act(one);
        play.finish();
        refused += play.refused;
        dropped += play.dropped;
      }),
      { numRuns: 150 },
    );
    // Else the claims say nothing.
    expect(refused).toBeGreaterThan(100);
    expect(dropped).toBeGreaterThan(100);
  });

  it('gives what is free to whoever asks, and what is needed before what is wanted', () => {
    const budget = new BufferBudget(LIMIT);
    const share = budget.share(() => {});
    expect(share.take(1, 900)).toBe(900);
    expect(share.take(50, 200)).toBe(50);
    expect(share.take(51, 51)).toBe(0);
    expect(budget.heldBytes).toBe(950);
  });

  it('of nothing has room for nothing, and has a default', () => {
    expect(new BufferBudget(0).share(() => {}).take(1, 1)).toBe(0);
    expect(new Sizers().budget.limitBytes).toBe(BUDGET_BYTES);
  });
});

const usageText = (bytes: number) =>
  `{"object":"chat.completion","usage":{"total_tokens":5},"pad":"${'x'.repeat(bytes)}"}`;

describe('a response buffer', () => {
  const writeAll = (buffer: ResponseBuffer, bytes: number) => {
    for (let left = bytes; left > 0; left -= 500) buffer.write(Buffer.alloc(Math.min(500, left)));
  };

  it('that is large gives way to small ones, and no small one to it', () => {
    const budget = new BufferBudget(100_000);
    const sizer = new BufferSizer(budget);
    const large = new ResponseBuffer(1e6, sizer);
    writeAll(large, 80_000);
    const small = Array.from({ length: 20 }, () => new ResponseBuffer(1e6, sizer));
    for (const buffer of small) writeAll(buffer, 1_500);
    expect(large.lost).toBe('budget');
    expect(large.bufferedBytes).toBe(0);
    for (const buffer of small) {
      buffer.end();
      expect(buffer.process((bytes) => expect(bytes).toHaveLength(1_500))).toBe(true);
      buffer.release();
    }
    // What comes after it was dropped is swallowed, as over the limit.
    expect(large.write(Buffer.alloc(10))).toBe(true);
    large.end();
    expect(large.process(() => expect.unreachable())).toBe(false);
    large.release();
    expect(budget).toMatchObject({ heldBytes: 0, open: 0, evictions: 1 });
  });

  it('that finds no room to be joined in is not read', () => {
    const budget = new BufferBudget(10_000);
    const buffer = new ResponseBuffer(1e6, new BufferSizer(budget));
    writeAll(buffer, 7_000);
    buffer.end();
    expect(buffer.process(() => expect.unreachable())).toBe(false);
    expect(buffer.lost).toBe('budget');
    expect(budget).toMatchObject({ heldBytes: 0, refusals: 1 });
  });

  it('costs the usage alone where it is lost, and says why', () => {
    const sizer = new BufferSizer(new BufferBudget(4_000));
    const usageOf = (bytes: number, contentLength?: number) => {
      const accounting = new Accounting({
        contentType: 'application/json',
        contentEncoding: undefined,
        contentLength,
        sizer,
        onProgress: () => {},
        onTerminal: () => {},
      });
      accounting.write(Buffer.from(usageText(bytes)));
      accounting.read();
      return accounting.settle();
    };
    expect(usageOf(5_000)).toEqual({ kind: 'unknown', reason: 'budget' });
    expect(usageOf(1_000)).toMatchObject({ kind: 'final', totalTokens: 5 });
    // A claim is worth what is free, and never more.
    expect(usageOf(1_000, 1e12)).toMatchObject({ kind: 'final', totalTokens: 5 });
    expect(sizer.budget?.heldBytes).toBe(0);
  });
});

function replyOf(body: string): string {
  const headers = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
  return `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`;
}

describe('a gateway', () => {
  let world: World;
  afterEach(() => world.close());

  it('without room passes every byte, and records an unknown usage', async () => {
    const bodies = [usageText(20_000), usageText(1_000)];
    let asked = 0;
    world = await World.start({
      config: { accounting: { bufferBudgetBytes: 8_000 } },
      upstream: {
        script: () => ({
          steps: [{ awaitRequestEnd: true }, { send: replyOf(bodies[asked++] as string) }],
        }),
      },
    });
    for (const body of bodies) {
      const response = await fetch(world.url, { method: 'POST', body: '{}' });
      expect(await response.text()).toBe(body);
      await world.recorded(asked);
    }
    expect(world.records.map(({ outcome, usage }) => ({ outcome, usage }))).toMatchObject([
      { outcome: 'completed', usage: { kind: 'unknown', reason: 'budget' } },
      { outcome: 'completed', usage: { kind: 'final', totalTokens: 5 } },
    ]);
    expect(world.gateway.sizers.budget).toMatchObject({ heldBytes: 0, open: 0, refusals: 1 });
  });

  it('holds of a response what it tells of its length, if it is a length', async () => {
    const body = usageText(30_000);
    world = await World.start({
      upstream: { script: { steps: [{ awaitRequestEnd: true }, { send: replyOf(body) }] } },
    });
    await (await fetch(world.url, { method: 'POST', body: '{}' })).text();
    await world.recorded();
    expect(world.gateway.sizers.budget.peakBytes).toBe(body.length);
    for (const [text, length] of [
      ['30000', 30_000],
      ['', undefined],
      ['-1', undefined],
      ['5, 5', undefined],
      ['1e9', undefined],
      ['9'.repeat(16), undefined],
    ] as const) {
      const header = { key: 'content-length', rawValue: Buffer.from(text) };
      expect(envoyContentOf({ headers: [header] }).length).toBe(length);
      expect(contentOf(['Content-Length', text]).length).toBe(length);
    }
  });

  it('takes its budget from the configuration, as ext_proc does', async () => {
    world = await World.start();
    expect(world.gateway.sizers.budget.limitBytes).toBe(BUDGET_BYTES);
    const config = checkConfig({ accounting: { bufferBudgetBytes: 12_345 } }, 'the test');
    const server = new ExtProcServer({ config, ledger: world.ledger });
    expect(server.sizers.budget.limitBytes).toBe(12_345);
    const bad = { accounting: { bufferBudgetBytes: -1 } };
    expect(() => checkConfig(bad, 'the test')).toThrow(/accounting.bufferBudgetBytes: found -1/);
  });
});

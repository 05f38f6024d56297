/** What is seen of a gateway that runs out of time, stalls, or fails in the middle of its work. */
import { ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../src/accounting/ledger.js';
import { Upload } from '../src/adapters/http/upload.js';
import { fault, head, promisedBytes, SSE_HEADERS, send } from '../src/upstream/index.js';
import { ask, CHAT, Client, chat, gist, inWorld, replyOf } from './faults.js';
import type { World } from './harness.js';

/** Deadline, fault under which it expires, and how the client is told. Others have cases elsewhere. */
describe('a deadline has its own error', () => {
  it.each([
    ['responseHeaders', 'F14', 504],
    ['total', 'F14', 504],
    ['drain', 'F14', 503],
  ] as const)('%s, before the response began', async (deadline, id, status) => {
    await inWorld({ config: { deadlines: { [deadline]: 100 } } }, async (world) => {
      const reply = ask(world.port, { body: chat(`fault:${id}`) });
      await (await world.upstream.nextRequest()).ended;
      if (deadline === 'drain') await world.gateway.drain();
      expect(await reply).toMatchObject({ status, whole: true });
      const { error } = JSON.parse(String((await reply).body));
      expect(error).toMatchObject({ type: 'api_error', code: `deadline_${deadline}` });
      const [record] = await world.recorded();
      const outcome = deadline === 'drain' ? 'drained' : 'timedOut';
      expect(gist(record)).toEqual([`${outcome} deadline_${deadline}`, 'not_started']);
      expect((await reply).headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    });
  });

  it.each([
    ['firstByte', 'F15-first', 'timedOut'],
    ['idle', 'F15', 'timedOut'],
    ['progress', 'F16', 'timedOut'],
    ['total', 'F16', 'timedOut'],
    ['drain', 'F15', 'drained'],
  ] as const)('%s, in the middle of the response', async (deadline, id, outcome) => {
    await inWorld({ config: { deadlines: { [deadline]: 100 } } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat(`fault:${id}`) });
      await client.until((text) => text.includes('\r\n\r\n'));
      if (deadline === 'drain') await world.gateway.drain();
      const reply = await client.reply();
      expect(reply).toMatchObject({ whole: false, ending: 'fin' });
      expect(String(reply.body)).toMatch(new RegExp(`"code":"deadline_${deadline}"\\}\\}\n\n$`));
      const [record] = await world.recorded();
      expect(gist(record)[0]).toBe(`${outcome} deadline_${deadline}`);
      expect(await world.upstream.requests[0]?.closed).toMatchObject({ by: 'peer' });
    });
  });

  it('requestBody, where the upload stops', async () => {
    await inWorld({ config: { deadlines: { requestBody: 100 } } }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{}`);
      const reply = await client.reply();
      expect(reply).toMatchObject({ status: 408, whole: true });
      expect(JSON.parse(String(reply.body)).error.code).toBe('deadline_requestBody');
      expect(await world.upstream.requests[0]?.ended).toBe(false);
      await client.gone();
    });
  });

  it('linger, also where it is the shutdown that ends the wait', async () => {
    await inWorld({ config: { deadlines: { linger: 0, drain: 100 } } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('fault:F17') });
      await client.until((text) => text.includes('[DONE]'));
      await world.gateway.drain();
      expect(await client.reply()).toMatchObject({ whole: true });
      expect(gist((await world.recorded())[0])).toEqual(['completed deadline_drain', 'final']);
    });
  });
});

describe('F48: an event loop that stalls', () => {
  it('does not take what arrived meanwhile for silence', async () => {
    const [, open, first, ...rest] = fault('F27').script.steps;
    const steps = [open!, first!, { awaitSignal: 'go' }, ...rest];
    const config = { deadlines: { idle: 150, progress: 150, firstByte: 150 } };
    await inWorld({ config, upstream: { script: { steps } } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await client.until((text) => text.includes('Every'));
      world.upstream.signal('go');
      await new Promise<void>((resolve) => {
        setImmediate(() => {
          const until = performance.now() + 300;
          while (performance.now() < until);
          resolve();
        });
      });
      expect(await client.reply()).toMatchObject({ whole: true });
      expect(gist((await world.recorded())[0])).toEqual(['completed', 'final']);
    });
  });
});

/**
 * Lets a method of ours, Node's or undici's throw at its n-th call; everything else is real. Gives
 * how often it threw: once, or never if there were fewer calls.
 */
async function withThrow(
  owner: object,
  method: string,
  nth: number,
  claim: () => Promise<void>,
): Promise<number> {
  const own = Object.getOwnPropertyDescriptor(owner, method);
  const real = Reflect.get(owner, method) as (...rest: unknown[]) => unknown;
  let calls = 0;
  const faulty = function faulty(this: unknown, ...rest: unknown[]): unknown {
    calls += 1;
    if (calls === nth) throw new Error(`${method} fails at its call ${nth}`);
    return Reflect.apply(real, this, rest);
  };
  Object.defineProperty(owner, method, { value: faulty, configurable: true, writable: true });
  try {
    await claim();
  } finally {
    if (own === undefined) Reflect.deleteProperty(owner, method);
    else Object.defineProperty(owner, method, own);
  }
  return calls >= nth ? 1 : 0;
}

/** A class, the method of it that fails, and at which call. */
const PARTS = [
  ['ServerResponse', 'writeHead', 1],
  ['ServerResponse', 'flushHeaders', 1],
  ['ServerResponse', 'write', 1],
  ['ServerResponse', 'write', 2],
  ['ServerResponse', 'write', 4],
  ['ServerResponse', 'end', 1],
  ['Pool', 'dispatch', 1],
  ['Upload', 'push', 1],
  ['Upload', 'push', 2],
  ['Ledger', 'write', 1],
] as const;
const CLASSES = { ServerResponse, Pool, Upload, Ledger };
const IDS = 'F27-whole F27-random F26-sse F18 F22 F05 F11 F14 F15 F17 F34'.split(' ');

describe('F54: a part of the gateway that fails', () => {
  const deadlines = { responseHeaders: 100, idle: 100, linger: 200, settle: 50 };
  const config = { deadlines };

  it.each(PARTS)('%s.%s, call %i', async (name, method, nth) => {
    // A short body goes on as one, without an upload.
    const pad = name === 'Upload' ? ' '.repeat(20 * 1024) : '';
    let failures = 0;
    for (const id of IDS) {
      await inWorld({ config }, async (world) => {
        failures += await withThrow(CLASSES[name].prototype, method, nth, async () => {
          const client = await Client.connect(world.port);
          client.ask({ body: chat(`fault:${id}`) + pad });
          await expectHonest(client, id);
          await world.until(() => world.traces.some(({ state }) => /^processed/.test(state)));
          expect(world.gateway.inFlight).toBe(0);
          // A record may be written after the wait for it is over.
          if (name !== 'Ledger') await world.event('usage.recorded');
          expect(world.records).toHaveLength(name === 'Ledger' ? 0 : 1);
          await upstreamIsFree(world);
          client.leave('fin');
        });
        // What failed once has left nothing behind: the next is served as if nothing had been.
        const next = await ask(world.port, { body: chat('interlock-small') });
        expect(next).toMatchObject({ status: 200, whole: true });
      });
    }
    expect(failures).toBeGreaterThan(0);
  });

  it('the trace, at every record: it costs a warning and nothing else', async () => {
    await inWorld({}, async (world) => {
      world.traces.push = () => {
        throw new Error('the trace is full');
      };
      const reply = await ask(world.port, { body: chat('fault:F27-whole') });
      expect(reply).toMatchObject({ status: 200, whole: true });
      await expect.poll(() => world.records.map(gist)).toEqual([['completed', 'final']]);
      await expect.poll(() => world.gateway.inFlight).toBe(0);
      expect(world.warnings[0]).toMatch(/not traced: Error: the trace is full/);
    });
  });

  it.each([
    ['an hour', 3_600_000],
    ['for ever', 0],
  ])(
    'the disk of the ledger, with %s to settle: the response is whole, the loss is told at once',
    async (_, ms) => {
      const settle = { config: { deadlines: { settle: ms } } };
      await inWorld({ ...settle, ledgerPath: '/dev/full' }, async (world) => {
        const reply = await ask(world.port, { body: chat('fault:F27-whole') });
        expect(reply).toMatchObject({ status: 200, whole: true });
        await world.event('deadline.expired(settle)');
        expect(world.gateway.inFlight).toBe(0);
        expect(world.warnings[0]).toMatch(/not recorded: .*ENOSPC/);
        expect(world.traces.at(-1)?.commands).toContain('countAnomaly(usageUnsettled)');
      });
    },
  );

  it('a socket that was destroyed under a response being written', async () => {
    const steps = [
      send(head(200, [...SSE_HEADERS, ['transfer-encoding', 'chunked']])),
      { repeat: 'forever' as const, steps: [send('6\r\n: hi\n\n\r\n')] },
    ];
    await inWorld({ upstream: { script: { steps } } }, async (world) => {
      const clients = await Promise.all([1, 2, 3, 4].map(() => Client.connect(world.port)));
      for (const client of clients) client.ask({ body: '{}' });
      for (const client of clients) {
        await client.until((text) => text.includes(': hi'));
        client.leave('rst');
      }
      const records = await world.recorded(4);
      expect(records.map((record) => gist(record)[0])).toEqual(
        Array(4).fill('cancelled client_gone'),
      );
      expect(world.gateway.inFlight).toBe(0);
    });
  });
});

/** The client is told the truth: all of it, or an error, or that there is more than it got. */
async function expectHonest(client: Client, id: string): Promise<void> {
  await client
    .until((text) => replyOf(Buffer.from(text, 'latin1'))?.whole ?? false)
    .catch(() => {});
  const reply = replyOf(Buffer.from(client.text, 'latin1'));
  if (reply?.whole !== true) {
    await client.gone();
    return;
  }
  if (reply.status >= 500) {
    expect(JSON.parse(String(reply.body)).error.code).toEqual(expect.any(String));
    return;
  }
  expect(reply.body).toEqual(replyOf(promisedBytes(fault(id).script))?.body);
}

/** No request is left open upstream: it was answered to its end, or its connection is gone. */
async function upstreamIsFree(world: World): Promise<void> {
  for (const { closed, answered } of world.upstream.requests)
    await Promise.race([closed, answered]);
}

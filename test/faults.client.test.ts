/** What an upstream and the ledger see of a client that leaves, stalls or sends the wrong thing. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Upstream } from '../src/upstream/index.js';
import { chunk, fault, head, SSE_HEADERS, send } from '../src/upstream/index.js';
import { ask, Client, chat, gist, inWorld, request } from './faults.js';
import type { World } from './harness.js';
import { heldBytes } from './memory.js';

const HEALTHY = fault('F27-whole').script;
const LEAVINGS = ['fin', 'rst'] as const;

/** The one bound that the fault itself states: an upstream is let go within 100 ms. */
async function expectCancelled(upstream: Upstream, leftAt: number): Promise<void> {
  const closed = await upstream.requests[0]?.closed;
  expect(closed).toMatchObject({ by: 'peer', complete: false });
  expect(closed!.at - leftAt).toBeLessThan(100);
}

async function expectGist(world: World, outcome: string, usage: string): Promise<void> {
  const records = await world.recorded();
  expect(records.map(gist)).toEqual([[outcome, usage]]);
}

describe.each(LEAVINGS)('F28, F29: a client that leaves (%s)', (how) => {
  const id = how === 'fin' ? 'F28' : 'F29';

  it(`${id} before its headers are complete has begun no exchange`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: ga');
      client.leave(how);
      // Whoever is served after it shows that the gateway has seen it go, or lives with it.
      await ask(world.port, { body: chat('m') });
      await expectGist(world, 'completed', 'no_usage');
      expect(world.upstream.requests).toHaveLength(1);
    });
  });

  it(`${id} in the middle of its upload leaves no whole request upstream`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(request({ body: '', headers: [] }).replace('length: 0', 'length: 99'));
      client.socket.write('{"model": "m", ');
      const upstream = await world.upstream.nextRequest();
      await expectBytes(upstream);
      await expectCancelled(world.upstream, client.leave(how));
      expect(await upstream.ended).toBe(false);
      await expectGist(world, 'cancelled client_gone', 'not_started');
    });
  });

  it(`${id} while its request is held for a route never reaches an upstream`, async () => {
    const config = { routes: [{ models: ['*'], upstreams: ['scripted'] }] };
    await inWorld({ config }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(request({ body: '', headers: [] }).replace('length: 0', 'length: 99'));
      client.socket.write('{"model": "m", ');
      await world.event('request.body');
      client.leave(how);
      await expectGist(world, 'cancelled client_gone', 'not_started');
      expect(world.upstream.connections).toEqual([]);
    });
  });

  it(`${id} before the upstream is connected`, async () => {
    const mute = createServer((socket) => socket.on('error', () => {}));
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const { port } = mute.address() as { port: number };
    const upstreams = [{ id: 'mute', url: `https://127.0.0.1:${port}` }];
    await inWorld({ upstreams }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('m') });
      await once(mute, 'connection');
      client.leave(how);
      await expectGist(world, 'cancelled client_gone', 'not_started');
    });
    mute.close();
  });

  it(`${id} before the first byte`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('fault:F14') });
      await (await world.upstream.nextRequest()).ended;
      await expectCancelled(world.upstream, client.leave(how));
      await expectGist(world, 'cancelled client_gone', 'not_started');
    });
  });

  it(`${id} in the middle of an event`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('fault:F15-event') });
      await client.until((text) => text.includes(' is'));
      await expectCancelled(world.upstream, client.leave(how));
      await expectGist(world, 'cancelled client_gone', 'truncated');
    });
  });

  it(`${id} after the last event has what it came for`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('fault:F17') });
      await client.until((text) => text.includes('[DONE]'));
      await expectCancelled(world.upstream, client.leave(how));
      await expectGist(world, 'completed client_gone', 'final');
    });
  });

  it(`${id} after the end changes nothing`, async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: chat('fault:F27-whole') });
      expect(await client.reply()).toMatchObject({ whole: true });
      client.leave(how);
      await expectGist(world, 'completed', 'final');
      await ask(world.port, { body: chat('m') });
      expect(world.upstream.connections).toHaveLength(1);
    });
  });
});

async function expectBytes(upstream: { bodyBytes: number }): Promise<void> {
  await expect.poll(() => upstream.bodyBytes).toBeGreaterThan(0);
}

describe('F30: a client that closes only its sending side', () => {
  const script = { steps: [{ awaitSignal: 'go' }, ...HEALTHY.steps] };

  it('gets its whole response where that is tolerated', async () => {
    const config = { onHalfClose: 'tolerate' };
    await inWorld({ config, upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.end(request({ body: '{}' }));
      await (await world.upstream.nextRequest()).ended;
      world.upstream.signal('go');
      expect(await client.reply()).toMatchObject({ status: 200, whole: true });
      await client.gone();
      await expectGist(world, 'completed', 'final');
    });
  });

  it('has left, as far as the default goes', async () => {
    await inWorld({ upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await (await world.upstream.nextRequest()).ended;
      client.socket.end();
      await expectCancelled(world.upstream, performance.now());
      await expectGist(world, 'cancelled client_gone', 'not_started');
    });
  });
});

describe('F31: a client that does not read', () => {
  const EVENT = `data: ${'x'.repeat(65_528)}\n\n`;
  const ROUNDS = 1_024;
  const MiB = 1024 * 1024;
  const script = {
    steps: [
      send(head(200, [...SSE_HEADERS, ['transfer-encoding', 'chunked']])),
      { repeat: ROUNDS, steps: [send(chunk(EVENT))] },
      send('0\r\n\r\n'),
    ],
  };

  it('is waited for with a bounded part of the response, then cut', async () => {
    const config = { deadlines: { stall: 300, idle: 100, progress: 100 } };
    await inWorld({ config, upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      client.socket.pause();
      const upstream = await world.upstream.nextRequest();
      await upstream.backedUp;
      await world.event('downstream.blocked');
      await expectGist(world, 'cancelled deadline_stall', 'truncated');
      expect(await upstream.closed).toMatchObject({ by: 'peer', complete: false });
      // The rest of it is in the buffers of the kernel, of which there are four.
      expect(world.records[0]?.responseBytes).toBeLessThan((ROUNDS * EVENT.length) / 2);
      client.leave('rst');
    });
  });

  it('gets all 64 MiB once it does read, of which the gateway never held much', async () => {
    await inWorld({ upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.removeAllListeners('data');
      client.ask({ body: '{}' });
      client.socket.pause();
      const upstream = await world.upstream.nextRequest();
      await upstream.backedUp;
      await world.event('downstream.blocked');
      const before = heldBytes();
      let bytes = 0;
      let most = 0;
      client.socket.on('data', (part: Buffer) => {
        const looked = Math.floor(bytes / (4 * MiB));
        bytes += part.length;
        if (Math.floor(bytes / (4 * MiB)) > looked) most = Math.max(most, heldBytes());
      });
      client.socket.resume();
      await expectGist(world, 'completed', 'truncated');
      await expect.poll(() => bytes).toBeGreaterThan(ROUNDS * EVENT.length);
      expect(most).toBeGreaterThan(0);
      expect(most - before).toBeLessThan(32 * MiB);
      client.leave('fin');
    });
  });
});

describe('onDisconnect: drain reads on for the bill', () => {
  const config = { onDisconnect: 'drain' };
  const [, open, ...events] = fault('F27').script.steps;
  const script = { steps: [open!, events[0]!, { awaitSignal: 'go' }, ...events.slice(1)] };
  const endless = { steps: [open!, { repeat: 'forever' as const, steps: [events[0]!] }] };

  it('to the end of the response', async () => {
    await inWorld({ config, upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await client.until((text) => text.includes('Every'));
      client.leave('fin');
      await world.event('downstream.closed(drain)');
      world.upstream.signal('go');
      await expectGist(world, 'cancelled client_gone', 'final');
      expect(world.upstream.requests[0]?.complete).toBe(true);
    });
  });

  it('no longer than its deadline', async () => {
    const bounded = { ...config, deadlines: { detach: 100 } };
    await inWorld({ config: bounded, upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await client.until((text) => text.includes('Every'));
      client.leave('rst');
      await expectGist(world, 'cancelled deadline_detach', 'truncated');
      expect(await world.upstream.requests[0]?.closed).toMatchObject({ by: 'peer' });
    });
  });

  it('no more bytes than its limit', async () => {
    const bounded = { ...config, limits: { detachedBytesMax: 100_000 } };
    await inWorld({ config: bounded, upstream: { script: endless } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await client.until((text) => text.includes('Every'));
      client.leave('fin');
      await expectGist(world, 'cancelled deadline_detach', 'truncated');
      expect(await world.upstream.requests[0]?.closed).toMatchObject({ by: 'peer' });
    });
  });
});

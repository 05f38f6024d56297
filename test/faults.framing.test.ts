/** How a response is framed again for its client, whole or not, and how its bytes arrive. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { chunk, fault, head, json, refusedPort, send, sse } from '../src/upstream/index.js';
import { ask, CHAT, Client, chat, gist, inWorld } from './faults.js';

const RESET = { ending: 'rst', whole: false };
const CUT = { ending: 'fin', whole: false };
const asked = (id: string) => ({ body: chat(`fault:${id}`) });

describe('a response that is not whole is shown as such', () => {
  it.each([
    ['F03: a chunked one ends without its last chunk', 'F03', '1.1', CUT],
    ['F05: one of known length ends before it', 'F05', '1.1', CUT],
    ['F05: also in HTTP/1.0', 'F05', '1.0', CUT],
    ['F02: one that its connection delimits is reset', 'F02', '1.0', RESET],
    ['F08: so is one that came delimited in that way', 'F08', '1.0', RESET],
    ['F15: and one that falls silent', 'F15', '1.0', RESET],
  ] as const)('%s', async (_, id, version, seen) => {
    await inWorld({ config: { deadlines: { idle: 100 } } }, async (world) => {
      const reply = await ask(world.port, { ...asked(id), version });
      expect(reply).toMatchObject(seen);
      const chunked = version === '1.1' && id !== 'F05' ? 'chunked' : undefined;
      expect(reply.headers['transfer-encoding']).toBe(chunked);
    });
  });

  it('F07: one that is whole ends in a FIN where only that can tell', async () => {
    await inWorld({}, async (world) => {
      const reply = await ask(world.port, { ...asked('F07'), version: '1.0' });
      expect(reply.ending).toBe('fin');
      expect(String(reply.body)).toMatch(/data: \[DONE\]\n\n$/);
      expect(gist((await world.recorded())[0])).toEqual(['completed', 'final']);
    });
  });
});

describe('an SSE error event goes before the abort', () => {
  it.each([
    ['F03 at an event boundary', 'F03', true, true],
    ['F03 not where it is switched off', 'F03', false, false],
    ['F02 not in the middle of an event', 'F02', true, false],
    ['F25 not into gzip', 'F25-cut', true, false],
    ['F05 not into JSON', 'F05', true, false],
    ['F05 not where a length is promised', 'F05-stream', true, false],
  ] as const)('%s', async (_, id, errorEvent, told) => {
    await inWorld({ config: { errorEvent } }, async (world) => {
      const reply = await ask(world.port, asked(id));
      expect(reply).toMatchObject(CUT);
      expect(String(reply.body).includes('event: error')).toBe(told);
      expect(String(reply.body).endsWith('"code":"connection_lost"}}\n\n')).toBe(told);
    });
  });

  it.each(['\r\n', '\r'] as const)('F03 at a boundary made of %j too', async (lineEnd) => {
    const { steps } = sse([{ data: 'a' }], { lineEnd });
    const script = { steps: [...steps.slice(0, -1), { fin: true } as const] };
    await inWorld({ upstream: { script } }, async (world) => {
      const reply = await ask(world.port, { body: '{}' });
      expect(String(reply.body)).toMatch(/^data: a\s+event: error\n/);
    });
  });
});

describe('F13: an upstream that cannot be reached', () => {
  it('refuses the connection', async () => {
    const { url, close } = await refusedPort();
    await inWorld({ upstreams: [{ id: 'gone', url }] }, async (world) => {
      const reply = await ask(world.port, { body: chat('m') });
      expect(reply).toMatchObject({ status: 502, whole: true });
      expect(JSON.parse(String(reply.body)).error.code).toBe('connect_refused');
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['upstreamFailed connect_refused', 'not_started']);
    });
    await close();
  });

  it('has a name that nobody knows', async () => {
    const upstreams = [{ id: 'nobody', url: 'http://upstream.invalid' }];
    await inWorld({ upstreams }, async (world) => {
      expect((await ask(world.port, { body: chat('m') })).status).toBe(502);
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['upstreamFailed name_not_resolved', 'not_started']);
    });
  });

  it('does not speak TLS', async () => {
    const plain = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    const { port } = plain.address() as { port: number };
    const upstreams = [{ id: 'plain', url: `https://127.0.0.1:${port}` }];
    await inWorld({ upstreams }, async (world) => {
      expect((await ask(world.port, { body: chat('m') })).status).toBe(502);
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['upstreamFailed tls_failed', 'not_started']);
    });
    plain.close();
  });

  it('never completes its handshake, and its socket is taken back', async () => {
    const mute = createServer((socket) => socket.on('error', () => {}));
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const { port } = mute.address() as { port: number };
    const upstreams = [{ id: 'mute', url: `https://127.0.0.1:${port}` }];
    await inWorld({ upstreams, config: { deadlines: { connect: 100 } } }, async (world) => {
      const accepted = once(mute, 'connection');
      const replied = ask(world.port, { body: chat('m') });
      const [socket] = await accepted;
      expect(await replied).toMatchObject({ status: 504, whole: true });
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['timedOut deadline_connect', 'not_started']);
      socket.resume();
      await once(socket, 'close');
    });
    mute.close();
  });
});

describe('F21, F22, F23: the parts of HTTP/1.1 that gateways forget', () => {
  it.each([
    [10, 200],
    [9, 502],
  ])('F21: of ten 1xx responses, %i accepted, comes a %i', async (informationalMax, status) => {
    const hints = Buffer.concat(Array<Buffer>(10).fill(head(103, [['link', '</a>']])));
    const script = { steps: [send(hints), ...json(200, [], {}).steps] };
    await inWorld({ upstream: { script }, config: { limits: { informationalMax } } }, async (w) => {
      expect(await ask(w.port, { body: '{}' })).toMatchObject({ status, whole: true });
    });
  });

  it('F22: a 204 says no length, and its connection serves the next request', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.ask(asked('F22'));
      const empty = await client.reply();
      expect(empty).toMatchObject({ status: 204, rest: Buffer.alloc(0) });
      expect(empty.headers).not.toHaveProperty('content-length');
      expect(empty.headers).not.toHaveProperty('transfer-encoding');
      client.ask(asked('F27-whole'));
      expect(await client.reply()).toMatchObject({ status: 200, whole: true });
      client.leave('fin');
    });
  });

  it('F23: trailers are passed on to whoever asked for them, after the body', async () => {
    await inWorld({}, async (world) => {
      const headers = ['te: trailers', 'connection: te'];
      const welcome = await ask(world.port, { ...asked('F23'), headers });
      expect(welcome.trailers).toEqual(['x-checksum: abc123']);
      const unasked = await ask(world.port, asked('F23'));
      expect(unasked.trailers).toEqual([]);
      expect(unasked.body).toEqual(welcome.body);
    });
  });

  it('F23: no trailer may route, authenticate or set cookies', async () => {
    const lines = 'host: evil.test\r\nset-cookie: a=b\r\nauthorization: x\r\nx-checksum: 1\r\n';
    const start = head(200, [['transfer-encoding', 'chunked']]);
    const script = { steps: [send(start), send(chunk('{}')), send(`0\r\n${lines}\r\n`)] };
    await inWorld({ upstream: { script } }, async (world) => {
      const headers = ['te: trailers', 'connection: te'];
      const reply = await ask(world.port, { body: '{}', headers });
      expect(reply.trailers).toEqual(['x-checksum: 1']);
    });
  });

  it('F12: a reason that no header may hold costs the reason, not the response', async () => {
    const script = { steps: [send('HTTP/1.1 200 Größe \u20ac\r\ncontent-length: 2\r\n\r\n{}')] };
    await inWorld({ upstream: { script } }, async (world) => {
      expect(await ask(world.port, { body: '{}' })).toMatchObject({ status: 200, whole: true });
    });
  });
});

describe('F27: bytes arrive as they were sent', () => {
  const words = [{ data: { choices: [{ index: 0, finish_reason: 'stop' }], usage: {} } }];
  const usage = { usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
  const whole = sse([...words, { data: { choices: [], ...usage } }, { data: '[DONE]' }]);
  const bytes = Buffer.from(whole.steps.map((s) => ('send' in s ? String(s.send) : '')).join(''));

  it('the same bytes and the same usage at every split', async () => {
    const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
    const script = ({ target }: { target: string }) => {
      const at = Number(target.split('cut=')[1]);
      return { steps: [send(bytes.subarray(0, at)), send(bytes.subarray(at))] };
    };
    await inWorld({ upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      const bodies = new Set<string>();
      for (const cut of cuts) {
        client.ask({ path: `${CHAT}?cut=${cut}`, body: '{}' });
        bodies.add(String((await client.reply()).body));
      }
      client.leave('fin');
      expect([...bodies]).toEqual([expect.stringMatching(/^data: .*data: \[DONE\]\n\n$/s)]);
      const usages = (await world.recorded(cuts.length)).map((record) => record.usage);
      expect(new Set(usages.map((item) => JSON.stringify(item))).size).toBe(1);
      expect(usages[0]).toMatchObject({ kind: 'final', totalTokens: 5 });
    });
  });

  it('an event reaches the client before the next is sent', async () => {
    const [open, first, ...rest] = fault('F27').script.steps.slice(1);
    const next = { awaitSignal: 'next' };
    const script = { steps: [open!, next, first!, { awaitSignal: 'rest' }, ...rest] };
    await inWorld({ upstream: { script } }, async (world) => {
      const client = await Client.connect(world.port);
      client.ask({ body: '{}' });
      await client.until((text) => text.includes('\r\n\r\n'));
      world.upstream.signal('next');
      await client.until((text) => text.includes('Every'));
      world.upstream.signal('rest');
      expect(await client.reply()).toMatchObject({ whole: true });
      client.leave('fin');
    });
  });
});

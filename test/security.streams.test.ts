/** SEC-27, SEC-28: no stream sees another's bytes, and no request is sent twice. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RecordedRequest, Script } from '../src/upstream/index.js';
import {
  chunk,
  FAULTS,
  head,
  LAST_CHUNK,
  rawExchange,
  SSE_HEADERS,
  send,
} from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
afterEach(() => world.close());

const CHAT = '/v1/chat/completions';
const chat = (model: string) =>
  JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }] });
const post = (model: string) => fetch(world.url + CHAT, { method: 'POST', body: chat(model) });

describe('SEC-27', () => {
  /** Says its request's canary in five events, and waits for the test between the first two. */
  const canaries = ({ headers }: RecordedRequest): Script => {
    const event = send(chunk(`data: {"canary":"${headers['x-canary']}"}\n\n`));
    const open = send(head(200, [...SSE_HEADERS, ['transfer-encoding', 'chunked']]));
    const rest = [event, event, event, event, send(LAST_CHUNK)];
    return { steps: [open, event, { awaitSignal: 'all are here' }, ...rest] };
  };

  it('five hundred interleaved streams carry their own canary and no other', async () => {
    world = await World.start({ upstream: { script: canaries } });
    const wrong: string[] = [];
    for (let round = 0; round < 4; round++) {
      const mine = Array.from({ length: 128 }, (_, at) => `c${round}-${at}-end`);
      const replies = await Promise.all(
        mine.map((canary) => fetch(world.url, { headers: { 'x-canary': canary } })),
      );
      world.upstream.signal('all are here');
      for (const [at, reply] of replies.entries()) {
        const expected = `data: {"canary":"${mine[at]}"}\n\n`.repeat(5);
        const text = await reply.text();
        if (text !== expected) wrong.push(text);
      }
    }
    expect(wrong).toEqual([]);
    const records = await world.recorded(512);
    expect(records.filter(({ outcome }) => outcome === 'completed')).toHaveLength(512);
  });

  it.each(['F06', 'F06-late', 'F06-response', 'F06-chunked', 'F27-double', 'F22', 'F22-head-body'])(
    'what %s sends behind its response is nobody’s response',
    async (id) => {
      world = await World.start();
      const healthy = await (await fetch(`${world.upstream.url}/v1/models`)).text();
      const before = world.upstream.connections.length;
      const method = id === 'F22-head-body' ? 'HEAD' : 'GET';
      for (let turn = 0; turn < 3; turn++) {
        const faulty = await fetch(`${world.url}/v1/models/fault:${id}`, { method });
        expect(await faulty.text()).not.toMatch(/EXTRA|POISON/);
        expect(await (await fetch(`${world.url}/v1/models`)).text()).toBe(healthy);
      }
      const used = world.upstream.connections.slice(before);
      const behind = used.flatMap(({ requests }) => requests.slice(0, -1));
      expect(behind.filter(({ target }) => target.includes('fault'))).toEqual([]);
    },
  );
});

describe('SEC-28', () => {
  const HASTE = { responseHeaders: 150, firstByte: 150, idle: 150, progress: 200, linger: 100 };

  it('under every fault of the catalogue, a POST is sent to the upstream once', async () => {
    world = await World.start({ config: { deadlines: HASTE } });
    await Promise.all(
      FAULTS.map(({ id }) => {
        const body = chat(`fault:${id}`);
        const lines = ['Host: h', 'Connection: close', `Content-Length: ${body.length}`];
        const bytes = `POST ${CHAT} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
        return rawExchange(world.port, bytes);
      }),
    );
    const posts = world.upstream.requests.map(({ body }) => body.toString());
    expect(posts.sort()).toEqual(FAULTS.map(({ id }) => chat(`fault:${id}`)).sort());
    expect(await world.recorded(FAULTS.length)).toHaveLength(FAULTS.length);
  });

  it('a kept-alive connection that dies under a POST does not make it two', async () => {
    world = await World.start();
    for (const end of ['F11', 'F11-rst', 'F11-partial', 'F12']) {
      expect((await post('m')).status).toBe(200);
      const before = world.upstream.requests.length;
      const reply = await post(`fault:${end}`);
      expect(reply.status).toBe(502);
      expect(world.upstream.requests.length - before).toBe(1);
      // It did go over a connection that had served before.
      expect(world.upstream.requests.at(-1)?.connection.requests.length).toBeGreaterThan(1);
    }
  });

  it('a body that is still being sent is not sent again', async () => {
    const rst: Script = { steps: [{ awaitBody: 5 }, { rst: true }] };
    world = await World.start({ config: { limits: { lingerMs: 50 } }, upstream: { script: rst } });
    const start = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nfirst';
    const reply = await rawExchange(world.port, start);
    expect(reply.bytes.toString()).toMatch(/^HTTP\/1\.1 502 /);
    expect(world.upstream.requests).toHaveLength(1);
  });
});

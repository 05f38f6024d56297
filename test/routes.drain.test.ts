/** Starting and stopping: health, readiness, and a drain that leaves nothing without a record. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Script, Step } from '../src/upstream/index.js';
import { chunk, head, LAST_CHUNK, SSE_HEADERS, send } from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await world.close();
});

/** A connection that is kept, and what came over it. */
class Client {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor() {
    this.socket = connect(world.port, '127.0.0.1');
    this.socket.on('data', (part: Buffer) => {
      this.text += part.toString();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    clients.push(this);
  }

  ask(target: string): void {
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
  }

  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) await once(this.socket, 'data');
    return this.text;
  }

  async end(): Promise<string> {
    if (!this.closed) await once(this.socket, 'close');
    return this.text;
  }
}

const EVENT = 'data: {"choices":[]}\n\n';
const OPEN: Step[] = [
  send(head(200, [...SSE_HEADERS, ['transfer-encoding', 'chunked']])),
  send(chunk(EVENT)),
];
const GO: Step = { awaitSignal: 'go' };
/** Streams `/stream` after its first event, answers anything else, each when the test says `go`. */
const script = ({ target }: { target: string }): Script => ({
  steps:
    target === '/stream'
      ? [...OPEN, GO, send(chunk('data: [DONE]\n\n')), send(LAST_CHUNK)]
      : [GO, { send: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' }],
});
const start = async (config = {}) => {
  world = await World.start({ config, upstream: { script } });
};

describe('health', () => {
  it.each(['/healthz', '/readyz'])(
    '%s is answered by the gateway, and is no exchange',
    async (path) => {
      await start();
      const reply = await fetch(world.url + path);
      expect([reply.status, await reply.text()]).toEqual([200, 'ok\n']);
      expect([world.traces, world.upstream.connections]).toEqual([[], []]);
    },
  );

  it('is not what a request of doubtful framing asks for (SEC-01)', async () => {
    await start();
    const client = new Client();
    const lines = 'Host: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    client.socket.write(`GET /healthz HTTP/1.1\r\n${lines}`);
    client.ask('/canary');
    expect(await client.end()).toMatch(/^HTTP\/1\.1 501 /);
    expect(world.upstream.connections).toEqual([]);
  });

  it('of other names and methods is the upstream’s', async () => {
    world = await World.start();
    expect((await fetch(`${world.url}/healthz/x`)).status).toBe(404);
    expect((await fetch(`${world.url}/readyz`, { method: 'POST' })).status).toBe(404);
    expect(world.upstream.requests).toHaveLength(2);
  });
});

describe('a drain', () => {
  it('lets what is in flight finish, and tells it not to come back', async () => {
    await start();
    const [waiting, streaming] = [new Client(), new Client()];
    waiting.ask('/wait');
    streaming.ask('/stream');
    await streaming.until(/data/);
    await world.event('upstream.connected', 2);
    const drained = world.gateway.drain();
    expect(world.gateway.inFlight).toBe(2);
    for (const request of [
      await world.upstream.nextRequest(),
      await world.upstream.nextRequest(),
    ]) {
      request.signal('go');
    }
    await drained;
    expect(world.gateway.inFlight).toBe(0);
    expect(await waiting.end()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n/i);
    expect(await streaming.until(/\r\n0\r\n\r\n$/)).toContain('[DONE]');
    const outcomes = world.records.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['completed', 'completed']);
  });

  it('takes no new connections', async () => {
    await start();
    const { url } = world;
    await world.gateway.drain();
    await expect(fetch(url)).rejects.toThrow();
  });

  it('refuses what comes over a kept connection, with 503 and a time to wait', async () => {
    await start();
    const client = new Client();
    client.ask('/stream');
    await client.until(/data/);
    const drained = world.gateway.drain();
    client.ask('/next');
    client.ask('/never');
    (await world.upstream.nextRequest()).signal('go');
    await drained;
    const [, after = ''] = (await client.end()).split('\r\n0\r\n\r\n');
    expect(after).toMatch(/^HTTP\/1\.1 503 /);
    expect(after).toMatch(/^retry-after: 1\r$/im);
    expect(after).toMatch(/^connection: close\r$/im);
    expect(after.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(world.upstream.requests).toHaveLength(1);
    expect(await world.recorded(2)).toMatchObject([
      { outcome: 'completed' },
      { outcome: 'rejected', cause: 'shutting_down', status: 503 },
    ]);
  });

  it('is told to whoever asks whether the gateway is ready, and it is still healthy', async () => {
    await start();
    const client = new Client();
    client.ask('/stream');
    await client.until(/data/);
    const drained = world.gateway.drain();
    client.ask('/healthz');
    client.ask('/readyz');
    (await world.upstream.nextRequest()).signal('go');
    await drained;
    const text = await client.end();
    expect(text).toMatch(/shutting down\n$/);
    expect(text.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(9))).toEqual([
      '200',
      '200',
      '503',
    ]);
  });

  it('cuts what is left after its deadline, and not cleanly', async () => {
    await start({ deadlines: { drain: 100 } });
    const [waiting, streaming] = [new Client(), new Client()];
    waiting.ask('/wait');
    streaming.ask('/stream');
    await streaming.until(/data/);
    await world.event('upstream.connected', 2);
    await world.gateway.drain();
    expect(await waiting.end()).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n/);
    const cut = await streaming.end();
    expect(cut).toContain('event: error\ndata: ');
    expect(cut).not.toMatch(/\r\n0\r\n\r\n/);
    const records = world.records;
    expect(records.map(({ outcome }) => outcome)).toEqual(['drained', 'drained']);
    for (const request of world.upstream.requests) {
      expect(await request.closed).toMatchObject({ by: 'peer', complete: false });
    }
  });

  it('may be told twice', async () => {
    await start();
    await Promise.all([world.gateway.drain(), world.gateway.drain()]);
    await world.gateway.close();
  });
});

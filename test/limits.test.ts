/** SEC-02, SEC-05, SEC-06: what a client may cost, and what it is told when it costs more. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Script } from '../src/upstream/index.js';
import { chunk, head, rawExchange, send } from '../src/upstream/index.js';
import { exchangesOf, World } from './harness.js';
import { heldBytes } from './memory.js';

let world: World;
afterEach(() => world.close());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const ANSWER: Script = { steps: [{ awaitRequestEnd: true }, { send: OK }] };

async function start(config: Record<string, unknown>, script: Script = ANSWER): Promise<World> {
  const routes = [
    { path: '/model/', models: ['m'], upstreams: ['scripted'] },
    { path: '/', upstreams: ['scripted'] },
  ];
  world = await World.start({ config: { routes, ...config }, upstream: { script } });
  return world;
}

/** A request that asks for the connection to be closed, in bytes. */
function request(target: string, lines: readonly string[], body = ''): string {
  const head = [`POST ${target} HTTP/1.1`, 'Host: h', 'Connection: close', ...lines];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

async function statusOf(bytes: string): Promise<number> {
  const reply = await rawExchange(world.port, bytes);
  // A client that is cut off while it still sends may see a reset, but not before the answer.
  expect(reply.ending).not.toBe('open');
  return Number(reply.bytes.toString('latin1').slice(9, 12));
}

const whole = () => world.upstream.requests.filter(({ complete }) => complete).length;
const chunked = (pieces: readonly string[]) =>
  request(
    '/path',
    ['Transfer-Encoding: chunked'],
    `${pieces.map((piece) => chunk(piece)).join('')}0\r\n\r\n`,
  );
const sized = (target: string, body: string) =>
  request(target, [`Content-Length: ${body.length}`], body);
const MODEL = (bytes: number) => `{"model":"m"}${' '.repeat(bytes - 13)}`;

/** Each limit, a request of exactly `size`, and the status over it. */
const LIMITS: [string, number, number, (size: number) => string][] = [
  ['headersMax', 10, 431, (size) => request('/', Array(size - 2).fill('a: b'))],
  [
    // Node counts the target, the names and the values, and nothing around them.
    'headerBytesMax',
    1_000,
    431,
    (size) => request('/', [`a: ${'b'.repeat(size - 1 - 5 - 15 - 1)}`]),
  ],
  ['urlBytesMax', 100, 414, (size) => request(`/${'u'.repeat(size - 1)}`, [])],
  ['requestBytesMax', 5_000, 413, (size) => sized('/path', 'b'.repeat(size))],
  ['requestBytesMax', 5_000, 413, (size) => chunked(['b'.repeat(size - 1), 'b'])],
  ['heldBytesMax', 5_000, 413, (size) => sized('/model/', MODEL(size))],
];

describe('SEC-06', () => {
  it.each(LIMITS)('%s of %d: up to it is served, over it is %d', async (key, max, status, of) => {
    await start({ limits: { [key]: max } });
    expect(await statusOf(of(max - 1))).toBe(200);
    expect(await statusOf(of(max))).toBe(200);
    expect(whole()).toBe(2);
    expect(await statusOf(of(max + 1))).toBe(status);
    expect(whole()).toBe(2);
  });

  it('trailers count as headers', async () => {
    await start({ limits: { headerBytesMax: 1_000 } });
    const trailers = (size: number) =>
      chunked(['b']).replace(/\r\n$/, `t: ${'x'.repeat(size)}\r\n\r\n`);
    expect(await statusOf(trailers(100))).toBe(200);
    expect(await statusOf(trailers(2_000))).toBe(431);
    expect(whole()).toBe(1);
  });

  it('a body over the limit is refused by its Content-Length, before any of it has come', async () => {
    await start({ limits: { requestBytesMax: 10 } });
    expect(await statusOf(request('/path', ['Content-Length: 11']))).toBe(413);
    expect(world.upstream.connections).toEqual([]);
  });

  it('every refusal has a record, and says that the connection closes', async () => {
    await start({ limits: { urlBytesMax: 5 } });
    const reply = await rawExchange(world.port, 'GET /123456 HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(reply.bytes.toString()).toMatch(/^connection: close\r$/im);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'rejected', status: 414, cause: 'url_too_long' });
  });
});

describe('pipelined requests', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
  const HELD: Script = { steps: [{ awaitSignal: 'go' }, { send: OK }] };

  it('without end cut the connection, and only the first was ever an exchange', async () => {
    await start({}, HELD);
    await rawExchange(world.port, GET.repeat(100));
    expect(await world.recorded()).toMatchObject([{ outcome: 'cancelled' }]);
    expect(exchangesOf(world.traces).size).toBe(1);
    expect(world.upstream.requests.length).toBeLessThanOrEqual(1);
  });

  it('are forgotten when the client leaves', async () => {
    await start({}, HELD);
    const socket = connect(world.port, '127.0.0.1');
    socket.write(GET.repeat(10));
    await world.upstream.nextRequest();
    socket.destroy();
    expect(await world.recorded()).toMatchObject([{ outcome: 'cancelled' }]);
    expect(world.upstream.requests).toHaveLength(1);
  });
});

describe('SEC-02', () => {
  const KB = 1024;
  const extended = (target: string, chunks: number, bytes: number) =>
    request(
      target,
      ['Transfer-Encoding: chunked'],
      `${`1;${'e'.repeat(bytes - 2)}\r\nb\r\n`.repeat(chunks)}0\r\n\r\n`,
    );

  it.each([
    ['one chunk, by path', '/path', 1, KB * KB],
    ['many chunks, by path', '/path', 128, 8 * KB],
    ['one chunk, by model', '/model/', 1, KB * KB],
    ['many chunks, by model', '/model/', 128, 8 * KB],
  ])('a MiB of chunk extensions in %s is refused', async (_, target, chunks, bytes) => {
    await start({});
    expect(await statusOf(extended(target, chunks, bytes))).toBe(413);
    expect(whole()).toBe(0);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'rejected', cause: 'chunk_extensions' });
  });

  it('chunk extensions are not forwarded', async () => {
    await start({});
    expect(await statusOf(extended('/path', 3, 4))).toBe(200);
    expect(await statusOf(extended('/path', 3, 1_000))).toBe(200);
    const [short, long] = world.upstream.requests;
    expect([short?.bodyBytes, long?.bodyBytes]).toEqual([3, 3]);
    // undici frames by what it was given in one turn, so the two may differ by a chunk size or two.
    const connections = new Set(world.upstream.connections);
    const read = [...connections].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(read).toBeLessThan(1_000);
  });

  it('a body in chunks of one byte is served, because that is only tedious', async () => {
    await start({});
    expect(await statusOf(chunked(Array(5_000).fill('b')))).toBe(200);
    expect(world.upstream.requests[0]?.bodyBytes).toBe(5_000);
  });
});

describe('SEC-05', () => {
  it('headers that come a byte at a time are answered 408 in time', async () => {
    await start({ limits: { headersMs: 150 } });
    const socket = connect(world.port, '127.0.0.1');
    let sent = 0;
    const text = request('/path', [`x: ${'y'.repeat(5_000)}`]);
    const drip = setInterval(() => socket.write(text[sent++] as string), 5);
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', () => {});
    await once(socket, 'close');
    clearInterval(drip);
    expect(Buffer.concat(parts).toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect(sent).toBeLessThan(text.length);
    expect(world.upstream.connections).toEqual([]);
  });

  it('a body that stops is answered 408, and its upstream is let go', async () => {
    await start({ deadlines: { requestBody: 100 } });
    expect(await statusOf(request('/path', ['Content-Length: 10'], 'b'))).toBe(408);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'timedOut', cause: 'deadline_requestBody' });
    const [seen] = world.upstream.requests;
    expect(await seen?.ended).toBe(false);
  });

  it('a client that does not read stops the upstream, and costs no memory', async () => {
    const piece = send(chunk(Buffer.alloc(64 * 1024, 'p')));
    const open = send(head(200, [['transfer-encoding', 'chunked']]));
    const endless: Script = { steps: [open, { repeat: 'forever', steps: [piece] }] };
    await start({ deadlines: { stall: 300 } }, endless);
    const before = heldBytes();
    const socket = connect(world.port, '127.0.0.1').pause();
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await (await world.upstream.nextRequest()).backedUp;
    await world.event('deadline.expired(stall)');
    expect(heldBytes() - before).toBeLessThan(32 * 1024 * 1024);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'cancelled', cause: 'deadline_stall' });
    // What the kernel takes for two sockets, and not what an upstream sends in that time.
    expect(record!.responseBytes).toBeLessThan(32 * 1024 * 1024);
    expect(world.traces.flatMap(({ commands }) => commands)).toContain('pauseUpstream');
    socket.destroy();
  });
});

/** Peers that want too much of the ext_proc server, and streams that end in every way. */
import type { ClientHttp2Session } from 'node:http2';
import { connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { status as Code } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { service } from '../src/adapters/ext-proc/wire.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { begin, finish } from './envoy/flight.js';
import { RB, RH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';

let world: EnvoyWorld;
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) close();
  await world.close();
});

async function start(config: Record<string, unknown> = {}): Promise<void> {
  world = await EnvoyWorld.start(config);
}

/** A connection of its own. */
function another(): EnvoyClient {
  const client = new EnvoyClient(world.server.address);
  closing.push(() => client.close());
  return client;
}

/** Nothing tells when a stream has been let go of. */
async function letGo(): Promise<void> {
  while (world.server.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** A gRPC stream by hand, for what a gRPC client would not send. */
function rawStream(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream = session.request({
    ':method': 'POST',
    ':path': service.Process!.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  return stream;
}

function rawSession(): ClientHttp2Session {
  const session = connect(`http://${world.server.address}`);
  session.on('error', () => {});
  closing.push(() => session.destroy());
  return session;
}

function frame(message: Buffer, compressed = false): Buffer {
  const head = Buffer.from([compressed ? 1 : 0, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const MiB = 1024 * 1024;

describe('a message that is too large', () => {
  it.each([
    ['first', [], 0],
    ['later', [RH()], 1],
  ] as const)('ends its stream alone, when it comes %s', async (_, before, exchanges) => {
    await start();
    const beside = await begin(another(), RH({}, true));
    const stream = await begin(another(), ...before);
    void stream.send(RB(Buffer.alloc(64 * MiB)));
    expect(await stream.ended).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    await finish(beside);
    await letGo();
    const outcomes = (await world.recorded(1 + exchanges)).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['completed', 'unknown'].slice(0, 1 + exchanges));
  });

  it('is too large as it is inflated, and no further', async () => {
    await start();
    const beside = await begin(another(), RH({}, true));
    const bomb = gzipSync(Buffer.alloc(256 * MiB), { level: 9 });
    expect(bomb.length).toBeLessThan(MiB);
    const session = rawSession();
    const stream = rawStream(session, { 'grpc-encoding': 'gzip' });
    const ended = new Promise<Record<string, unknown>>((resolve) => {
      // With no answer before it, the status comes as headers.
      for (const event of ['response', 'trailers']) stream.once(event, resolve);
    });
    stream.write(frame(bomb, true));
    expect(await ended).toMatchObject({ 'grpc-status': String(Code.RESOURCE_EXHAUSTED) });
    await finish(beside);
    expect(await world.recorded()).toMatchObject([{ outcome: 'completed' }]);
  });
});

describe('a stream that ends anyhow', () => {
  const rh = frame(service.Process!.requestSerialize(RH()) as Buffer);
  it.each([
    ['a reset', (stream: ReturnType<typeof rawStream>) => stream.close(constants.NGHTTP2_CANCEL)],
    ['bytes that are no message', (stream) => stream.write(frame(Buffer.from([0xff])))],
    ['half a message', (stream) => stream.end(Buffer.from([0, 0]))],
    ['a lost connection', (stream) => stream.session?.destroy()],
    ['an unknown compression', (stream) => stream.write(frame(Buffer.from([1]), true))],
    ['its end', (stream) => stream.end()],
  ] satisfies [string, (stream: ReturnType<typeof rawStream>) => unknown][])(
    'with %s leaves nothing behind, and is recorded',
    async (_, end) => {
      await start();
      const stream = rawStream(rawSession());
      stream.write(rh);
      await new Promise((resolve) => stream.once('data', resolve));
      stream.resume();
      expect(world.server.inFlight).toBe(1);
      end(stream);
      expect(await world.recorded()).toHaveLength(1);
      await letGo();
    },
  );

  it('as its deadline says leaves nothing behind', async () => {
    await start();
    const stream = rawStream(rawSession(), { 'grpc-timeout': '50m' });
    stream.write(rh);
    stream.resume();
    expect(await world.recorded()).toHaveLength(1);
    await letGo();
  });

  // Node 22 and 24 ended the process at some of these sizes, which say where reads cut a frame in two.
  it.each([0, 1, 20, 60])(
    '10,000 times at once hurts nobody else, though it heeds no GOAWAY (SEC-09; %i bytes more each)',
    async (more) => {
      await start();
      const beside = await begin(another(), RH({}, true));
      const socket = flood(10_000, { more });
      // The connection has been cut; whatever was begun on it is recorded.
      await new Promise((resolve) => socket.once('close', resolve));
      await finish(beside);
      await letGo();
      expect(world.records.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
    },
  );

  it('10,000 times hurts nobody else, though one more is left open', async () => {
    await start();
    const socket = flood(10_000, { open: true });
    await world.recorded(900);
    const beside = await begin(another(), RH({}, true));
    await finish(beside);
    socket.destroy();
    await letGo();
    expect(world.records.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
  });

  it('10,000 times at once is cut as well where no exchange is asked for', async () => {
    await start();
    const socket = flood(10_000, { path: '/grpc.health.v1.Health/Watch' });
    await new Promise((resolve) => socket.once('close', resolve));
    await finish(await begin(another(), RH({}, true)));
  });

  /** Streams that are reset as they begin, by a peer that reads nothing. */
  function flood(
    count: number,
    { open = false, more = 0, path = service.Process!.path } = {},
  ): Socket {
    const [host, port] = world.server.address.split(':');
    const socket = connectTo(Number(port), host).on('error', () => {});
    closing.push(() => socket.destroy());
    socket.resume().write(Buffer.concat([PREFACE, http2Frame(SETTINGS, 0, 0)]));
    const headers = headersOf(path);
    if (open) socket.write(http2Frame(HEADERS, END_HEADERS, 1, headers));
    const data = Buffer.concat([rh, Buffer.alloc(more)]);
    for (let id = 3; id < 2 * count + 3; id += 2) {
      const frames = [
        http2Frame(HEADERS, END_HEADERS, id, headers),
        http2Frame(DATA, 0, id, data),
        http2Frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])),
      ];
      socket.write(Buffer.concat(frames));
    }
    return socket;
  }
});

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4];
const END_HEADERS = 4;

function http2Frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)) {
  const head = Buffer.from([0, 0, 0, type, flags, 0, 0, 0, 0]);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of a call: two from HPACK's static table, the others as they are. */
function headersOf(path: string): Buffer {
  const headers = {
    ':path': path,
    ':authority': 'a.test',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const text = (part: string) => Buffer.from([part.length, ...Buffer.from(part)]);
  const literals = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.from([0]), text(name), text(value)]),
  );
  return Buffer.concat([Buffer.from([0x83, 0x86]), ...literals]);
}

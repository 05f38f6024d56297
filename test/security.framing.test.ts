/**
 * SEC-01: bytes that two parsers might frame differently. Each vector is sent as it is, and again
 * with a whole second request behind it, which no upstream may ever see unless both were clean.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawExchange } from '../src/upstream/index.js';
import { exchangesOf, World } from './harness.js';

const BODY = '{"model":"m"}';
const CHUNK = `d\r\n${BODY}\r\n`;
const CHUNKED = `${CHUNK}0\r\n\r\n`;
const TE = 'Transfer-Encoding: chunked';

interface Vector {
  readonly status: number;
  readonly head: readonly string[];
  readonly body?: string;
  readonly version?: string;
  readonly authority?: string;
  readonly host?: readonly string[];
}

const length = (value: string): Vector => ({
  status: 400,
  head: [`Content-Length: ${value}`],
  body: BODY,
});
const coding = (...values: string[]): Vector => ({
  status: 400,
  head: values.map((value) => `Transfer-Encoding: ${value}`),
  body: CHUNKED,
});
const chunks = (body: string): Vector => ({ status: 400, head: [TE], body });
const line = (text: string): Vector => ({ status: 400, head: [text, TE], body: CHUNKED });

const VECTORS: Record<string, Vector> = {
  'Content-Length beside Transfer-Encoding': {
    ...chunks(CHUNKED),
    head: ['Content-Length: 5', TE],
  },
  'Transfer-Encoding beside Content-Length': {
    ...chunks(CHUNKED),
    head: [TE, 'Content-Length: 5'],
  },
  'two equal Content-Lengths': { ...length(''), head: Array(2).fill('Content-Length: 13') },
  'two different Content-Lengths': {
    ...length(''),
    head: ['Content-Length: 13', 'Content-Length: 3'],
  },
  'a list of Content-Lengths': length('13, 13'),
  'a Content-Length with a plus': length('+13'),
  'a negative Content-Length': length('-1'),
  'an empty Content-Length': length(''),
  'a hexadecimal Content-Length': length('0xd'),
  'a Content-Length with a space inside': length('1 3'),
  'a Content-Length of 20 digits': length('99999999999999999999'),
  'gzip before chunked': { ...coding('gzip, chunked'), status: 501 },
  'an empty coding before chunked': coding(',chunked'),
  'gzip after chunked': coding('chunked, gzip'),
  'a coding that only ends in chunked': coding('xchunked'),
  'a coding with a vertical tab': coding('\vchunked'),
  'identity as the coding': coding('identity'),
  'Transfer-Encoding twice': coding('chunked', 'chunked'),
  'Transfer-Encoding twice, gzip first': { ...coding('gzip', 'chunked'), status: 501 },
  'Transfer-Encoding in HTTP/1.0': { ...coding('chunked'), version: '1.0' },
  'a folded header line': line('X-Fold: a\r\n b'),
  'a space before the first header': { ...line(''), head: [` X: a`, TE], host: [' Host: h'] },
  'a space before the colon': line('X-Space : a'),
  'a space before the colon of Transfer-Encoding': {
    ...length('13'),
    head: ['Content-Length: 13', 'Transfer-Encoding : chunked'],
  },
  'a header line without a colon': line('nothing'),
  'a bare CR in a header value': line('X: a\rTransfer-Encoding: gzip'),
  'a NUL in a header value': line('X: a\0b'),
  'a bare LF after a header line': line('X: a\nY: b'),
  'an LF inside a chunk extension': chunks(`d;a=\nb\r\n${BODY}\r\n0\r\n\r\n`),
  'a bare LF after a chunk size': chunks(`d\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size with 0x': chunks(`0xd\r\n${BODY}\r\n0\r\n\r\n`),
  'a negative chunk size': chunks(`-1\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk that is longer than its size': chunks(`3\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size that overflows': chunks(`${'f'.repeat(17)}\r\n${BODY}\r\n0\r\n\r\n`),
  'no Host': { status: 400, head: [], host: [] },
  'two Hosts': { status: 400, head: [], host: ['Host: a.test', 'Host: b.test'] },
  'two equal Hosts': { status: 400, head: [], host: ['Host: a.test', 'Host: a.test'] },
  'an absolute form beside another Host': {
    status: 400,
    head: [],
    authority: 'http://a.test',
    host: ['Host: b.test'],
  },
  'an absolute form with a user': {
    status: 400,
    head: [],
    authority: 'http://b.test@a.test',
    host: ['Host: a.test'],
  },
  'a Host that is none': { status: 400, head: [], host: ['Host: a.test/evil'] },
  'HTTP/2.0 as a version': { status: 505, head: [], version: '2.0' },
  'a header of 20 kB': { ...line(`X: ${'x'.repeat(20_000)}`), status: 431 },
  '3000 headers': { ...line(Array(3_000).fill('a:b').join('\r\n')), status: 431 },
};

/** What is odd and still means one thing only. */
const CLEAN: Record<string, Vector> = {
  'a chunk extension': { ...chunks(`d;name="v;1"\r\n${BODY}\r\n0;last\r\n\r\n`), status: 200 },
  'an absolute form of the same Host': {
    ...chunks(CHUNKED),
    status: 200,
    authority: 'http://A.test:80',
    host: ['Host: a.test'],
  },
  'chunked in capitals': { ...coding('CHUNKED'), status: 200 },
  'a Content-Length with leading zeros': { ...length('013'), status: 200 },
};

const CANARY = 'GET /canary HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

function bytesOf(vector: Vector, path: string): string {
  const { head, body = '', version = '1.1', authority = '', host = ['Host: h'] } = vector;
  const lines = [`POST ${authority}${path} HTTP/${version}`, ...host, ...head];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const statusesOf = (bytes: Buffer) =>
  [...bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code));

describe.each([
  ['by path', '/path/x'],
  ['by model', '/model/x'],
])('SEC-01 in a route %s', (_, path) => {
  let world: World;
  beforeAll(async () => {
    const routes = [
      { path: '/model/', models: ['m'], upstreams: ['scripted'] },
      { path: '/', upstreams: ['scripted'] },
    ];
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    const script = { steps: [{ awaitRequestEnd: true as const }, { send: answer }] };
    world = await World.start({ config: { routes }, upstream: { script } });
  });
  afterAll(() => world.close());

  const seen = () => world.upstream.requests.filter((request) => request.complete);
  const canaries = () => seen().filter(({ target }) => target.includes('canary')).length;

  describe.each(Object.entries(VECTORS))('%s', (_name, vector) => {
    it(`is answered ${vector.status} and the connection is closed`, async () => {
      const before = seen().length;
      const reply = await rawExchange(world.port, bytesOf(vector, path));
      expect(statusesOf(reply.bytes)).toEqual([vector.status]);
      expect(reply.ending).toBe('fin');
      expect(seen()).toHaveLength(before);
    });

    it('hides no second request', async () => {
      const before = [seen().length, exchangesOf(world.traces).size] as const;
      const reply = await rawExchange(world.port, bytesOf(vector, path) + CANARY);
      expect(statusesOf(reply.bytes)).toEqual([vector.status]);
      expect(canaries()).toBe(0);
      expect(seen()).toHaveLength(before[0]);
      expect(exchangesOf(world.traces).size - before[1]).toBeLessThanOrEqual(1);
    });
  });

  it.each(Object.entries(CLEAN))('%s passes, and so does the request behind it', async (_n, it) => {
    const before = canaries();
    const reply = await rawExchange(world.port, bytesOf(it, path) + CANARY);
    expect(statusesOf(reply.bytes)).toEqual([it.status, 200]);
    expect(canaries()).toBe(before + 1);
    expect(seen().at(-2)?.body.toString()).toBe(BODY);
  });

  it('no upstream was ever sent bytes that are no HTTP/1.1', () => {
    expect(world.upstream.connections.map(({ malformed }) => malformed).filter(Boolean)).toEqual(
      [],
    );
  });
});

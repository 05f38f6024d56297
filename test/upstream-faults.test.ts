import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describeFaults,
  FAULTS,
  fault,
  NOT_SCRIPTED,
  promisedBytes,
  promisedEnding,
  rawExchange,
  rawRequest,
  startUpstream,
  type Upstream,
} from '../src/upstream/index.js';

let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream();
});

afterAll(() => upstream.close());

function chat(id: string): string {
  const body = { model: `fault:${id}`, stream: true, messages: [{ role: 'user', content: 'Hi' }] };
  return rawRequest('POST', '/v1/chat/completions', JSON.stringify(body));
}

/** Everything that a fault sends up to its ending; three rounds of what never ends. */
async function play(id: string): Promise<{ bytes: Buffer; ending: string }> {
  const promised = promisedBytes(fault(id).script, 3);
  const stays = !['fin', 'rst'].includes(promisedEnding(fault(id).script));
  return rawExchange(upstream.port, chat(id), (bytes) => stays && bytes.length >= promised.length);
}

/** The payload of a chunked response, read without judging it. */
function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!size) break;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

async function text(id: string): Promise<string> {
  return String((await play(id)).bytes);
}

// What sends nothing and stays cannot be told from what has not begun: F14 has a test of its own.
const SEEN = FAULTS.filter(({ id }) => id !== 'F14');

describe('every fault', () => {
  it.each(SEEN.map(({ id, title }) => [id, title]))('%s %s', async (id) => {
    const { script } = fault(id);
    const promised = promisedBytes(script, 3);
    const reply = await play(id);
    expect(reply.bytes.equals(promised.subarray(0, reply.bytes.length))).toBe(true);
    expect(reply.bytes.length).toBe(promised.length);
    const ending = promisedEnding(script);
    expect(reply.ending).toBe(ending === 'stall' ? 'open' : ending);
  });

  it('is there for every row of the fault table, or says why not', () => {
    const rows = Array.from({ length: 27 }, (_, index) => `F${String(index + 1).padStart(2, '0')}`);
    const named = new Set([...FAULTS, ...NOT_SCRIPTED].map(({ id }) => id.slice(0, 3)));
    expect([...named].sort()).toEqual([...rows, 'F34', 'F52']);
    expect(new Set(FAULTS.map(({ id }) => id)).size).toBe(FAULTS.length);
    expect(describeFaults()).toHaveLength(FAULTS.length);
  });

  it('survives JSON', () => {
    for (const { script } of FAULTS) expect(JSON.parse(JSON.stringify(script))).toEqual(script);
  });
});

describe('a fault is what its title says', () => {
  it('F14: the request is read, and nothing is said', async () => {
    const own = await startUpstream();
    const socket = connect(own.port, '127.0.0.1');
    socket.write(chat('F14'));
    const request = await own.nextRequest();
    expect(await request.ended).toBe(true);
    socket.destroy();
    expect(await request.closed).toMatchObject({ by: 'peer', complete: false });
    expect(request.written).toBe(0);
    await own.close();
  });

  it('F01, F02: a chunk announces more than it carries', async () => {
    for (const id of ['F01', 'F02']) {
      const bytes = await text(id);
      const [, size, rest] = /\r\n([0-9a-f]+)\r\n((?:(?!\r\n).)*)$/s.exec(bytes) ?? [];
      expect(rest?.length).toBeGreaterThan(0);
      expect(Number.parseInt(size ?? '', 16)).toBeGreaterThan(rest?.length ?? 0);
    }
  });

  it('F03, F04: whole chunks, and no final empty line', async () => {
    expect(await text('F03')).toMatch(/\n\n\r\n$/);
    expect(await text('F04')).toMatch(/data: \[DONE\]\n\n\r\n0\r\n$/);
  });

  it('F05, F06: less and more than content-length', async () => {
    const lengths = async (id: string) => {
      const [start = '', ...body] = (await text(id)).split('\r\n\r\n');
      return [Number(/content-length: (\d+)/.exec(start)?.[1]), body.join('\r\n\r\n').length];
    };
    const [promisedShort = 0, sentShort = 0] = await lengths('F05');
    expect(sentShort).toBeLessThan(promisedShort);
    const [promisedLong = 0, sentLong = 0] = await lengths('F06');
    expect(sentLong - promisedLong).toBe('EXTRA'.length);
    expect(await text('F06-response')).toMatch(/POISON$/);
  });

  it('F07, F08: neither length nor chunks', async () => {
    for (const id of ['F07', 'F07-cut', 'F08']) {
      expect(await text(id)).not.toMatch(/content-length|transfer-encoding/);
    }
  });

  it('F10, F11: headers and nothing, and nothing at all', async () => {
    for (const id of ['F10', 'F10-rst', 'F10-length']) expect(await text(id)).toMatch(/\r\n\r\n$/);
    for (const id of ['F11', 'F11-rst']) expect(await text(id)).toBe('');
  });

  it('F12: a flood is larger than any header limit', async () => {
    expect((await play('F12-flood')).bytes.length).toBeGreaterThan(1_000_000);
  });

  it('F16: comments go on for ever', async () => {
    const reply = await rawExchange(
      upstream.port,
      chat('F16'),
      (bytes) => String(bytes).split(': ping\n\n').length > 5,
    );
    expect(reply.ending).toBe('open');
  });

  it('F21: the final response comes last', async () => {
    expect(await text('F21')).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
    expect((await text('F21-many')).match(/HTTP\/1.1 103 /g)).toHaveLength(500);
  });

  it('F22: a HEAD request can name a fault too', async () => {
    const request = rawRequest('HEAD', '/v1/models/fault:F22-head-body');
    const reply = await rawExchange(upstream.port, request, (bytes) => bytes.includes('hello'));
    expect(String(reply.bytes)).toMatch(/content-length: 5\r\n\r\nhello$/);
  });

  it('F25: inflates to the healthy stream, or fails in its own way', async () => {
    const healthy = String(dechunk((await play('F27')).bytes));
    const body = async (id: string) => dechunk((await play(id)).bytes);
    expect(String(gunzipSync(await body('F25')))).toBe(healthy);
    expect(String(brotliDecompressSync(await body('F25-br')))).toBe(healthy);
    const tail = await body('F25-tail');
    expect(() => gunzipSync(tail)).toThrow('incorrect data check');
    const short = await body('F25-short');
    expect(() => gunzipSync(short)).toThrow('unexpected end of file');
    const prefix = gunzipSync(short, { finishFlush: constants.Z_SYNC_FLUSH });
    expect(healthy.startsWith(String(prefix))).toBe(true);
    expect(String(prefix).match(/data: /g)).toHaveLength(4);
    const lie = await body('F25-lie');
    expect(() => gunzipSync(lie)).toThrow('incorrect header check');
  });

  it('F27: one byte at a time makes the same stream as one write', async () => {
    expect(await text('F27')).toBe(await text('F27-whole'));
    expect(await text('F27-random')).toBe(await text('F27-whole'));
  });

  it('F34: answers before the upload is over, as soon as the model is named', async () => {
    const socket = connect(upstream.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n',
    );
    socket.write('{"model": "fault:F34", "messages": ["');
    const [first] = await once(socket, 'data');
    expect(String(first)).toMatch(/^HTTP\/1.1 413 /);
    const request = upstream.requests.at(-1);
    expect(request?.complete).toBe(false);
    socket.destroy();
    expect(await request?.closed).toMatchObject({ by: 'peer', complete: false });
  });
});

describe('a request for a fault that does not exist', () => {
  it('is told which ones do', async () => {
    const reply = await rawExchange(upstream.port, chat('F99'), (bytes) => bytes.includes('}}'));
    expect(String(reply.bytes)).toMatch(
      /^HTTP\/1.1 404 .*No upstream fault is named F99.*F01, F02/s,
    );
    expect(() => fault('F99')).toThrow(RangeError);
  });
});

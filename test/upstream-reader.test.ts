import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { rawExchange, send, startUpstream } from '../src/upstream/index.js';
import { RequestReader } from '../src/upstream/reader.js';

interface Read {
  target: string;
  headers: Record<string, string>;
  lines: string[];
  body: string;
  trailers: string[] | undefined;
}

/** Reads the pieces; gives the requests, and the reason when the bytes were refused. */
function read(...pieces: string[]): { requests: Read[]; reason: string | undefined } {
  const requests: Read[] = [];
  let reason: string | undefined;
  const reader = new RequestReader({
    head: ({ target, headers, lines }) =>
      requests.push({
        target,
        headers: { ...headers },
        lines: [...lines],
        body: '',
        trailers: undefined,
      }),
    body: (bytes) => {
      requests.at(-1)!.body += bytes.toString('latin1');
    },
    end: (trailers) => {
      requests.at(-1)!.trailers = [...trailers];
    },
    malformed: (why) => {
      reason = why;
    },
  });
  for (const piece of pieces) reader.push(Buffer.from(piece, 'latin1'));
  return { requests, reason };
}

const CHUNKED =
  'POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nx-twice:  2 \r\n' +
  'transfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n';
const SIZED = 'POST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n\r\n\r\n';
const BARE = 'GET /c HTTP/1.1\r\nhost: a\r\n\r\n';

describe('the request reader', () => {
  it('keeps a request as it came', () => {
    expect(read(CHUNKED).requests).toEqual([
      {
        target: '/v1/x?y=1',
        headers: { host: 'a', 'x-twice': '1, 2', 'transfer-encoding': 'chunked' },
        lines: ['Host: a', 'X-Twice: 1', 'x-twice:  2 ', 'transfer-encoding: chunked'],
        body: 'abcde',
        trailers: ['X-Sum: 9'],
      },
    ]);
  });

  it('reads the same requests however their bytes are split', () => {
    const all = CHUNKED + SIZED + BARE;
    const whole = read(all);
    expect(whole.reason).toBeUndefined();
    expect(whole.requests.map(({ body }) => body)).toEqual(['abcde', '\r\n\r\n', '']);
    expect(read(...all)).toEqual(whole);
    for (let at = 1; at < all.length; at += 1) {
      expect(read(all.slice(0, at), all.slice(at))).toEqual(whole);
    }
  });

  it('knows that a cut request is not whole', () => {
    for (const text of [CHUNKED, SIZED]) {
      expect(read(text.slice(0, -1)).requests[0]?.trailers).toBeUndefined();
    }
  });

  const post = 'POST / HTTP/1.1\r\nhost: a\r\n';
  it.each([
    ['GET /\r\n\r\n', 'request line'],
    ['GET / HTTP/2.0\r\nhost: a\r\n\r\n', 'request line'],
    ['GET / HTTP/1.1\nhost: a\n\n', 'bare LF'],
    ['GET / HTTP/1.1\r\n\r\n', 'no host'],
    ['GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 'host comes twice'],
    ['GET / HTTP/1.1\r\nhost: a\r\nx : b\r\n\r\n', 'bad header line'],
    ['GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n', 'bad header line'],
    ['GET / HTTP/1.1\r\nhost: a\r\nx: b\rc\r\n\r\n', 'bare CR'],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(300_000)}`, 'too long'],
    [`GET / HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(50_000)}`, 'too large'],
    [`${post}content-length: +3\r\n\r\nabc`, 'content-length +3'],
    [`${post}content-length: 3\r\ncontent-length: 3\r\n\r\nabc`, 'content-length comes twice'],
    [`${post}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n`, 'beside'],
    [`${post}transfer-encoding: gzip, chunked\r\n\r\n`, 'transfer-encoding gzip'],
    ['POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n', 'HTTP/1.0'],
    [`${post}transfer-encoding: chunked\r\n\r\nzz\r\n`, 'bad chunk size'],
    [`${post}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`, 'longer than its size'],
    [`${post}transfer-encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n`, 'bad header line'],
  ])('refuses %j: %s', (text, reason) => {
    expect(read(text).reason).toContain(reason);
  });

  it('makes the upstream answer 400, end the connection and remember why', async () => {
    const upstream = await startUpstream();
    const reply = await rawExchange(upstream.port, 'GET / HTTP/1.1\r\n\r\n');
    expect(reply.ending).toBe('fin');
    expect(String(reply.bytes)).toMatch(/^HTTP\/1.1 400 /);
    expect(upstream.connections[0]?.malformed).toBe('no host');
    await upstream.close();
  });

  it('makes the upstream drop a connection whose answer has begun', async () => {
    const upstream = await startUpstream({
      script: { steps: [send('begun'), { awaitRequestEnd: true }, send('never')] },
    });
    const socket = connect(upstream.port, '127.0.0.1');
    socket.write(`${post}transfer-encoding: chunked\r\n\r\n`);
    expect(String((await once(socket, 'data'))[0])).toBe('begun');
    socket.on('error', () => {});
    socket.write('zz\r\n');
    const request = await upstream.nextRequest();
    expect(await request.closed).toMatchObject({ by: 'us', complete: false });
    expect(await request.ended).toBe(false);
    expect(request.written).toBe(5);
    await upstream.close();
  });
});

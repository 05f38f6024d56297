// Responses that break HTTP/1.1, or use the parts of it that gateways forget.

import type { Fault } from '../faults.js';
import { type HeaderList, head, type Script, SSE_HEADERS, type Step, send } from '../script.js';
import { ANSWER, chunks, HEALTHY, open, SPOKEN, streamHeaders } from './stream.js';

const CHUNKED = open(streamHeaders('chunked'));
const BODY = JSON.stringify(ANSWER);
const REQUEST: Step = { awaitRequestEnd: true };
const STALL: Step = { stall: true };
const OK = open([
  ['content-type', 'application/json'],
  ['content-length', String(BODY.length)],
]);

function steps(...list: Step[]): Script {
  return { steps: list };
}

/** A response whose start is written by hand, with the healthy JSON body after it. */
function handwritten(start: string): Script {
  return steps(REQUEST, send(`${start}\r\n\r\n${BODY}`), STALL);
}

const LENGTH = `content-length: ${BODY.length}`;
const EARLY_HINTS = head(103, [['link', '</style.css>; rel=preload; as=style']]);

function bodiless(status: number, headers: HeaderList, body = ''): Script {
  return steps(REQUEST, send(Buffer.concat([head(status, headers), Buffer.from(body)])));
}

function trailers(headers: HeaderList, lines: string): Script {
  return steps(
    ...open([...SSE_HEADERS, ...headers, ['transfer-encoding', 'chunked']]),
    ...chunks(HEALTHY),
    send(`0\r\n${lines}\r\n`),
  );
}

export const PROTOCOL: readonly Fault[] = [
  {
    id: 'F09',
    title: 'sends a chunk size that is no number, after three words',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), send('zz\r\nhello\r\n'), STALL),
  },
  {
    id: 'F09-crlf',
    title: 'sends a chunk that runs past its size, after three words',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), send('5\r\nhelloXX\r\n'), STALL),
  },
  {
    id: 'F09-lf',
    title: 'ends a chunk size line in a bare LF, after three words',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), send('5\nhello\r\n'), STALL),
  },
  {
    id: 'F09-overflow',
    title: 'sends a chunk size of 20 hexadecimal digits, after three words',
    script: steps(
      ...CHUNKED,
      ...chunks(SPOKEN.slice(0, 3)),
      send(`${'f'.repeat(20)}\r\nhello\r\n`),
      STALL,
    ),
  },
  {
    id: 'F12',
    title: 'sends a malformed status line',
    script: handwritten(`HTP/1.1 OK\r\n${LENGTH}`),
  },
  {
    id: 'F12-flood',
    title: 'sends 20 000 header fields, about 1 MB',
    script: steps(
      REQUEST,
      send('HTTP/1.1 200 OK\r\n'),
      { repeat: 200, steps: [send(`x-flood: ${'f'.repeat(40)}\r\n`.repeat(100))] },
      send(`${LENGTH}\r\n\r\n${BODY}`),
      STALL,
    ),
  },
  {
    id: 'F12-header',
    title: 'sends a header line without a colon',
    script: handwritten(`HTTP/1.1 200 OK\r\n${LENGTH}\r\nno colon here`),
  },
  {
    id: 'F12-inject',
    title: 'hides a header after a bare CR in the value of another',
    script: handwritten(`HTTP/1.1 200 OK\r\n${LENGTH}\r\nx: a\rset-cookie: b`),
  },
  {
    id: 'F12-lengths',
    title: 'sends two different content-length fields',
    script: handwritten(`HTTP/1.1 200 OK\r\n${LENGTH}\r\ncontent-length: 5`),
  },
  {
    id: 'F12-both',
    title: 'sends content-length beside transfer-encoding: chunked',
    script: handwritten(`HTTP/1.1 200 OK\r\n${LENGTH}\r\ntransfer-encoding: chunked`),
  },
  {
    id: 'F21',
    title: 'sends 100 Continue that nobody expects, then a healthy answer',
    script: steps(REQUEST, send(head(100, [])), ...OK.slice(1), send(BODY)),
  },
  {
    id: 'F21-103',
    title: 'sends 103 Early Hints, then a healthy answer',
    script: steps(REQUEST, send(EARLY_HINTS), ...OK.slice(1), send(BODY)),
  },
  {
    id: 'F21-many',
    title: 'sends 103 Early Hints 500 times, then a healthy answer',
    script: steps(
      REQUEST,
      { repeat: 50, steps: [send(Buffer.concat(Array(10).fill(EARLY_HINTS)))] },
      ...OK.slice(1),
      send(BODY),
    ),
  },
  {
    id: 'F22',
    title: 'sends a body after 204',
    script: bodiless(204, [['content-length', '5']], 'hello'),
  },
  {
    id: 'F22-204',
    title: 'sends content-length with 204, and no body',
    script: bodiless(204, [['content-length', '5']]),
  },
  {
    id: 'F22-304',
    title: 'sends content-length with 304, and no body, as it may',
    script: bodiless(304, [
      ['etag', '"1"'],
      ['content-length', '5'],
    ]),
  },
  {
    id: 'F22-304-body',
    title: 'sends a body after 304',
    script: bodiless(304, [['content-length', '5']], 'hello'),
  },
  {
    id: 'F22-head',
    title: 'sends content-length and no body, as it should to HEAD',
    script: bodiless(200, [['content-length', '5']]),
  },
  {
    id: 'F22-head-body',
    title: 'sends a body, as it must not to HEAD',
    script: bodiless(200, [['content-length', '5']], 'hello'),
  },
  {
    id: 'F23',
    title: 'sends declared trailers after the body',
    script: trailers([['trailer', 'x-checksum']], 'x-checksum: abc123\r\n'),
  },
  {
    id: 'F23-undeclared',
    title: 'sends trailers that it did not declare',
    script: trailers([], 'x-checksum: abc123\r\nx-more: 1\r\n'),
  },
  {
    id: 'F23-forbidden',
    title: 'sends framing, routing and credentials as trailers',
    script: trailers(
      [['trailer', 'content-length, transfer-encoding, host, set-cookie']],
      'content-length: 5\r\ntransfer-encoding: chunked\r\nhost: evil.test\r\nset-cookie: a=b\r\n',
    ),
  },
  {
    id: 'F24',
    title: 'switches protocols unasked',
    script: steps(
      REQUEST,
      send(
        head(101, [
          ['connection', 'upgrade'],
          ['upgrade', 'websocket'],
        ]),
      ),
      STALL,
    ),
  },
];

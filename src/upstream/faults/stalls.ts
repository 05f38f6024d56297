// Upstreams that fall silent, talk without saying anything, or do not wait for the request.

import type { Fault } from '../faults.js';
import { head, type Script, type Step, send } from '../script.js';
import { chunks, HEALTHY, halfChunk, open, SPOKEN, streamHeaders, word } from './stream.js';

const CHUNKED = open(streamHeaders('chunked'));
const STALL: Step = { stall: true };

/** The pace of an upstream that talks for ever: fast enough to try, slow enough to be harmless. */
const CHATTER_MS = 20;

const TOO_LARGE = JSON.stringify({
  error: { message: 'Too large.', type: 'invalid_request_error', param: null, code: 'too_large' },
});

function tooLarge(connection: 'close' | 'keep-alive'): Step {
  const start = head(413, [
    ['content-type', 'application/json'],
    ['content-length', String(TOO_LARGE.length)],
    ['connection', connection],
  ]);
  return send(Buffer.concat([start, Buffer.from(TOO_LARGE)]));
}

function steps(...list: Step[]): Script {
  return { steps: list };
}

export const STALLS: readonly Fault[] = [
  {
    id: 'F14',
    title: 'reads the request and never answers',
    script: steps({ awaitRequestEnd: true }, STALL),
  },
  {
    id: 'F14-headers',
    title: 'falls silent in the middle of the headers',
    script: steps(
      { awaitRequestEnd: true },
      send('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'),
      STALL,
    ),
  },
  {
    id: 'F15',
    title: 'falls silent between two events',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), STALL),
  },
  {
    id: 'F15-event',
    title: 'falls silent in the middle of an event',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), halfChunk(word(' locked')), STALL),
  },
  {
    id: 'F15-first',
    title: 'falls silent after the headers',
    script: steps(...CHUNKED, STALL),
  },
  {
    id: 'F16',
    title: 'sends comments for ever after three words',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), {
      repeat: 'forever',
      steps: [{ wait: CHATTER_MS }, ...chunks([{ comment: 'ping' }])],
    }),
  },
  {
    id: 'F16-lines',
    title: 'sends empty lines for ever after three words',
    script: steps(...CHUNKED, ...chunks(SPOKEN.slice(0, 3)), {
      repeat: 'forever',
      steps: [{ wait: CHATTER_MS }, ...chunks(['\n'])],
    }),
  },
  {
    id: 'F34',
    title: 'answers 413 while the upload goes on, and reads the upload to its end',
    script: steps(tooLarge('keep-alive'), { awaitRequestEnd: true }),
  },
  {
    id: 'F34-close',
    title: 'answers 413 while the upload goes on, then ends its side of the connection',
    script: steps(tooLarge('close'), { fin: true }),
  },
  {
    id: 'F34-rst',
    title: 'answers 413 while the upload goes on, then resets the connection',
    script: steps(tooLarge('close'), { wait: 20 }, { rst: true }),
  },
  {
    id: 'F34-deaf',
    title: 'answers 413 while the upload goes on, and reads no more of it',
    script: steps({ reading: false }, tooLarge('close'), STALL),
  },
  {
    id: 'F34-stream',
    title: 'streams a whole 200 while the upload goes on',
    script: steps(
      send(head(200, streamHeaders('chunked'))),
      ...chunks(HEALTHY),
      send('0\r\n\r\n'),
      { awaitRequestEnd: true },
    ),
  },
];

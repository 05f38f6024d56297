// Responses that are whole as HTTP and wrong, odd or hard to read inside.

import { brotliCompressSync, constants, deflateRawSync, gzipSync } from 'node:zlib';
import type { Fault } from '../faults.js';
import {
  chunk,
  head,
  json,
  LAST_CHUNK,
  type Script,
  SSE_HEADERS,
  type SseEvent,
  type Step,
  send,
  sse,
  sseText,
} from '../script.js';
import { ANSWER, DONE, HEALTHY, open, SPOKEN, textOfEvents } from './stream.js';

const VLLM_ERROR = { error: { message: 'Engine died.', type: 'InternalServerError', code: 500 } };
const TGI_ERROR = { error: { message: 'Request failed.', http_status_code: 422 } };
const ANTHROPIC_ERROR = { type: 'error', error: { type: 'overloaded_error', message: 'Busy.' } };
const HTML = '<!doctype html>\n<title>502</title>\n<h1>Bad gateway</h1>\n';

/** A gzip stream flushed after every event, as servers send it; the last piece is the checksum. */
function gzipPieces(events: readonly SseEvent[]): Buffer[] {
  const texts = events.map((event) => Buffer.from(sseText(event)));
  const whole = gzipSync(Buffer.concat(texts));
  // Blocks flushed by themselves refer to nothing before them, so they join into one stream.
  const blocks = texts.map((text) => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }));
  const emptyLastBlock = Buffer.from([0x03, 0x00]);
  const tail = Buffer.concat([emptyLastBlock, whole.subarray(-8)]);
  return [
    Buffer.concat([whole.subarray(0, 10), blocks[0] ?? Buffer.alloc(0)]),
    ...blocks.slice(1),
    tail,
  ];
}

function encoded(coding: string, pieces: readonly Buffer[], ending: Step[]): Script {
  const headers = [
    ...SSE_HEADERS,
    ['content-encoding', coding],
    ['transfer-encoding', 'chunked'],
  ] as const;
  return { steps: [...open(headers), ...pieces.map((piece) => send(chunk(piece))), ...ending] };
}

const GZIP = gzipPieces(HEALTHY);
const BROTLI = brotliCompressSync(Buffer.from(textOfEvents(HEALTHY)));
const BROTLI_HALVES = [BROTLI.subarray(0, BROTLI.length >> 1), BROTLI.subarray(BROTLI.length >> 1)];
const LAST = [send(LAST_CHUNK)];

/** The gzip tail (checksum and length) with every bit turned over. */
const BAD_TAIL = (GZIP.at(-1) ?? Buffer.alloc(0)).map((byte, at) => (at < 2 ? byte : byte ^ 0xff));

function typed(type: string, body: string | Buffer): Script {
  return json(200, [['content-type', type]], Buffer.from(body));
}

/** Two healthy answers to two requests of one connection, if they were pipelined. */
function doubled(): Script {
  const payload = Buffer.from(JSON.stringify(ANSWER));
  const response = Buffer.concat([
    head(200, [
      ['content-type', 'application/json'],
      ['content-length', String(payload.length)],
    ]),
    payload,
  ]);
  return { steps: [{ awaitRequestEnd: true }, send(Buffer.concat([response, response]))] };
}

export const CONTENT: readonly Fault[] = [
  {
    id: 'F18',
    title: 'says an error inside a 200 stream, then [DONE], as vLLM and SGLang do',
    script: sse([...SPOKEN.slice(0, 3), { data: VLLM_ERROR }, DONE]),
  },
  {
    id: 'F18-first',
    title: 'says an error as the first event of a 200 stream, then [DONE]',
    script: sse([{ data: VLLM_ERROR }, DONE]),
  },
  {
    id: 'F18-tgi',
    title: 'says an error without type or code inside a 200 stream, then [DONE], as TGI does',
    script: sse([...SPOKEN.slice(0, 3), { data: TGI_ERROR }, DONE]),
  },
  {
    id: 'F18-event',
    title: 'says "event: error" inside a 200 stream, as the Anthropic API does',
    script: sse([...SPOKEN.slice(0, 3), { event: 'error', data: ANTHROPIC_ERROR }]),
  },
  {
    id: 'F18-json',
    title: 'answers 200 with an error object in JSON',
    script: json(200, [], VLLM_ERROR),
  },
  { id: 'F25', title: 'streams in gzip, flushed per event', script: encoded('gzip', GZIP, LAST) },
  {
    id: 'F25-tail',
    title: 'streams in gzip with a wrong checksum at the end',
    script: encoded('gzip', [...GZIP.slice(0, -1), Buffer.from(BAD_TAIL)], LAST),
  },
  {
    id: 'F25-cut',
    title: 'streams in gzip and ends the connection after four events',
    script: encoded('gzip', GZIP.slice(0, 4), [{ fin: true }]),
  },
  {
    id: 'F25-short',
    title: 'streams gzip that stops after four events, inside a body that is whole',
    script: encoded('gzip', GZIP.slice(0, 4), LAST),
  },
  {
    id: 'F25-lie',
    title: 'says gzip and streams plain text',
    script: encoded(
      'gzip',
      HEALTHY.map((event) => Buffer.from(sseText(event))),
      LAST,
    ),
  },
  { id: 'F25-br', title: 'streams in brotli', script: encoded('br', BROTLI_HALVES, LAST) },
  {
    id: 'F25-br-cut',
    title: 'streams half of a brotli body and ends the connection',
    script: encoded('br', BROTLI_HALVES.slice(0, 1), [{ fin: true }]),
  },
  {
    id: 'F26',
    title: 'streams events and calls them application/json',
    script: sse(HEALTHY, { headers: [['content-type', 'application/json']] }),
  },
  {
    id: 'F26-sse',
    title: 'answers in JSON and calls it text/event-stream',
    script: typed('text/event-stream', JSON.stringify(ANSWER)),
  },
  {
    id: 'F26-none',
    title: 'streams events without a content-type',
    script: sse(HEALTHY, { headers: [] }),
  },
  { id: 'F26-html', title: 'answers 200 with an HTML page', script: typed('text/html', HTML) },
  {
    id: 'F26-empty',
    title: 'answers 200 text/event-stream with no bytes',
    script: typed('text/event-stream', ''),
  },
  {
    id: 'F27',
    title: 'streams one byte per write',
    script: { ...sse(HEALTHY), split: 'byte' },
  },
  {
    id: 'F27-random',
    title: 'streams in writes of 1 to 16 bytes, drawn from a seed',
    script: { ...sse(HEALTHY), split: { seed: 27 } },
  },
  {
    id: 'F27-whole',
    title: 'streams everything in one write',
    script: oneWrite(sse(HEALTHY)),
  },
  { id: 'F27-double', title: 'sends two responses in one write', script: doubled() },
];

function oneWrite(script: Script): Script {
  const sent = script.steps.map((step) => ('send' in step ? String(step.send) : '')).join('');
  return { steps: [{ awaitRequestEnd: true }, send(sent)] };
}

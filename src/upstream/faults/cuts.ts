// Responses that end too early, too late, or in a way that does not tell.

import type { Fault } from '../faults.js';
import { chunk, head, LAST_CHUNK, type Step, send } from '../script.js';
import {
  ANSWER,
  chunks,
  DONE,
  finish,
  HEALTHY,
  halfChunk,
  open,
  plain,
  SPOKEN,
  streamHeaders,
  textOfEvents,
  usageOnly,
  word,
} from './stream.js';

const CHUNKED = open(streamHeaders('chunked'));
const CLOSING = open(streamHeaders('close'));
const FIN: Step = { fin: true };
/** A peer in another process needs a moment to read what came before (see `Step`). */
const RST: Step[] = [{ wait: 20 }, { rst: true }];
const BODY = JSON.stringify(ANSWER);
const BYTES = Buffer.byteLength(BODY);

function jsonHeaders(length: number) {
  return [
    ['content-type', 'application/json'],
    ['content-length', String(length)],
  ] as const;
}

/** A whole second response that nobody asked for. */
const POISON = Buffer.concat([head(200, jsonHeaders(6)), Buffer.from('POISON')]);

function cut(id: string, title: string, steps: Step[]): Fault {
  return { id, title, script: { steps } };
}

export const CUTS: readonly Fault[] = [
  cut('F01', 'resets the connection in the middle of a chunk', [
    ...CHUNKED,
    ...chunks(SPOKEN.slice(0, 3)),
    halfChunk(word(' locked')),
    ...RST,
  ]),
  cut('F02', 'ends the connection in the middle of a chunk', [
    ...CHUNKED,
    ...chunks(SPOKEN.slice(0, 3)),
    halfChunk(word(' locked')),
    FIN,
  ]),
  cut('F03', 'ends the connection between two chunks, without the last chunk', [
    ...CHUNKED,
    ...chunks(SPOKEN.slice(0, 3)),
    FIN,
  ]),
  cut('F03-done', 'ends the connection after [DONE], without the last chunk', [
    ...CHUNKED,
    ...chunks(HEALTHY),
    FIN,
  ]),
  cut('F04', 'ends the connection after [DONE] and the line "0", before the final empty line', [
    ...CHUNKED,
    ...chunks(HEALTHY),
    send('0\r\n'),
    FIN,
  ]),
  cut('F05', 'ends the connection before content-length is reached', [
    ...open(jsonHeaders(BYTES)),
    send(BODY.slice(0, 60)),
    FIN,
  ]),
  cut('F05-rst', 'resets the connection before content-length is reached', [
    ...open(jsonHeaders(BYTES)),
    send(BODY.slice(0, 60)),
    ...RST,
  ]),
  cut('F05-stream', 'ends a stream of known length before that length is reached', [
    ...open(streamHeaders('length', textOfEvents(HEALTHY).length)),
    ...plain(SPOKEN.slice(0, 3)),
    FIN,
  ]),
  cut('F06', 'sends more bytes than content-length, in the same write', [
    { awaitRequestEnd: true },
    send(Buffer.concat([head(200, jsonHeaders(BYTES)), Buffer.from(`${BODY}EXTRA`)])),
  ]),
  cut('F06-late', 'sends more bytes than content-length, in a write of their own', [
    ...open(jsonHeaders(BYTES)),
    send(BODY),
    send('EXTRA'),
  ]),
  cut('F06-response', 'sends a second response that nobody asked for', [
    ...open(jsonHeaders(BYTES)),
    send(Buffer.concat([Buffer.from(BODY), POISON])),
  ]),
  cut('F06-chunked', 'sends more bytes after the last chunk', [
    ...CHUNKED,
    ...chunks(HEALTHY.slice(0, -1)),
    send(Buffer.concat([chunk(textOfEvents([DONE])), LAST_CHUNK, POISON])),
  ]),
  cut('F07', 'ends a whole stream by ending the connection', [...CLOSING, ...plain(HEALTHY), FIN]),
  cut('F07-cut', 'ends an unfinished stream by ending the connection, which looks whole', [
    ...CLOSING,
    ...plain(SPOKEN.slice(0, 3)),
    FIN,
  ]),
  cut('F08', 'resets the connection of a stream that the connection delimits', [
    ...CLOSING,
    ...plain(SPOKEN.slice(0, 3)),
    ...RST,
  ]),
  cut('F08-now', 'resets such a connection in the same moment as the last bytes', [
    ...CLOSING,
    ...plain(SPOKEN.slice(0, 3)),
    { rst: 'now' },
  ]),
  cut('F10', 'ends the connection after the headers, before any byte of a chunked body', [
    ...CHUNKED,
    FIN,
  ]),
  cut('F10-rst', 'resets the connection after the headers, before any byte of the body', [
    ...CHUNKED,
    ...RST,
  ]),
  cut('F10-length', 'ends the connection after the headers, before any byte of a known length', [
    ...open(jsonHeaders(BYTES)),
    FIN,
  ]),
  cut('F11', 'ends the connection before the headers', [{ awaitRequestEnd: true }, FIN]),
  cut('F11-rst', 'resets the connection before the headers', [{ awaitRequestEnd: true }, ...RST]),
  cut('F11-partial', 'ends the connection in the middle of the headers', [
    { awaitRequestEnd: true },
    send('HTTP/1.1 200 OK\r\ncontent-type: text/eve'),
    FIN,
  ]),
  cut('F17', 'sends the last event and leaves the response open', [
    ...CHUNKED,
    ...chunks(HEALTHY),
    { stall: true },
  ]),
  cut('F17-finish', 'sends finish_reason and usage, no [DONE], and leaves the response open', [
    ...CHUNKED,
    ...chunks([...SPOKEN, finish(), usageOnly()]),
    { stall: true },
  ]),
];

/** What Envoy will show of one exchange, all of it drawn from a seed: the messages, and its ways. */
import { gzipSync } from 'node:zlib';
import type { BodyMode, ProcessingRequest } from '../../src/adapters/ext-proc/wire.js';
import type { Random } from '../../src/upstream/random.js';
import { draw, random, seedFrom } from '../../src/upstream/random.js';
import { RB, RH, RT, SB, SH, ST } from '../envoy/messages.js';

export type Side = 'request' | 'response';

/** One message, and what it is to its half. */
export interface Shown {
  readonly side: Side;
  readonly message: ProcessingRequest;
  /** It comes again, or after the end: in a streamed half nothing is owed for it. */
  readonly late: boolean;
  /** It ends its half, by its flag or by being trailers. */
  readonly ends: boolean;
}

export interface SoakPlan {
  readonly index: number;
  readonly modes: Readonly<Record<Side, BodyMode>>;
  /** Envoy says its modes, as newer ones do. */
  readonly told: boolean;
  readonly observed: boolean;
  /** Some of the body can be shown that names no model, or one that no route takes. */
  readonly refusable: boolean;
  /** The body may be held for the model it names. */
  readonly held: boolean;
  readonly request: readonly Shown[];
  readonly response: readonly Shown[];
  /** Whose message is next, as far as both have some. */
  readonly order: readonly Side[];
  /** How many messages may be without their answer where each is owed one. */
  readonly window: number;
  readonly leaving: 'halfClose' | 'cancel' | 'wait';
  /** Envoy leaves after so many messages, whatever is left to say. */
  readonly leaveAfter: number;
}

const PLAIN: readonly BodyMode[] = ['NONE', 'STREAMED', 'BUFFERED', 'BUFFERED_PARTIAL'];
const ALL: readonly BodyMode[] = [...PLAIN, 'FULL_DUPLEX_STREAMED', 'GRPC'];

export const isStreamed = (mode: BodyMode) => mode === 'FULL_DUPLEX_STREAMED' || mode === 'GRPC';

/** The plan of the exchange with this index. The same one for the same seed. */
export function planOf(seed: number, index: number): SoakPlan {
  const rng = random(seedFrom(seed, String(index)));
  const chance = (share: number) => rng() < share;
  const told = chance(0.85);
  const observed = chance(0.05);
  const modes = { request: pick(rng, told ? ALL : PLAIN), response: pick(rng, told ? ALL : PLAIN) };
  // A route by models holds the body, and only where it is shown as it is can a model be read of it.
  const byModel = chance(0.3);
  const shown = modes.request !== 'NONE' && modes.request !== 'GRPC';
  // A body that ends before it names a model is refused, also where it may be that it is not shown.
  const cut = modes.request === 'BUFFERED_PARTIAL' || (modes.request === 'NONE' && !told);
  const local = chance(0.04);
  const unknown = byModel && chance(0.3);
  const path = `${byModel ? '/by-model' : '/v1/chat/completions'}/${index}`;
  const model = unknown ? 'nobody' : `model-${draw(rng, 3)}`;
  const request = local ? [] : requestOf(rng, modes.request, path, model);
  const response = chance(0.05) ? [] : responseOf(rng, modes.response);
  const length = request.length + response.length;
  return {
    index,
    modes,
    told,
    observed,
    refusable: byModel && (cut || (unknown && shown)),
    held: byModel && shown,
    request,
    response,
    order: Array.from({ length }, () => (chance(0.6) ? 'request' : 'response')),
    window: chance(0.3) ? 1 : 1 + draw(rng, 24),
    leaving: pick(rng, ['wait', 'wait', 'halfClose', 'cancel']),
    leaveAfter: chance(0.12) ? 1 + draw(rng, length + 1) : Infinity,
  };
}

function pick<T>(rng: Random, list: readonly T[]): T {
  return list[draw(rng, list.length)] as T;
}

function requestOf(rng: Random, mode: BodyMode, path: string, model: string): Shown[] {
  const words = 'word '.repeat(draw(rng, 60));
  const body = Buffer.from(JSON.stringify({ model, stream: true, messages: [{ content: words }] }));
  const bodiless = rng() < 0.06;
  const headers = (end = false) => RH({ ':path': path, 'content-type': 'application/json' }, end);
  return half(rng, 'request', mode, bodiless, {
    headers,
    pieces: cut(rng, body, 1 + draw(rng, 5)),
    body: (bytes, end) => RB(bytes, end),
    trailers: () => RT({ 'x-late': 'yes' }),
  });
}

function responseOf(rng: Random, mode: BodyMode): Shown[] {
  const status = pick(rng, [200, 200, 200, 200, 200, 201, 404, 429, 500, 503]);
  const sse = rng() < 0.6;
  const plain = sse ? eventsOf(rng) : [completionOf(rng)];
  const whole = Buffer.concat(plain);
  const zipped = rng() < 0.15;
  const body = zipped ? gzipSync(whole, { level: 1 }) : whole;
  const some = cut(rng, body, 1 + draw(rng, 12));
  const type = sse ? 'text/event-stream' : 'application/json';
  const fields: Record<string, string> = zipped ? { 'content-encoding': 'gzip' } : {};
  return half(rng, 'response', mode, rng() < 0.04, {
    headers: (end = false) => SH(status, type, fields, end),
    // An event in a message of its own is what Envoy shows of a stream most of the time.
    pieces: sse && !zipped && rng() < 0.5 ? plain : some,
    body: (bytes, end) => SB(bytes, end),
    trailers: () => ST({ 'grpc-status': '0' }),
  });
}

function completionOf(rng: Random): Buffer {
  const content = 'Order. '.repeat(rng() < 0.02 ? 30_000 : draw(rng, 100));
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const choices = [
    { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' },
  ] as const;
  return Buffer.from(JSON.stringify({ object: 'chat.completion', model: 'm', choices, usage }));
}

function eventsOf(rng: Random): Buffer[] {
  const event = (data: object) =>
    Buffer.from(`data: ${JSON.stringify({ object: 'chat.completion.chunk', ...data })}\n\n`);
  const delta = { choices: [{ index: 0, delta: { content: 'a word ' } }], usage: null };
  const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null };
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const all = [
    ...Array.from({ length: 1 + draw(rng, 40) }, () => event(delta)),
    event(last),
    event({ choices: [], usage }),
    Buffer.from('data: [DONE]\n\n'),
  ];
  // Some streams break off.
  return rng() < 0.05 ? all.slice(0, draw(rng, all.length)) : all;
}

/** Cuts into pieces at any place. */
function cut(rng: Random, body: Buffer, count: number): Buffer[] {
  const places = Array.from({ length: count - 1 }, () => draw(rng, body.length + 1));
  const ends = [...places.sort((a, b) => a - b), body.length];
  return ends.map((end, at) => body.subarray(at === 0 ? 0 : (ends[at - 1] as number), end));
}

interface Parts {
  headers(end?: boolean): ProcessingRequest;
  readonly pieces: readonly Buffer[];
  body(bytes: Buffer, end: boolean): ProcessingRequest;
  trailers(): ProcessingRequest;
}

/** How a half ends: by its last body, an empty one, trailers, or in a way that Envoy never shows. */
type Ending = 'last' | 'bare' | 'trailers' | 'unseen';

function half(rng: Random, side: Side, mode: BodyMode, bodiless: boolean, parts: Parts): Shown[] {
  const shown: Shown[] = [];
  const show = (message: ProcessingRequest, ends = false, late = false) =>
    shown.push({ side, message, ends, late });
  const ending = endingOf(rng, mode);
  show(parts.headers(bodiless), bodiless);
  const repeats = rng() < 0.03;
  if (!bodiless) {
    const pieces = shownOf(rng, mode, parts.pieces);
    for (const [at, piece] of pieces.entries()) {
      if (mode !== 'BUFFERED' && rng() < 0.05) show(parts.body(Buffer.alloc(0), false));
      if (repeats && at === 1) show(parts.headers(), false, true);
      const last = ending === 'last' && at === pieces.length - 1;
      show(parts.body(piece, last), last);
    }
    if (mode !== 'NONE' && ending === 'bare') show(parts.body(Buffer.alloc(0), true), true);
    if (ending === 'trailers') show(parts.trailers(), true);
  }
  const ended = shown.some(({ ends }) => ends);
  if (ended && rng() < 0.15) for (const message of lateOf(rng, parts)) show(message, false, true);
  return shown;
}

function endingOf(rng: Random, mode: BodyMode): Ending {
  const endings: Ending[] = ['last', 'last', 'last', 'bare', 'trailers'];
  return pick(rng, isStreamed(mode) ? endings : [...endings, 'unseen']);
}

/** What the mode shows of the pieces. */
function shownOf(rng: Random, mode: BodyMode, pieces: readonly Buffer[]): readonly Buffer[] {
  if (mode === 'NONE') return [];
  if (mode === 'BUFFERED') return [Buffer.concat(pieces)];
  if (mode !== 'BUFFERED_PARTIAL') return pieces;
  const whole = Buffer.concat(pieces);
  return [rng() < 0.3 ? whole.subarray(0, draw(rng, whole.length + 1)) : whole];
}

/** What Envoys have sent behind the end of a half. */
function lateOf(rng: Random, parts: Parts): ProcessingRequest[] {
  const kinds = [
    () => parts.body(Buffer.alloc(0), true),
    () => parts.body(Buffer.alloc(0), false),
    () => parts.body(parts.pieces.at(-1) ?? Buffer.alloc(0), true),
    () => parts.trailers(),
    () => parts.headers(),
  ];
  return Array.from({ length: 1 + draw(rng, 3) }, () => pick(rng, kinds)());
}

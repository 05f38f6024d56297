/**
 * The script of one exchange: what each half brings, how it is shown, what goes wrong and where. It
 * follows from a seed and the exchange's number alone, so any exchange can be played by itself.
 */
import type { Policy } from '../../../machines/events.js';
import type { BodyMode } from '../../adapters/ext-proc/wire.js';
import type { Random } from '../../upstream/random.js';
import { draw, random, seedFrom } from '../../upstream/random.js';
import type { Counts, Shape } from './bodies.js';
import { countsOf, REFUSAL, requestOf, responseOf } from './bodies.js';
import type { Fault, Half, Item } from './faults.js';
import { FAILING, LEDGERS, strike } from './faults.js';

/** Envoy's messages through the ext_proc adapter; or bytes as an HTTP gateway has them. */
export const WORLDS = ['ext-proc', 'http'] as const;
export type World = (typeof WORLDS)[number];

/** `plain` is what the gateway of the bug was made for: whole responses, and some late ends. */
export const KINDS_OF_TRAFFIC = ['plain', 'any'] as const;

export interface Traffic {
  readonly seed: number;
  readonly kind: (typeof KINDS_OF_TRAFFIC)[number];
  readonly worlds: readonly World[];
  readonly faults: readonly Fault[];
  /** The share of responses that get a late end: 0 none, 1 each. */
  readonly lateEnds: number;
}

export interface Modes {
  readonly request: BodyMode;
  readonly response: BodyMode;
}

export interface Plan {
  readonly number: number;
  readonly id: string;
  readonly world: World;
  readonly request: readonly Item[];
  readonly response: readonly Item[];
  readonly modes: Modes;
  /** Whether Envoy says its modes in its first message. */
  readonly told: boolean;
  /** Envoy only shows the exchange, and wants no answer. */
  readonly observed: boolean;
  /** The response does not wait for the end of the request (field: E16; fault: F34). */
  readonly early: boolean;
  /** The route asks for the model, so the request is held until it is known. */
  readonly holds: boolean;
  readonly refused: boolean;
  readonly status: number;
  readonly shape: Shape;
  readonly body: Buffer;
  readonly counts: Counts;
  /** `held`: it says that it has written when it is told to. */
  readonly ledger: 'prompt' | 'held' | (typeof LEDGERS)[number];
  /** The command that fails when it is carried out first. */
  readonly fails: (typeof FAILING)[number] | undefined;
  readonly policy: Policy;
  /** Messages and answers are written as protobuf's bytes, and read from them. */
  readonly onWire: boolean;
  /** How and when the transport goes, once nothing more is to come. */
  readonly leave: 'end' | 'cancel';
  readonly leaveMs: number;
  readonly blockMs: number;
  /** What is on its way when its sender is told to stop still comes. */
  readonly inFlight: boolean;
  /** The response gets an end after its end. */
  readonly lateEnd: boolean;
  /** Nothing is in it that may change how it turns out: it must complete, with its usage. */
  readonly calm: boolean;
  /** Bytes of the response's body may be missing, or there twice. */
  readonly altered: boolean;
}

const NOTHING: Buffer = Buffer.alloc(0);
/** Of late ends one in so many is repeated with its bytes; the others are empty, as in the bug. */
const REPEATED_IN = 5;
/** Bytes cost more than all else, so one exchange in so many goes over them. */
const ON_WIRE_IN = 16;
const HOUR_MS = 3_600_000;
const ANY_MODES = [
  'STREAMED',
  'STREAMED',
  'BUFFERED',
  'BUFFERED_PARTIAL',
  'FULL_DUPLEX_STREAMED',
  'FULL_DUPLEX_STREAMED',
  'GRPC',
  'NONE',
] as const;
const PLAIN_MODES = ['STREAMED', 'STREAMED', 'BUFFERED'] as const;
const PLAIN_SHAPES = ['chatJson', 'chatStream'] as const;
const GOOD_SHAPES = ['chatJson', 'chatStream', 'chatStream', 'messagesStream'] as const;
const isStreamed = (mode: BodyMode) => mode === 'FULL_DUPLEX_STREAMED' || mode === 'GRPC';

export function planOf(number: number, traffic: Traffic): Plan {
  const rng = random(seedFrom(traffic.seed, `exchange ${number}`));
  const plain = traffic.kind === 'plain';
  const world = pick(rng, traffic.worlds);
  // A third of any traffic is calm, or nobody would know that calm exchanges are left in peace.
  const calm = plain || draw(rng, 3) === 0;
  const modes = modesOf(rng, plain);
  const streamed = isStreamed(modes.request) || isStreamed(modes.response);
  const refused = !calm && draw(rng, 12) === 0;
  const answer = answerOf(rng, calm, plain);
  const model = refused ? 'nobody' : 'sim-small';
  const request = partsOf(rng, 'request', modes.request, requestOf(model, rng), calm, world);
  const response = partsOf(rng, 'response', modes.response, answer.body, calm, world);
  if (world === 'http') response.unshift(partOf('response', 'connect', rng));
  else if (!calm && draw(rng, 30) === 0) request.length = 0;
  const faults = faultsOf(rng, { request, response }, modes, traffic, calm, world);
  const lateEnd = rng() < traffic.lateEnds && late(rng, response);
  // fault: E1 - Envoy has repeated ends of requests too
  if (!plain && rng() < traffic.lateEnds) late(rng, request);
  return {
    number,
    id: `${traffic.seed}-${number}`,
    world,
    request,
    response,
    modes,
    told: streamed || draw(rng, 4) > 0,
    observed: !plain && draw(rng, 16) === 0,
    early: !calm && draw(rng, 5) === 0,
    holds: draw(rng, 2) === 0,
    refused,
    ...answer,
    ...faults,
    policy: draw(rng, 2) === 0 ? 'cancel' : 'drain',
    onWire: draw(rng, ON_WIRE_IN) === 0,
    leave: draw(rng, 2) === 0 ? 'end' : 'cancel',
    leaveMs: draw(rng, calm || draw(rng, 3) > 0 ? 500 : 2 * HOUR_MS),
    blockMs: draw(rng, draw(rng, 2) === 0 ? 400 : 100_000),
    inFlight: draw(rng, 3) === 0,
    lateEnd,
    calm,
  };
}

export function pick<T>(rng: Random, among: readonly T[]): T {
  return among[draw(rng, among.length)] as T;
}

function modesOf(rng: Random, plain: boolean): Modes {
  const among = plain ? PLAIN_MODES : ANY_MODES;
  return { request: pick(rng, among), response: pick(rng, among) };
}

type Answer = Pick<Plan, 'status' | 'shape' | 'body' | 'counts'>;

function answerOf(rng: Random, calm: boolean, plain: boolean): Answer {
  const counts = countsOf(rng);
  const kind = draw(rng, 20);
  if (!calm && kind === 0) return { status: 404, shape: 'chatJson', body: REFUSAL, counts };
  if (!calm && kind === 1) return { status: 503, shape: 'chatJson', body: REFUSAL, counts };
  if (!calm && kind === 2) return { status: 204, shape: 'chatJson', body: NOTHING, counts };
  const bad = !calm && kind === 3;
  const shape = bad ? 'inBandError' : pick(rng, plain ? PLAIN_SHAPES : GOOD_SHAPES);
  return { status: 200, shape, body: responseOf(shape, counts, rng), counts };
}

function partOf(half: Half, kind: Item['kind'], rng: Random, bytes = NOTHING, end = false): Item {
  return { act: 'part', half, kind, bytes, end, gapMs: draw(rng, 20), late: false };
}

/** The parts of a half, as its mode shows them. A calm half is shown whole. */
function partsOf(
  rng: Random,
  half: Half,
  mode: BodyMode,
  body: Buffer,
  calm: boolean,
  world: World,
): Item[] {
  const bodiless = body.length === 0;
  const parts = [partOf(half, 'headers', rng, NOTHING, bodiless)];
  if (bodiless) return parts;
  const shown = world === 'http' ? 'STREAMED' : mode;
  if (shown === 'NONE') return parts;
  const ending = endingOf(rng, calm, world === 'ext-proc' && !isStreamed(mode));
  const cut = shown === 'BUFFERED_PARTIAL' && !calm && draw(rng, 3) === 0;
  const bytes = cut ? body.subarray(0, draw(rng, body.length)) : body;
  const whole = shown === 'BUFFERED' || shown === 'BUFFERED_PARTIAL';
  const pieces = whole ? [bytes] : piecesOf(bytes, rng);
  for (const [at, piece] of pieces.entries()) {
    const last = at === pieces.length - 1 && ending === 'last' && !cut;
    parts.push(partOf(half, 'body', rng, piece, last));
    // field: E6 - an empty body that ends nothing
    if (!calm && !last && draw(rng, 10) === 0) parts.push(partOf(half, 'body', rng));
  }
  if (ending === 'bare' && !cut) parts.push(partOf(half, 'body', rng, NOTHING, true));
  if (ending === 'trailers') parts.push(partOf(half, 'trailers', rng, NOTHING, true));
  return parts;
}

function endingOf(rng: Random, calm: boolean, skipsTrailers: boolean) {
  const kind = draw(rng, calm ? 6 : 8);
  if (kind < 4) return 'last';
  if (kind < 6) return 'bare';
  return kind === 7 && skipsTrailers ? 'unseen' : 'trailers';
}

function piecesOf(body: Buffer, rng: Random): Buffer[] {
  const cuts = Array.from({ length: draw(rng, 3) }, () => 1 + draw(rng, body.length - 1));
  const places = [0, ...new Set(cuts.sort((one, other) => one - other)), body.length];
  return places.slice(1).map((end, at) => body.subarray(places[at], end));
}

/** What a network does to healthy messages, and no more. */
const GENTLE: readonly Fault[] = ['split', 'delay'];

function faultsOf(
  rng: Random,
  halves: Record<Half, Item[]>,
  modes: Modes,
  traffic: Traffic,
  calm: boolean,
  world: World,
) {
  // What Envoy's messages are is the codec's to say, so no other event comes of them.
  const strays = world === 'http';
  const allowed = traffic.faults
    .filter((fault) => !calm || GENTLE.includes(fault))
    .filter((fault) => fault !== 'stray' || strays);
  const made = { ledger: 'prompt', fails: undefined, altered: false } as {
    ledger: Plan['ledger'];
    fails: Plan['fails'];
    altered: boolean;
  };
  if (allowed.length === 0) return made;
  for (let left = draw(rng, 4); left > 0; left--) {
    const fault = pick(rng, allowed);
    if (fault === 'unrecorded') made.ledger = pick(rng, LEDGERS);
    // Of the adapters only one has commands of its own; the other's are the codec's to carry out.
    else if (fault === 'throw') made.fails = world === 'http' ? pick(rng, FAILING) : made.fails;
    else {
      const half = draw(rng, 3) === 0 ? 'request' : 'response';
      // What Envoy has buffered is one message, and nothing that is calm shows it as two.
      const one = calm && world === 'ext-proc' && modes[half].startsWith('BUFFERED');
      if (one && fault === 'split') continue;
      const items = halves[half];
      const struck = strike(items, draw(rng, items.length), fault, rng, calm);
      const loses = fault === 'drop' || fault === 'duplicate';
      if (struck && ((loses && half === 'response') || fault === 'stray')) made.altered = true;
    }
  }
  return made;
}

/**
 * An end that comes after the end: empty, or with the last bytes again (field: A1, E2; fault: F36).
 * There is none where no end was shown.
 */
function late(rng: Random, items: Item[]): boolean {
  const end = items.findLast((item) => item.act === 'part' && item.end && !item.late);
  const repeated = draw(rng, REPEATED_IN) === 0;
  const gapMs = draw(rng, 200);
  if (end === undefined) return false;
  const last = items.findLast(({ act, bytes }) => act === 'part' && bytes.length > 0);
  const bytes = repeated && last !== undefined ? last.bytes : NOTHING;
  const name = bytes.length > 0 ? 'repeated' : 'empty';
  const mark = `lateEnd ${end.half}.${name}`;
  items.push({ ...end, kind: 'body', bytes, end: true, gapMs, late: true, mark });
  return true;
}

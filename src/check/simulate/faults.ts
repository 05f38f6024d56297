/**
 * What can go wrong with a script, and where. A script is a list of parts for each half; a fault
 * strikes one of them, and is counted when the exchange comes to it, not when it is written.
 */
import type { Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import type { Random } from '../../upstream/random.js';
import { draw } from '../../upstream/random.js';

export const FAULTS = [
  'split',
  'delay',
  'duplicate',
  'drop',
  'reset',
  'stall',
  'block',
  'drain',
  'unrecorded',
  'throw',
  'stray',
] as const;
export type Fault = (typeof FAULTS)[number];

export const SENTENCES: Readonly<Record<Fault, string>> = {
  split: 'a piece of a body comes in two, cut at any byte',
  delay: 'a part comes later, and so does all behind it',
  duplicate: 'a part comes twice, at once or when its half is over',
  drop: 'a part never comes, and what is behind it does',
  reset: 'who sends the part goes away in place of it',
  stall: 'the part never comes, nor does anything behind it',
  block: 'the reader of the response does not read for a while',
  drain: 'the gateway begins to shut down',
  unrecorded: 'the ledger is slow, or refuses the record',
  throw: 'a command of the gateway fails while it is carried out',
  stray: 'an event comes that nobody has brought about: any of the alphabet',
};

export type Half = 'request' | 'response';
export type Kind = 'connect' | 'headers' | 'body' | 'trailers';
/** `part` comes; the others happen where a part would come. */
export type Act = 'part' | 'drop' | 'reset' | 'stall' | 'block' | 'drain' | 'stray';

/** One thing that a half does, so long after the one before it. */
export interface Item {
  readonly act: Act;
  readonly half: Half;
  readonly kind: Kind;
  readonly bytes: Buffer;
  /** It carries the end of its half. */
  readonly end: boolean;
  readonly gapMs: number;
  /** What a stray is. */
  readonly event?: Event;
  /** It comes after the end of its half. */
  readonly late: boolean;
  /** The fault it is, and where it strikes: `split response.body`. */
  readonly mark?: string | undefined;
}

const PARTS = [
  'request.headers',
  'request.body',
  'request.end',
  'request.trailers',
  'response.headers',
  'response.body',
  'response.end',
  'response.trailers',
] as const;
const BODIES = ['request.body', 'request.end', 'response.body', 'response.end'] as const;
const CONNECT = 'response.connect';

/** Commands that are made to fail, one at a time (fault: F54). */
export const FAILING = [
  'forwardRequestHeaders',
  'forwardRequestBody',
  'forwardResponseHeaders',
  'forwardResponseBody',
  'endResponse',
  'openBuffer',
  'bufferResponseBody',
] as const;

export const LEDGERS = ['slow', 'refuses'] as const;
export const LATE_ENDS = [
  'request.empty',
  'request.repeated',
  'response.empty',
  'response.repeated',
] as const;

/** Everywhere that a fault can strike; `lateEnd` is one more, with a rate of its own. */
export const POSITIONS: Readonly<Record<Fault | 'lateEnd', readonly string[]>> = {
  split: BODIES,
  delay: [...PARTS, CONNECT],
  duplicate: [...PARTS, CONNECT],
  drop: [...PARTS, CONNECT],
  reset: [...PARTS, CONNECT],
  stall: [...PARTS, CONNECT],
  block: PARTS.filter((place) => place.startsWith('response')),
  drain: [...PARTS, CONNECT],
  unrecorded: LEDGERS.map((name) => `ledger.${name}`),
  throw: FAILING,
  stray: [...PARTS, CONNECT],
  lateEnd: LATE_ENDS,
};

export function placeOf({ half, kind, end }: Item): string {
  return `${half}.${kind === 'body' && end ? 'end' : kind}`;
}

/** A delay is short, so that even three matter to no deadline; or as long as deadlines are. */
const SHORT_MS = 400;
const LONG_MS = 90_000;
/** Strays come in a swarm, so that they meet each other too. */
const STRAYS_MAX = 24;

/** Strikes the part at a place of a half. Gives whether the fault fits there. */
export function strike(items: Item[], at: number, fault: Fault, rng: Random, calm: boolean) {
  const item = items[at];
  if (item === undefined || item.act !== 'part') return false;
  const place = placeOf(item);
  if (!POSITIONS[fault].includes(place)) return false;
  const mark = `${fault} ${place}`;
  switch (fault) {
    case 'split':
      return split(items, at, mark, rng);
    case 'delay': {
      const ms = draw(rng, calm || draw(rng, 2) === 0 ? SHORT_MS : LONG_MS);
      items[at] = { ...item, gapMs: item.gapMs + ms, mark };
      return true;
    }
    case 'duplicate': {
      // A later place is that of something late, and the next one that of an echo.
      const to = draw(rng, 2) === 0 ? items.length : at + 1;
      items.splice(to, 0, { ...item, late: true, mark });
      return true;
    }
    case 'drop':
    case 'reset':
    case 'stall':
      items[at] = { ...item, act: fault, mark };
      return true;
    case 'stray': {
      const to = draw(rng, 3) === 0 ? items.length : at;
      for (let left = 1 + draw(rng, STRAYS_MAX); left > 0; left--) {
        const event = EVENTS[draw(rng, EVENTS.length)] as Event;
        items.splice(to, 0, { ...item, act: fault, event, mark });
      }
      return true;
    }
    case 'block':
    case 'drain':
      items.splice(at, 0, { ...item, act: fault, mark });
      return true;
    default:
      return false;
  }
}

function split(items: Item[], at: number, mark: string, rng: Random): boolean {
  const item = items[at] as Item;
  if (item.bytes.length < 2) return false;
  const cut = 1 + draw(rng, item.bytes.length - 1);
  const first = { ...item, bytes: item.bytes.subarray(0, cut), end: false };
  const second = { ...item, bytes: item.bytes.subarray(cut), gapMs: draw(rng, 3), mark };
  items.splice(at, 1, first, second);
  return true;
}

/** How often each fault was met, by where it struck. */
export class Positions {
  readonly #counts = new Map<string, number>();

  met(mark: string): void {
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + 1);
  }

  of(fault: string, position: string): number {
    return this.#counts.get(`${fault} ${position}`) ?? 0;
  }
}

/**
 * What peers can make happen over HTTP/1.1, as an environment: the orderings that a client and an
 * upstream can bring about on real sockets, with the gateway's own events where it has them.
 *
 * Anything else is for the Exchange alone: `cannot` says why.
 */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import type { Memory, Step } from '../../machines/properties/monitor.js';
import { bitOf, has, is, orders, running } from '../../machines/properties/monitor.js';

const REQUEST = 1;
/** The event before was the request's headers: the next one tells which kind of request it is. */
const BEGUN = 2;
/** A route by path, so the body streams; or a route by model, so it is held. */
const STREAMED = 4;
const HELD = 8;
const BODY = 16;
const ENDED = 32;
/** The gateway routes or refuses by itself, before anybody else can speak. */
const ROUTES = 64;
const ROUTED = 128;
const CONNECTED = 256;
const RESPONSE = 512;
const SUCCESS = 1024;
/** The event before was a piece of the body, or the progress that accounting saw in it. */
const PIECE = 2048;
const PROGRESS = 4096;
const TERMINAL = 8192;
const UPSTREAM_OVER = 16384;
const GONE = 32768;
/** The client sent bytes that are not HTTP, so the parser reads no more of them. */
const DEAF = 65536;
const DECIDED = 131072;
const CLEAN = 262144;
const EXPIRED = 524288;
const DRAINED = 1048576;
const CLOCK = 2097152;

/** Why no peer can cause an event over HTTP, whatever came before. */
const NEVER: readonly (readonly [string, string])[] = [
  ['request.trailers', 'node:http tells of trailers at the end only, so they are an end'],
  ['downstream.blocked', 'how much the kernel takes is not for peers to say'],
  ['downstream.ready', 'how much the kernel takes is not for peers to say'],
  ['transport.closed', 'HTTP has no transport beside the sockets of its peers'],
  ['gateway.failed', 'a fault of our own is nothing that a peer can order'],
  ['usage.read', 'the accounting answers by itself'],
  ['usage.recorded', 'the ledger answers by itself'],
];

/** Why HTTP cannot bring about this event now; undefined where it can. */
export function cannot(memory: Memory, event: Event): string | undefined {
  const never = NEVER.find(([type]) => type === event.type)?.[1];
  if (never !== undefined) return never;
  if (event.type === 'response.body' && event.empty) return 'a chunk of HTTP is never empty';
  if (event.type === 'deadline.expired') {
    const { deadline } = event;
    if (deadline === 'stall') return 'how much the kernel takes is not for peers to say';
    if (deadline === 'settle') return 'the ledger answers by itself';
    if (!has(Math.floor(memory / CLOCK), bitOf(deadline))) return 'this deadline does not run';
    if (has(memory, EXPIRED)) return 'one small deadline at a time keeps the order certain';
  }
  return may(memory, event) ? undefined : 'HTTP has no such order';
}

function may(memory: Memory, event: Event): boolean {
  const knows = (...bits: number[]) => has(memory, ...bits);
  const lacks = (...bits: number[]) => !bits.some((bit) => has(memory, bit));
  if (!knows(REQUEST)) return is(event, 'request.headers');
  if (knows(ROUTES)) {
    const readable = lacks(HELD) || knows(BODY);
    return is(event, 'request.refused') || (readable && is(event, 'request.routed'));
  }
  const uploads = lacks(ENDED, GONE, DEAF);
  // A gateway that drains hangs up after the response, and hears nothing of what comes late.
  const late = uploads && knows(CLEAN) && lacks(DRAINED);
  if (knows(DECIDED)) return late && is(event, 'request.body', 'request.end');
  // undici sends the head of an upload together with its first piece.
  const seen = knows(CONNECTED) && (lacks(STREAMED) || knows(BODY) || knows(ENDED));
  switch (event.type) {
    case 'request.body':
    case 'request.end':
      return uploads;
    case 'request.routed':
      return knows(BEGUN);
    case 'request.refused':
      // After its end nothing more is read; and once the outcome is told a refusal changes nothing.
      return lacks(ENDED, GONE, DEAF, TERMINAL);
    case 'upstream.connected':
      return knows(ROUTED) && lacks(CONNECTED);
    case 'upstream.failed':
      return (knows(ROUTED) && lacks(CONNECTED)) || (seen && lacks(UPSTREAM_OVER));
    case 'response.headers':
      return seen && lacks(RESPONSE);
    case 'response.body':
    case 'response.end':
    case 'response.trailers':
      return knows(RESPONSE) && lacks(UPSTREAM_OVER);
    case 'response.progress':
      return knows(PIECE, SUCCESS) && lacks(TERMINAL);
    case 'response.terminal':
      return knows(PROGRESS) && lacks(TERMINAL);
    case 'downstream.closed':
      return lacks(GONE, DEAF);
    case 'drain.started':
      return lacks(DRAINED);
    case 'deadline.expired':
      return true;
    default:
      return false;
  }
}

function next(memory: Memory, step: Step): Memory {
  const { event } = step;
  const first = has(memory, BEGUN);
  let clock = Math.floor(memory / CLOCK);
  let now = (memory % CLOCK) & ~(BEGUN | PIECE | PROGRESS | ROUTES);
  const learn = (bit: number, when: boolean) => {
    if (when) now |= bit;
  };
  learn(REQUEST | BEGUN, is(event, 'request.headers'));
  learn(STREAMED, first && is(event, 'request.routed', 'request.refused'));
  learn(HELD, first && !is(event, 'request.routed', 'request.refused', 'request.end'));
  learn(ROUTES, is(event, 'request.end') && (first || has(now, HELD)) && !has(now, DECIDED));
  learn(BODY, is(event, 'request.body'));
  learn(ENDED, is(event, 'request.end'));
  learn(ROUTED, is(event, 'request.routed'));
  learn(DEAF, is(event, 'request.refused') && !first && !has(memory, ROUTES));
  learn(CONNECTED, is(event, 'upstream.connected'));
  learn(RESPONSE, is(event, 'response.headers'));
  learn(SUCCESS, event.type === 'response.headers' && event.status === 'success');
  learn(PIECE, is(event, 'response.body'));
  learn(PROGRESS, is(event, 'response.progress'));
  learn(TERMINAL, is(event, 'response.terminal'));
  learn(UPSTREAM_OVER, is(event, 'response.end', 'response.trailers', 'upstream.failed'));
  learn(GONE, is(event, 'downstream.closed'));
  learn(DECIDED, /^(settling|processed|reading)\b/.test(step.to));
  learn(CLEAN, orders(step, 'answer', 'endResponse'));
  learn(DRAINED, is(event, 'drain.started'));
  learn(EXPIRED, is(event, 'deadline.expired'));
  if (event.type === 'deadline.expired') clock &= ~bitOf(event.deadline);
  for (const command of step.commands) clock = running(clock, command);
  return now + clock * CLOCK;
}

export const http: Environment = Object.freeze({
  name: 'http',
  sentence: 'Peers do what they can over HTTP/1.1, in any order that it lets them.',
  initial: 0,
  allows: (memory: Memory, event: Event) => cannot(memory, event) === undefined,
  next,
});

/**
 * Who may speak when. An environment is an automaton over steps: what it remembers decides which
 * events may come next. A claim that holds in an environment holds for every peer that keeps to it.
 *
 * `anyone` may say anything at any time. `wellBehaved` keeps the protocol. `observed` keeps it as
 * the field does: what real proxies, clients and upstreams were seen to send, each by its row.
 */
import type { Event } from './events.js';
import type { Memory, Step } from './properties/monitor.js';
import { bitOf, has, is, orders, running } from './properties/monitor.js';

export interface Environment {
  readonly name: string;
  readonly sentence: string;
  readonly initial: Memory;
  readonly allows: (memory: Memory, event: Event) => boolean;
  readonly next: (memory: Memory, step: Step) => Memory;
}

export const anyone: Environment = Object.freeze({
  name: 'anyone',
  sentence: 'Anyone may say anything at any time.',
  initial: 0,
  allows: () => true,
  next: () => 0,
});

/** What a well-behaved world remembers: one bit per fact, and the deadlines that run above them. */
const REQUEST = 1;
const REQUEST_ENDED = 2;
const ROUTED = 4;
const REFUSED = 8;
const FORWARDED = 16;
const CONNECTED = 32;
const RESPONSE = 64;
const ERROR_STATUS = 128;
const BODY = 256;
const TERMINAL = 512;
const RESPONSE_ENDED = 1024;
const STARTED = 2048;
const BLOCKED = 4096;
const GONE = 8192;
const DRAINING = 16384;
const DECIDED = 32768;
const ASKED = 65536;
const TOLD = 131072;
const READING = 262144;
const CLOCK = 19;
/** What still tells what may come once the outcome is known. */
const AFTERWARDS = DECIDED | ASKED | TOLD | FORWARDED | CONNECTED | READING | TERMINAL;

const runs = (memory: Memory, event: Event) =>
  event.type === 'deadline.expired' && has(memory >> CLOCK, bitOf(event.deadline));

/** Before the outcome: the grammar of the two halves, and who may tell what of them. */
function keepsOrder(memory: Memory, event: Event): boolean {
  const knows = (...bits: number[]) => has(memory, ...bits);
  const lacks = (...bits: number[]) => !bits.some((bit) => has(memory, bit));
  switch (event.type) {
    case 'request.headers':
      return lacks(REQUEST, GONE);
    case 'request.body':
    case 'request.end':
    case 'request.trailers':
      return knows(REQUEST) && lacks(REQUEST_ENDED, GONE);
    case 'request.routed':
    case 'request.refused':
      return knows(REQUEST) && lacks(ROUTED, REFUSED, GONE);
    case 'upstream.connected':
      return knows(FORWARDED) && lacks(CONNECTED, RESPONSE);
    case 'upstream.failed':
      return knows(FORWARDED) && lacks(RESPONSE_ENDED);
    case 'response.headers':
      return knows(FORWARDED) && lacks(RESPONSE);
    case 'response.body':
    case 'response.end':
    case 'response.trailers':
      return knows(RESPONSE) && lacks(RESPONSE_ENDED);
    case 'response.progress':
    case 'response.terminal':
      return knows(BODY) && lacks(ERROR_STATUS, TERMINAL, RESPONSE_ENDED);
    case 'downstream.blocked':
      return knows(STARTED) && lacks(BLOCKED, GONE);
    case 'downstream.ready':
      return knows(BLOCKED) && lacks(GONE);
    case 'downstream.closed':
      return knows(REQUEST) && lacks(GONE);
    case 'transport.closed':
      return lacks(REQUEST);
    case 'gateway.failed':
      return knows(REQUEST);
    case 'drain.started':
      return lacks(DRAINING);
    case 'deadline.expired':
      return runs(memory, event);
    case 'usage.read':
    case 'usage.recorded':
      return false;
  }
}

/** After the outcome: the record's answer, and what may become of everybody at any time. */
function mayFollow(memory: Memory, event: Event): boolean {
  if (event.type === 'usage.recorded') return has(memory, ASKED) && !has(memory, TOLD);
  if (event.type === 'usage.read') return has(memory, READING);
  if (event.type === 'response.terminal') {
    return has(memory, READING) && !has(memory, TERMINAL);
  }
  if (event.type === 'deadline.expired') return runs(memory, event);
  if (event.type === 'upstream.connected') {
    return has(memory, FORWARDED) && !has(memory, CONNECTED);
  }
  return is(
    event,
    'downstream.ready',
    'downstream.closed',
    'transport.closed',
    'gateway.failed',
    'drain.started',
  );
}

function remember(memory: Memory, step: Step): Memory {
  const { event } = step;
  let clock = memory >> CLOCK;
  if (event.type === 'deadline.expired') clock &= ~bitOf(event.deadline);
  for (const command of step.commands) clock = running(clock, command);
  const facts = factsAfter(memory & ((1 << CLOCK) - 1), step);
  // What led to the outcome decides nothing after it, and forgetting it keeps the world small.
  const kept = has(facts, DECIDED) ? facts & AFTERWARDS : facts;
  return kept | (clock << CLOCK);
}

function factsAfter(before: Memory, step: Step): Memory {
  const { event } = step;
  let now = before;
  const learn = (bit: number, when: boolean) => {
    if (when) now |= bit;
  };
  learn(REQUEST, is(event, 'request.headers'));
  learn(REQUEST_ENDED, is(event, 'request.end', 'request.trailers'));
  learn(ROUTED, is(event, 'request.routed'));
  learn(REFUSED, is(event, 'request.refused'));
  learn(FORWARDED, orders(step, 'forwardRequestHeaders'));
  learn(CONNECTED, is(event, 'upstream.connected', 'upstream.failed', 'response.headers'));
  learn(RESPONSE, event.type === 'response.headers');
  learn(ERROR_STATUS, event.type === 'response.headers' && event.status !== 'success');
  learn(BODY, event.type === 'response.body' && !event.empty && has(before, RESPONSE));
  learn(TERMINAL, is(event, 'response.terminal'));
  learn(RESPONSE_ENDED, is(event, 'response.end', 'response.trailers'));
  learn(STARTED, orders(step, 'forwardResponseHeaders'));
  learn(BLOCKED, is(event, 'downstream.blocked'));
  if (is(event, 'downstream.ready')) now &= ~BLOCKED;
  learn(GONE, is(event, 'downstream.closed'));
  learn(DRAINING, is(event, 'drain.started'));
  // What is read now may still tell the outcome, but nobody else may.
  learn(DECIDED | READING, orders(step, 'readUsage'));
  if (is(event, 'usage.read')) now &= ~READING;
  learn(DECIDED | ASKED, orders(step, 'recordUsage'));
  learn(DECIDED, orders(step, 'releaseBuffer'));
  learn(TOLD, is(event, 'usage.recorded'));
  return now;
}

export const wellBehaved: Environment = Object.freeze({
  name: 'wellBehaved',
  sentence: 'Peers and adapter keep to the protocol, and fall silent once they are told the end.',
  initial: 0,
  allows: (memory: Memory, event: Event) =>
    has(memory, DECIDED) ? mayFollow(memory, event) : keepsOrder(memory, event),
  next: remember,
});

/** What the field was seen to do beyond the protocol before an exchange has its outcome. */
function isQuirk(memory: Memory, event: Event): boolean {
  switch (event.type) {
    // field: D18, E1, G2; fault: F37 - a half comes again, or goes on after its end
    case 'request.headers':
    case 'request.body':
    case 'request.end':
    case 'request.trailers':
      return has(memory, REQUEST);
    // field: E16 - a response without a request, or before its request was forwarded
    case 'response.headers':
      return true;
    // field: A1, E1; fault: F36 - bodies after the end, empty or not, and the end again
    case 'response.body':
    case 'response.end':
    case 'response.trailers':
      return has(memory, RESPONSE);
    // field: H4, H6, K13 - the accounting sees usage after the end, and an end more than once
    case 'response.progress':
    case 'response.terminal':
      return has(memory, BODY);
    // field: H14, H16 - closes and pressure told twice, or by two listeners
    case 'downstream.blocked':
    case 'downstream.ready':
    case 'downstream.closed':
      return true;
    // field: A11, D19; fault: F39, F41 - the transport ends at any time
    case 'transport.closed':
      return true;
    case 'upstream.connected':
    case 'drain.started':
      return true;
    default:
      return false;
  }
}

export const observed: Environment = Object.freeze({
  name: 'observed',
  sentence: 'Peers do what the field saw them do: duplicates, empties, orphans, and late anything.',
  initial: 0,
  // field: A1, A4, D6, H22 - after the outcome everything may still come, and does
  allows: (memory: Memory, event: Event) =>
    has(memory, DECIDED) || keepsOrder(memory, event) || isQuirk(memory, event),
  next: remember,
});

export const environments: readonly Environment[] = Object.freeze([anyone, wellBehaved, observed]);

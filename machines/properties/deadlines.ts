/** Each deadline runs exactly while what it bounds is waited for (sentence 13). */
import type { Deadline } from '../events.js';
import { DEADLINES } from '../events.js';
import type { Memory, Property, Step } from './monitor.js';
import { add, always, bitOf, has, is, orders, running, sometimes } from './monitor.js';

const REQUEST = 1;
const REQUEST_ENDED = 2;
const FORWARDED = 4;
const CONNECTING = 8;
const SUCCESS = 16;
const ERROR = 32;
const FIRST_BYTE = 64;
const TERMINAL = 128;
const BLOCKED = 256;
const WAS_BLOCKED = 512;
const DRAINING = 1024;
const DETACHED = 2048;
const DECIDED = 4096;
const PROCESSED = 8192;
const RUNS = 16384;
/** It expired, and that was absorbed: it is owed nothing until it is started again. */
const EXPIRED = 32768;

const active = (facts: Memory) => !has(facts, DETACHED) && !has(facts, DECIDED);
const responded = (facts: Memory) => has(facts, SUCCESS) || has(facts, ERROR);
const flowing = (facts: Memory) => active(facts) && !has(facts, BLOCKED);

/** When each deadline is to run, and the sentence for it. */
const waits: Record<Deadline, readonly [string, (facts: Memory) => boolean]> = {
  total: [
    'from the request on, or from a response that comes without one',
    (facts) => active(facts) && (has(facts, REQUEST) || responded(facts)),
  ],
  requestBody: [
    'until the request has ended',
    (facts) => active(facts) && has(facts, REQUEST) && !has(facts, REQUEST_ENDED),
  ],
  connect: [
    'from the forwarding to the connection',
    (facts) => active(facts) && has(facts, CONNECTING),
  ],
  responseHeaders: [
    'from the end of a forwarded request to the response headers',
    (facts) => active(facts) && has(facts, FORWARDED, REQUEST_ENDED) && !responded(facts),
  ],
  // A pause makes the wait for the first byte one like any other.
  firstByte: [
    'from the headers of a success to its first byte, or the first pause',
    (facts) =>
      active(facts) && has(facts, SUCCESS) && !has(facts, FIRST_BYTE) && !has(facts, WAS_BLOCKED),
  ],
  idle: [
    'from the first byte, or the headers of an error, on, but for pauses',
    (facts) =>
      flowing(facts) &&
      (has(facts, ERROR) || has(facts, FIRST_BYTE) || has(facts, SUCCESS, WAS_BLOCKED)),
  ],
  progress: [
    'from the first byte of a success to its last event, but for pauses',
    (facts) => flowing(facts) && has(facts, FIRST_BYTE) && !has(facts, TERMINAL),
  ],
  linger: ['from the last event on', (facts) => active(facts) && has(facts, TERMINAL)],
  stall: ['while downstream does not read', (facts) => active(facts) && has(facts, BLOCKED)],
  drain: ['once the gateway shuts down', (facts) => active(facts) && has(facts, DRAINING)],
  detach: [
    'while a response is read on for its bill',
    (facts) => has(facts, DETACHED) && !has(facts, DECIDED),
  ],
  settle: [
    'while usage is read and recorded',
    (facts) => has(facts, DECIDED) && !has(facts, PROCESSED),
  ],
};

function learn(before: Memory, step: Step): Memory {
  const { event } = step;
  const body = event.type === 'response.body' && !event.empty;
  const success = event.type === 'response.headers' && event.status === 'success';
  const headers = is(event, 'response.headers') && !responded(before);
  let now = add(before, REQUEST, is(event, 'request.headers'));
  now = add(now, REQUEST_ENDED, is(event, 'request.end', 'request.trailers'));
  now = add(now, FORWARDED, orders(step, 'forwardRequestHeaders'));
  now = add(now, CONNECTING, orders(step, 'forwardRequestHeaders') && !responded(before));
  now = add(now, SUCCESS, headers && success);
  now = add(now, ERROR, headers && !success);
  now = add(now, FIRST_BYTE, body && has(before, SUCCESS));
  now = add(now, TERMINAL, is(event, 'response.terminal') && has(before, FIRST_BYTE));
  now = add(now, BLOCKED | WAS_BLOCKED, is(event, 'downstream.blocked') && responded(before));
  now = add(now, DRAINING, is(event, 'drain.started'));
  now = add(now, DETACHED, is(event, 'downstream.closed') && active(before));
  now = add(now, DECIDED, orders(step, 'readUsage', 'recordUsage', 'releaseBuffer'));
  now = add(now, PROCESSED, orders(step, 'releaseBuffer'));
  if (is(event, 'upstream.connected', 'response.headers')) now &= ~CONNECTING;
  if (is(event, 'downstream.ready')) now &= ~BLOCKED;
  // What led to the outcome is owed nothing any more; forgetting it keeps the product small.
  return has(now, DECIDED) ? now & (DECIDED | PROCESSED | RUNS | EXPIRED) : now;
}

/** Keeps, beside the facts, whether the one `deadline` runs. */
function clock(deadline: Deadline, facts: Memory, step: Step): Memory {
  const { event } = step;
  const bit = bitOf(deadline);
  const expires = event.type === 'deadline.expired' && event.deadline === deadline;
  const before = has(facts, RUNS) && !expires ? bit : 0;
  const runs = (step.commands.reduce(running, before) & bit) !== 0;
  const absorbed = (expires || has(facts, EXPIRED)) && !runs;
  return add(add(facts & ~(RUNS | EXPIRED), RUNS, runs), EXPIRED, absorbed);
}

// field: H9, K4, A8; fault: F13-F17, F31, F46; sentence 13
export const deadlines: readonly Property[] = DEADLINES.flatMap((deadline) => {
  const [when, due] = waits[deadline];
  const name = `${deadline}Deadline`;
  return [
    always(`${name}GuardsItsWait`, `Deadline "${deadline}" runs ${when}.`, (memory, step) => {
      const facts = clock(deadline, learn(memory, step), step);
      if (!due(facts)) return has(facts, RUNS) ? 'violated' : facts;
      return has(facts, RUNS) || has(facts, EXPIRED) ? facts : 'violated';
    }),
    sometimes(`${name}Decides`, `Deadline "${deadline}" decides while it runs.`, (memory, step) => {
      const { event } = step;
      const expires = event.type === 'deadline.expired' && event.deadline === deadline;
      if (expires && has(memory, RUNS) && step.from !== step.to) return 'seen';
      return clock(deadline, memory, step);
    }),
  ];
});

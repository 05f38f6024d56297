/**
 * What is owed in the end, and what the world is trusted with for it. Each claim trusts as little as
 * it can: that time passes, which is that the deadlines it names expire. No peer is trusted, but
 * where a claim says so.
 */
import type { CommandType, Deadline, EventType } from '../events.js';
import { DEADLINES } from '../events.js';
import type { Eventuality, Fairness, Memory, Step } from './monitor.js';
import { add, bitOf, eventually, has, is, LAST_WORDS, OWED, orders, running } from './monitor.js';

const expires = (step: Step, deadline: Deadline) =>
  step.event.type === 'deadline.expired' && step.event.deadline === deadline;
const starts = (step: Step, deadline: Deadline) =>
  step.commands.some((item) => item.type === 'startDeadline' && item.deadline === deadline);

function expiry(deadline: Deadline): Fairness {
  const bit = bitOf(deadline);
  return Object.freeze({
    name: `${deadline}Expires`,
    sentence: `Deadline "${deadline}" expires unless it is stopped, or started again and again.`,
    waits: (before: boolean, step: Step) => {
      const clock = before && !expires(step, deadline) ? bit : 0;
      return (step.commands.reduce(running, clock) & bit) !== 0;
    },
    renews: (step: Step) => expires(step, deadline) || starts(step, deadline),
  });
}

/** Weak fairness of time: one for each deadline. */
export const expiries = Object.freeze(
  Object.fromEntries(DEADLINES.map((deadline) => [deadline, expiry(deadline)])),
) as Readonly<Record<Deadline, Fairness>>;

/** Weak fairness of an answer: what was ordered is told, unless it is called off. */
function told(
  [name, sentence]: readonly [string, string],
  order: CommandType,
  answers: readonly EventType[],
  ...callsOff: CommandType[]
): Fairness {
  const answered = (step: Step) => is(step.event, ...answers);
  const settled = (step: Step) => answered(step) || orders(step, ...callsOff);
  return Object.freeze({
    name,
    sentence,
    waits: (before: boolean, step: Step) => orders(step, order) || (before && !settled(step)),
    renews: answered,
  });
}

const usageIsRead = told(
  ['usageIsRead', 'The adapter reads the usage that it is asked to read, and says so.'],
  'readUsage',
  ['usage.read'],
);
const usageIsRecorded = told(
  ['usageIsRecorded', 'The adapter writes the record that it is asked to write, and says so.'],
  'recordUsage',
  ['usage.recorded'],
);
const CLOSED = 1 << 10;
const OUTCOME = ['readUsage', 'recordUsage', 'releaseBuffer'] as const;

interface Debt {
  readonly from: (step: Step) => boolean;
  readonly to: (step: Step) => boolean;
}

/** From the one on, the other is owed. Once `closes` was ordered, nothing is owed any more. */
function leads({ from, to }: Debt, ...closes: CommandType[]): Eventuality['next'] {
  return (memory, step) => {
    if (memory === CLOSED || orders(step, ...closes)) return CLOSED;
    if (to(step)) return 0;
    return memory === OWED || from(step) ? OWED : 0;
  };
}

const FORWARDED = 2;
const ENDED = 4;
const RESPONDED = 8;
const GONE = 16;

const came =
  (...types: EventType[]) =>
  (step: Step) =>
    is(step.event, ...types);
const ordered =
  (...types: CommandType[]) =>
  (step: Step) =>
    orders(step, ...types);
const requestEnds = came('request.end', 'request.trailers');
const responds = came('response.headers', 'upstream.failed');

/** An upstream is owed its cancel from when the downstream goes until it has nothing to do. */
function lettingGo(memory: Memory, step: Step): Memory {
  if (memory === CLOSED || orders(step, 'cancelUpstream')) return CLOSED;
  if (is(step.event, 'upstream.failed')) return CLOSED;
  let now = add(memory, FORWARDED, orders(step, 'forwardRequestHeaders', 'forwardResponseHeaders'));
  now = add(now, ENDED, requestEnds(step));
  now = add(now, RESPONDED, is(step.event, 'response.end', 'response.trailers'));
  now = add(now, GONE, is(step.event, 'downstream.closed', 'transport.closed'));
  now = add(now, OWED, has(now, FORWARDED, GONE));
  const free = has(now, ENDED, RESPONDED) || orders(step, 'releaseBuffer');
  // An upstream that is owed its cancel when all is over is owed it for ever.
  return free && (has(now, ENDED, RESPONDED) || !has(now, OWED)) ? CLOSED : now;
}

/** A request that was sent whole is owed its response, or an outcome. */
function answering(memory: Memory, step: Step): Memory {
  if (memory === CLOSED || responds(step) || orders(step, ...OUTCOME)) return CLOSED;
  let now = add(memory, FORWARDED, orders(step, 'forwardRequestHeaders'));
  now = add(now, ENDED, requestEnds(step));
  return add(now, OWED, has(now, FORWARDED, ENDED));
}

/** A client is owed its last word until it has it, or has gone. */
function telling(memory: Memory, step: Step): Memory {
  const gone = is(step.event, 'downstream.closed', 'transport.closed');
  const told = orders(step, ...LAST_WORDS, ...OUTCOME);
  if (memory === CLOSED || gone || told) return CLOSED;
  return add(memory, OWED, is(step.event, 'request.headers'));
}

/** An upstream that was called is owed a connection, or an outcome. */
function connecting(memory: Memory, step: Step): Memory {
  const decided = responds(step) || orders(step, ...OUTCOME);
  if (memory === CLOSED || decided) return CLOSED;
  if (has(memory, OWED) && is(step.event, 'upstream.connected')) return CLOSED;
  return add(memory, OWED, orders(step, 'forwardRequestHeaders'));
}

const { connect, responseHeaders, stall, total, drain, detach, settle } = expiries;

export const eventualities: readonly Eventuality[] = Object.freeze([
  // field: A8, A11, H1; fault: F54, I2, liveness; sentences 4 and 13
  eventually(
    'everyRequestIsProcessed',
    'Every exchange that had a request is processed, whatever its peers do.',
    [total, detach, settle],
    leads({ from: came('request.headers'), to: () => false }, 'releaseBuffer'),
  ),
  // field: E16, where there is no request
  eventually(
    'everyResponseIsProcessed',
    'Every exchange that had a response is processed, whatever its peers do.',
    [total, detach, settle],
    leads({ from: ordered('forwardResponseHeaders'), to: () => false }, 'releaseBuffer'),
  ),
  // field: H3, H15, H16, H2, A8; fault: F28, F29, I4; sentence 11
  eventually(
    'leavingStopsTheUpstream',
    'Once the downstream has gone, its upstream is cancelled, or read on within a bound.',
    [detach],
    lettingGo,
  ),
  // fault: F31; sentence 13
  eventually(
    'everyPauseEnds',
    'An upstream that is paused is resumed, or its exchange has an outcome.',
    [stall],
    leads({ from: ordered('pauseUpstream'), to: ordered('resumeUpstream') }, ...OUTCOME),
  ),
  // field: D15, K9; fault: F32; sentence 13
  eventually(
    'everyRequestIsRouted',
    'A request is forwarded, or its exchange has an outcome.',
    [total],
    leads({ from: came('request.headers'), to: () => false }, 'forwardRequestHeaders', ...OUTCOME),
  ),
  // fault: F13; sentence 13
  eventually(
    'everyCallIsDecided',
    'An upstream that is called connects or fails, or the exchange has an outcome.',
    [connect, detach],
    connecting,
  ),
  // field: A8, K4; fault: F14; sentence 13
  eventually(
    'everyRequestIsAnswered',
    'A request that was sent whole gets response headers, or its exchange has an outcome.',
    [responseHeaders, detach],
    answering,
  ),
  // field: I8, K1, K4; fault: F54; sentence 10
  eventually(
    'everyClientIsTold',
    'A client that stays gets an end, an answer or a reset.',
    [total],
    telling,
  ),
  // field: D22; fault: F46; sentence 13
  eventually(
    'everyShutdownEnds',
    'Once the gateway shuts down, the exchange is processed.',
    [drain, settle],
    leads({ from: came('drain.started'), to: () => false }, 'releaseBuffer'),
  ),
  // field: A5, H9; fault: F18, F25, I2; sentence 4
  eventually(
    'everyReadingIsRecorded',
    'Once usage is read, the exchange is recorded, even if nobody tells what was read.',
    [settle],
    leads({ from: ordered('readUsage'), to: () => false }, 'recordUsage', 'releaseBuffer'),
  ),
  // field: A10, A11; fault: F51, I3; sentence 4
  eventually(
    'everyRecordIsReleased',
    'Once recorded, an exchange lets go of what it holds, even if the record is never written.',
    [settle],
    leads({ from: ordered('recordUsage'), to: () => false }, 'releaseBuffer'),
  ),
  // field: A11; sentence 4
  eventually(
    'toldIsEnough',
    'An exchange that is over is processed by what its adapter tells, without a deadline.',
    [usageIsRead, usageIsRecorded],
    leads({ from: ordered('readUsage', 'recordUsage'), to: () => false }, 'releaseBuffer'),
  ),
]);

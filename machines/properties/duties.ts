/** What an exchange may not leave out. A machine that does nothing would keep every prohibition. */
import type { Deadline } from '../events.js';
import type { Memory, Property, Step } from './monitor.js';
import { add, always, has, is, LAST_WORDS, orders, sometimes } from './monitor.js';

const HEADERS = 1;
const ROUTED = 2;
const ENDED = 4;
const STARTED = 8;
const BUFFERED = 16;
const GONE = 32;
const PAUSED = 64;
const DECIDED = 128;
const PROCESSED = 256;
const TERMINAL = 512;

/** The deadlines that bound the pace of an upstream, which proves nothing while it is paused. */
const PACE: readonly Deadline[] = ['firstByte', 'idle', 'progress', 'linger'];

/** What is ordered only once an exchange is over for its peers. */
const ENDS = ['readUsage', 'recordUsage', 'releaseBuffer', ...LAST_WORDS] as const;

/** What the duties depend on. */
function learn(memory: Memory, step: Step): Memory {
  const { event } = step;
  let now = add(memory, HEADERS, is(event, 'request.headers'));
  now = add(now, ROUTED, orders(step, 'forwardRequestHeaders'));
  now = add(now, ENDED, is(event, 'request.end', 'request.trailers'));
  now = add(now, STARTED, orders(step, 'forwardResponseHeaders'));
  now = add(now, BUFFERED, orders(step, 'bufferResponseBody'));
  now = add(now, GONE, is(event, 'downstream.closed', 'transport.closed'));
  now = add(now, TERMINAL, is(event, 'response.terminal') && has(memory, BUFFERED));
  now = add(now, DECIDED, orders(step, ...ENDS));
  now = add(now, PROCESSED, orders(step, 'releaseBuffer'));
  if (orders(step, 'resumeUpstream')) now &= ~PAUSED;
  now = add(now, PAUSED, orders(step, 'pauseUpstream'));
  // What led to the outcome is owed nothing any more; forgetting it keeps the product small.
  return has(now, DECIDED) ? now & (DECIDED | PROCESSED) : now;
}

/** A duty: after `memory`, this step must do something that it may not leave out. */
function duty(name: string, sentence: string, done: (memory: Memory, step: Step) => boolean) {
  return always(name, sentence, (memory, step) =>
    done(memory, step) ? learn(memory, step) : 'violated',
  );
}

const isEmpty = (step: Step) => step.event.type === 'response.body' && step.event.empty;
const isNoOp = (step: Step) => step.from === step.to && step.commands.length === 0;
const startsDeadline = (step: Step, deadline: string) =>
  step.commands.some((item) => item.type === 'startDeadline' && item.deadline === deadline);
const countsAnomaly = (step: Step, anomaly: string) =>
  step.commands.some((item) => item.type === 'countAnomaly' && item.anomaly === anomaly);

/** What a piece of a request owes to the upstream, while the request may still go on. */
function requestPart(memory: Memory, step: Step): boolean {
  const open = has(memory, HEADERS) && !has(memory, DECIDED);
  const routed = has(memory, ROUTED);
  switch (open ? step.event.type : undefined) {
    case 'request.body':
      return has(memory, ENDED) || orders(step, routed ? 'forwardRequestBody' : 'holdRequestBody');
    case 'request.trailers':
      if (has(memory, ENDED)) return true;
      if (!routed) return orders(step, 'holdRequestTrailers');
      return orders(step, 'forwardRequestTrailers') && orders(step, 'endRequest');
    case 'request.end':
      return has(memory, ENDED) || !routed || orders(step, 'endRequest');
    case 'request.routed':
      if (routed) return true;
      if (has(memory, ENDED) && !orders(step, 'endRequest')) return false;
      return orders(step, 'forwardRequestHeaders') && orders(step, 'forwardHeldRequest');
    default:
      return true;
  }
}

/** Whether an event that changed nothing was one that a healthy peer, or adapter, does not send. */
function isOdd(memory: Memory, step: Step): boolean {
  const { event } = step;
  if (isEmpty(step)) return has(memory, DECIDED) || !has(memory, GONE);
  if (is(event, 'request.routed')) return !has(memory, DECIDED);
  if (is(event, 'response.progress', 'response.terminal')) {
    return !has(memory, BUFFERED) && !has(memory, DECIDED);
  }
  if (is(event, 'usage.recorded')) return !has(memory, PROCESSED);
  return is(
    event,
    'request.headers',
    'request.body',
    'request.end',
    'request.trailers',
    'response.headers',
    'response.body',
    'response.end',
    'response.trailers',
  );
}

export const duties: readonly Property[] = [
  // fault: F23, F27; I1; sentence 6
  duty(
    'responseIsPassedOn',
    'Every body of a response that has started goes downstream while the client is there.',
    (memory, step) => {
      const listens = has(memory, STARTED) && !has(memory, DECIDED) && !has(memory, GONE);
      if (!listens) return true;
      if (is(step.event, 'response.body')) return orders(step, 'forwardResponseBody');
      return !is(step.event, 'response.trailers') || orders(step, 'forwardResponseTrailers');
    },
  ),
  // field: H6, H4, I4
  duty(
    'responseIsBuffered',
    'Every body of a success is buffered up to its end, also what follows the last event.',
    (memory, step) => {
      const more = has(memory, BUFFERED) && !has(memory, DECIDED);
      const counts = more && is(step.event, 'response.body') && !isEmpty(step);
      return !counts || orders(step, 'bufferResponseBody');
    },
  ),
  sometimes('bodyFollowsTheLastEvent', 'A body follows the last event.', (memory, step) => {
    const follows = has(memory, TERMINAL) && !has(memory, DECIDED);
    if (follows && orders(step, 'bufferResponseBody')) return 'seen';
    return learn(memory, step);
  }),

  // field: K9, K5, G2
  duty(
    'requestReachesTheUpstream',
    'Every piece of a request is held until there is a route, and forwarded from then on.',
    requestPart,
  ),
  sometimes(
    'wholeRequestIsHeld',
    'A request with trailers is held whole, and then forwarded and ended at once.',
    (memory, step) => {
      if (memory === 1 && orders(step, 'forwardHeldRequest', 'endRequest')) return 'seen';
      return add(memory, 1, orders(step, 'holdRequestTrailers'));
    },
  ),

  // field: A1, E1; fault: F36, F37, I6; sentence 3
  duty(
    'whatIsOddIsCounted',
    'What a peer or an adapter sends again, too late or unasked is counted if it changes nothing.',
    (memory, step) => !isNoOp(step) || !isOdd(memory, step),
  ),
  // fault: F17, F48
  duty(
    'whatIsOverdueIsCounted',
    'A deadline that ends a stream, or a record, for its peer is counted.',
    (_, step) => {
      if (!is(step.event, 'deadline.expired')) return true;
      if (orders(step, 'endResponse')) return countsAnomaly(step, 'lingeringUpstream');
      return !orders(step, 'releaseBuffer') || countsAnomaly(step, 'usageUnsettled');
    },
  ),
  // fault: F48
  duty(
    'staleDeadlineIsCounted',
    'A deadline that decides nothing is counted, unless a pause or the response made it moot.',
    (memory, step) => {
      if (step.event.type !== 'deadline.expired' || !isNoOp(step)) return true;
      if (step.event.deadline === 'requestBody') return has(memory, STARTED);
      return has(memory, PAUSED) && PACE.includes(step.event.deadline);
    },
  ),
  sometimes('pauseMakesADeadlineMoot', 'A deadline expires while paused.', (memory, step) => {
    const moot = is(step.event, 'deadline.expired') && isNoOp(step);
    return moot && has(memory, PAUSED) ? 'seen' : learn(memory, step);
  }),

  // field: H3, H16
  duty(
    'lateConnectionIsNotKept',
    'An upstream that connects only after the outcome is cancelled.',
    (memory, step) => {
      const late = has(memory, DECIDED) && is(step.event, 'upstream.connected');
      return !late || orders(step, 'cancelUpstream');
    },
  ),

  // fault: F15, F16
  duty(
    'piecesRestartTheirDeadline',
    'Each piece that comes, and no empty one, restarts the deadline of the pause before it.',
    (memory, step) => {
      if (has(memory, DECIDED)) return true;
      if (orders(step, 'holdRequestBody', 'forwardRequestBody')) {
        return startsDeadline(step, 'requestBody');
      }
      const flows = has(memory, STARTED) && !has(memory, PAUSED) && !has(memory, GONE);
      if (is(step.event, 'response.body')) {
        return startsDeadline(step, 'idle') === (flows && !isEmpty(step));
      }
      const waits = flows && has(memory, BUFFERED) && !has(memory, TERMINAL);
      return !is(step.event, 'response.progress') || startsDeadline(step, 'progress') === waits;
    },
  ),
];

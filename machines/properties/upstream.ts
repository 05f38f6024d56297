/** What the upstream gets to see. */
import type { Property, Step } from './monitor.js';
import { add, always, has, is, orders, over, sometimes, TO_UPSTREAM } from './monitor.js';

const ROUTED = 1;
const HEADERS = 2;
const ENDED = 4;
const CANCELLED = 8;
const RESPONDED = 16;
const GONE = 32;
const PAUSED = 1;

const speaks = (type: string) => (TO_UPSTREAM as readonly string[]).includes(type);
const requestEnds = (step: Step) => is(step.event, 'request.end', 'request.trailers');

export const upstream: readonly Property[] = [
  // field: D15, K9; fault: SEC-24
  always('routeComesFirst', 'Nothing goes upstream before its route is known.', (memory, step) => {
    const now = add(memory, ROUTED, is(step.event, 'request.routed'));
    return orders(step, ...TO_UPSTREAM) && now === 0 ? 'violated' : now;
  }),
  sometimes(
    'heldRequestIsForwarded',
    'A request that was held for its route is forwarded.',
    (memory, step) => {
      if (memory === 1 && orders(step, 'forwardHeldRequest')) return 'seen';
      return add(memory, 1, orders(step, 'holdRequestBody'));
    },
  ),

  // field: G2, E1, D18; fault: F37
  always(
    'requestKeepsItsOrder',
    'The upstream gets headers once and first, and nothing after the request was ended once.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (!speaks(type)) return before;
        if (has(before, ENDED)) return 'violated';
        if ((type === 'forwardRequestHeaders') === has(before, HEADERS)) return 'violated';
        return add(before | HEADERS, ENDED, type === 'endRequest');
      }),
  ),
  sometimes(
    'requestBodyComesAfterItsEnd',
    'A request body comes after the request was ended.',
    (memory, step) => {
      if (memory === ENDED && is(step.event, 'request.body')) return 'seen';
      return add(memory, ENDED, orders(step, 'endRequest'));
    },
  ),

  // field: G2, E1
  always(
    'lateRequestEndDoesNothing',
    'What comes of a request after its end is neither held nor forwarded.',
    (memory, step) => {
      const late = memory === ENDED && (requestEnds(step) || is(step.event, 'request.body'));
      const kept = orders(step, 'holdRequestBody', 'holdRequestTrailers', ...TO_UPSTREAM);
      return late && kept ? 'violated' : add(memory, ENDED, requestEnds(step));
    },
  ),
  sometimes(
    'heldRequestEndsTwice',
    'A request ends twice before its route is known.',
    (memory, step) => {
      if (is(step.event, 'request.routed')) return ROUTED;
      if (memory === ENDED && requestEnds(step)) return 'seen';
      return memory === 0 && requestEnds(step) ? ENDED : memory;
    },
  ),

  // field: H3, H15, H16, A8; fault: F28, F31, F34, I3, I4; sentence 11
  always(
    'upstreamIsLetGo',
    'By the record, the upstream has failed, was cancelled, or had both halves ended.',
    (memory, step) => {
      const failed = add(memory, CANCELLED, is(step.event, 'upstream.failed'));
      const ended = add(failed, ENDED, requestEnds(step));
      const now = add(ended, RESPONDED, is(step.event, 'response.end', 'response.trailers'));
      return over(now, step, (before, { type }) => {
        const free = has(before, CANCELLED) || has(before, ENDED, RESPONDED);
        // `cancelUpstream` stands before the record in the same list, or it comes too late.
        if (type === 'recordUsage' && !free) return 'violated';
        return add(before, CANCELLED, type === 'cancelUpstream');
      });
    },
  ),
  sometimes(
    'leavingCancelsUpstream',
    'A client leaves and its upstream is cancelled.',
    (_, step) =>
      is(step.event, 'downstream.closed') && orders(step, 'cancelUpstream') ? 'seen' : 0,
  ),
  // field: H2
  sometimes(
    'upstreamIsReadOnForItsBill',
    'A client leaves, and the response is read on to its end.',
    (memory, step) => {
      if (memory === GONE && orders(step, 'readUsage')) return 'seen';
      const detached = is(step.event, 'downstream.closed') && !orders(step, 'cancelUpstream');
      return add(memory, GONE, detached && !orders(step, 'recordUsage'));
    },
  ),

  // field: H3; fault: F34, SEC-28
  always(
    'nothingFollowsACancel',
    'Nothing goes upstream after it was cancelled, but a cancel of what connects too late.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        const again = type === 'cancelUpstream' && !is(step.event, 'upstream.connected');
        if (before === CANCELLED && (speaks(type) || again)) return 'violated';
        return add(before, CANCELLED, type === 'cancelUpstream');
      }),
  ),
  sometimes(
    'lateConnectionIsLetGo',
    'An upstream connects after the outcome and is let go.',
    (_, step) =>
      is(step.event, 'upstream.connected') && orders(step, 'cancelUpstream') ? 'seen' : 0,
  ),
  // fault: F34
  sometimes(
    'uploadIsCutShort',
    'A response ends before its request, which is cancelled.',
    (_, step) => (is(step.event, 'response.end') && orders(step, 'cancelUpstream') ? 'seen' : 0),
  ),

  // fault: F31
  always(
    'pauseAndResumeAlternate',
    'Pause and resume alternate, and pause is first.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (type === 'pauseUpstream') return before === PAUSED ? 'violated' : PAUSED;
        if (type === 'resumeUpstream') return before === PAUSED ? 0 : 'violated';
        return before;
      }),
  ),
  sometimes('upstreamIsResumed', 'An upstream that was paused is resumed.', (_, step) =>
    orders(step, 'resumeUpstream') ? 'seen' : 0,
  ),

  // field: H2, D22; sentence 13
  always(
    'drainIsNotOutlived',
    'Once the gateway shuts down, no response is read on for a client that has gone.',
    (memory, step) => {
      const now = add(memory, GONE, is(step.event, 'drain.started'));
      const detaches = step.commands.some(
        (command) => command.type === 'startDeadline' && command.deadline === 'detach',
      );
      return now === GONE && detaches ? 'violated' : now;
    },
  ),
  sometimes('drainEndsReadingOn', 'A shutdown ends a response that is read on.', (memory, step) => {
    const left = is(step.event, 'downstream.closed') && !orders(step, 'recordUsage');
    if (memory === GONE && is(step.event, 'drain.started') && orders(step, 'recordUsage')) {
      return 'seen';
    }
    return orders(step, 'recordUsage') ? CANCELLED : add(memory, GONE, memory === 0 && left);
  }),
];

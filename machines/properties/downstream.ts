/** What the client gets to see. */
import type { Property, Step } from './monitor.js';
import {
  add,
  always,
  has,
  is,
  LAST_WORDS,
  orders,
  over,
  sometimes,
  TO_DOWNSTREAM,
  TO_UPSTREAM,
} from './monitor.js';

const OVER = 1;
const STARTED = 2;
const TRAILERS = 4;
const BUFFERED = 8;
const TERMINAL = 16;
const GONE = 32;

const endCame = (step: Step) => is(step.event, 'response.end', 'response.trailers');
const forwards = (type: string) => (TO_DOWNSTREAM as readonly string[]).includes(type);
const isLast = (type: string) => (LAST_WORDS as readonly string[]).includes(type);

export const downstream: readonly Property[] = [
  // field: H12, K1, D10; fault: F43
  always(
    'nothingFollowsTheLastWord',
    'Nothing goes downstream after its end, its answer or its reset, of which there is one.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        const speaks = forwards(type) || isLast(type);
        if (speaks && before === OVER) return 'violated';
        return isLast(type) ? OVER : before;
      }),
  ),
  sometimes(
    'bodyComesAfterTheLastWord',
    'A response body comes when nothing may go downstream any more.',
    (memory, step) => {
      if (memory === OVER && is(step.event, 'response.body')) return 'seen';
      return add(memory, OVER, orders(step, ...LAST_WORDS));
    },
  ),

  // field: A1, A3, D10, K1; sentence 8
  always(
    'noAnswerOnceStarted',
    'The gateway gives no answer of its own once response headers went downstream.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (type === 'answer' && before === STARTED) return 'violated';
        return type === 'forwardResponseHeaders' ? STARTED : before;
      }),
  ),
  sometimes('startedIsReset', 'A response that had started is cut short.', (memory, step) => {
    if (memory === STARTED && orders(step, 'resetDownstream')) return 'seen';
    return add(memory, STARTED, orders(step, 'forwardResponseHeaders'));
  }),

  // field: K3, E16; fault: F23
  always(
    'responseKeepsItsOrder',
    'Downstream gets headers once and first, then bodies, then trailers at most once.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (type === 'forwardResponseHeaders') {
          return has(before, STARTED) ? 'violated' : before | STARTED;
        }
        const needsHeaders = forwards(type) || type === 'endResponse' || type === 'resetDownstream';
        if (needsHeaders && !has(before, STARTED)) return 'violated';
        if (forwards(type) && has(before, TRAILERS)) return 'violated';
        return add(before, TRAILERS, type === 'forwardResponseTrailers');
      }),
  ),
  sometimes('trailersArePassedOn', 'Response trailers are passed on.', (memory, step) =>
    orders(step, 'forwardResponseTrailers') ? 'seen' : memory,
  ),

  // field: H8, H13, H12; fault: F01-F10; I1; sentence 10
  always(
    'incompleteNeverEndsCleanly',
    'A response ends cleanly only by its own end, or once its last event was seen.',
    (memory, step) => {
      const complete = endCame(step) || has(memory, TERMINAL);
      if (orders(step, 'endResponse') && !complete) return 'violated';
      const terminal = has(memory, BUFFERED) && is(step.event, 'response.terminal');
      const now = add(memory, BUFFERED, orders(step, 'bufferResponseBody'));
      return add(now, TERMINAL, terminal);
    },
  ),
  // fault: F01-F03
  sometimes('brokenUpstreamIsShown', 'An upstream that breaks is a reset downstream.', (_, step) =>
    is(step.event, 'upstream.failed') && orders(step, 'resetDownstream') ? 'seen' : 0,
  ),
  // fault: F17
  sometimes(
    'lingeringUpstreamIsEnded',
    'A stream is ended although its upstream lingers.',
    (_, step) => (is(step.event, 'deadline.expired') && orders(step, 'endResponse') ? 'seen' : 0),
  ),

  // field: A1, G1, E1; fault: F36; the bug this project starts from
  always(
    'lateEndDoesNothing',
    'An end of the response that comes again, or late, orders nothing.',
    (memory, step) => {
      const late = memory === OVER && endCame(step);
      if (late && step.commands.some(({ type }) => type !== 'countAnomaly')) return 'violated';
      return add(memory, OVER, endCame(step) || orders(step, ...LAST_WORDS, 'recordUsage'));
    },
  ),
  sometimes(
    'lateEndIsCounted',
    'An end of the response that comes again is counted.',
    (memory, step) => {
      if (memory === OVER && endCame(step) && orders(step, 'countAnomaly')) return 'seen';
      return add(memory, OVER, endCame(step));
    },
  ),

  // field: A3, K13; fault: F18, F25, F51; sentences 7 and 8
  always(
    'accountingNeverSpeaks',
    'What the accounting tells moves nobody: nothing goes to either side because of it.',
    (memory, step) => {
      const tells = is(
        step.event,
        'response.progress',
        'response.terminal',
        'usage.read',
        'usage.recorded',
      );
      const speaks = orders(step, ...TO_UPSTREAM, ...TO_DOWNSTREAM, ...LAST_WORDS);
      return tells && (speaks || orders(step, 'cancelUpstream')) ? 'violated' : memory;
    },
  ),
  sometimes(
    'accountingDecides',
    'What the accounting tells decides an exchange whose peers are done.',
    (_, step) =>
      is(step.event, 'response.terminal', 'usage.read') && orders(step, 'recordUsage') ? 'seen' : 0,
  ),

  // field: A1; fault: F27; sentence 6
  always(
    'chunksAreArbitrary',
    'Once a response has headers, a body that is empty or follows another leads nowhere new.',
    (memory, step) => {
      const { event } = step;
      if (event.type !== 'response.body') {
        return has(memory, STARTED) || is(event, 'response.headers') ? STARTED : 0;
      }
      const follows = has(memory, BUFFERED) || (event.empty && has(memory, STARTED));
      if (follows && step.from !== step.to) return 'violated';
      return add(memory, BUFFERED, !event.empty && has(memory, STARTED));
    },
  ),
  sometimes('bodyFollowsABody', 'A body follows another and is passed on.', (memory, step) => {
    if (!orders(step, 'forwardResponseBody')) return 0;
    return memory === BUFFERED ? 'seen' : BUFFERED;
  }),

  // field: I8, K1, K4; fault: F54; sentence 10
  always(
    'nobodyIsLeftWaiting',
    'By the record, a client that is still there got an end, an answer or a reset.',
    (memory, step) => {
      const now = add(memory, GONE, is(step.event, 'downstream.closed', 'transport.closed'));
      return over(now, step, (before, { type }) => {
        if (type === 'recordUsage' && before === 0) return 'violated';
        return add(before, OVER, isLast(type));
      });
    },
  ),
  sometimes(
    'nobodyIsThereToTell',
    'An exchange is recorded, and nobody is told.',
    (memory, step) => {
      const told = add(memory, OVER, orders(step, ...LAST_WORDS));
      return orders(step, 'recordUsage') && told === 0 ? 'seen' : told;
    },
  ),
];

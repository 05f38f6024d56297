/** What an exchange holds: its buffer and its deadlines; and what it may do when it is over. */
import type { Memory, Property, Step } from './monitor.js';
import { add, always, bitOf, has, is, orders, over, running, sometimes } from './monitor.js';

const OPEN = 1;
const FILLED = 2;
const CLOSED = 4;
const RELEASED = 1;
const SETTLING = 1 << 20;
const WAITING = 1 << 20;
const CLOSED_WAIT = 1 << 21;

/** Anomalies that tell of a change, and of no bad manners; every other one tells of a no-op. */
const WITH_CHANGE = ['lingeringUpstream', 'usageUnsettled'];

/** Whether a step counts an anomaly that a healthy peer does not give occasion to. */
export const counts = (step: Step) =>
  step.commands.some((item) => item.type === 'countAnomaly' && !WITH_CHANGE.includes(item.anomaly));

/** The deadlines that run after a step; one that expires runs no more. */
function clockAfter(clock: Memory, step: Step): Memory {
  const { event } = step;
  const left = event.type === 'deadline.expired' ? clock & ~bitOf(event.deadline) : clock;
  return step.commands.reduce(running, left);
}

export const resources: readonly Property[] = [
  // field: A1, A10, D17; the bug this project starts from
  always(
    'bufferIsWrittenWhileOpen',
    'The buffer is opened at most once, and written only between its opening and its reading.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (type === 'openBuffer') return before === 0 ? OPEN : 'violated';
        if (type === 'bufferResponseBody') return before === OPEN ? OPEN : 'violated';
        const closes = type === 'readUsage' || type === 'recordUsage' || type === 'releaseBuffer';
        return closes ? CLOSED : before;
      }),
  ),
  sometimes(
    'bodyComesAfterTheReading',
    'A body comes after the buffer was read.',
    (memory, step) => {
      if (memory === CLOSED && is(step.event, 'response.body')) return 'seen';
      return add(memory, CLOSED, orders(step, 'readUsage'));
    },
  ),

  // field: A1, D14
  always(
    'emptyBufferIsNotRead',
    'Usage is read at most once, before the record, and never from a buffer that got nothing.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        if (type === 'bufferResponseBody') return before | FILLED;
        if (type === 'readUsage') return before === FILLED ? before | CLOSED : 'violated';
        return add(before, CLOSED, type === 'recordUsage' || type === 'releaseBuffer');
      }),
  ),
  sometimes(
    'emptyBodyIsNotRead',
    'A response that had an empty body ends unread.',
    (memory, step) => {
      const ends = memory === OPEN && is(step.event, 'response.end') && orders(step, 'endResponse');
      if (ends && !orders(step, 'readUsage')) return 'seen';
      if (orders(step, 'bufferResponseBody')) return CLOSED;
      return add(memory, OPEN, memory === 0 && orders(step, 'openBuffer'));
    },
  ),

  // field: A5, D13
  always(
    'wholeBodyIsRead',
    'A body that was buffered and has its end, told or given, is read before it is recorded.',
    (memory, step) => {
      const told = is(step.event, 'response.end', 'response.trailers');
      const ended = told || orders(step, 'endResponse');
      return over(memory, step, (before, { type }) => {
        if (type === 'bufferResponseBody') return FILLED;
        if (type === 'recordUsage' && before === FILLED && ended) return 'violated';
        return type === 'readUsage' || type === 'recordUsage' ? CLOSED : before;
      });
    },
  ),
  sometimes('partialBodyIsNotRead', 'A body that was cut short is not read.', (memory, step) => {
    const now = add(memory, FILLED, orders(step, 'bufferResponseBody'));
    const cut = now === FILLED && orders(step, 'recordUsage');
    return cut && !orders(step, 'readUsage') ? 'seen' : now;
  }),

  // field: A10, A11; fault: I3
  always(
    'bufferIsReleasedLast',
    'The buffer is released once and last; then anomalies are counted and late upstreams let go.',
    (memory, step) =>
      over(memory, step, (before, { type }) => {
        const harmless = type === 'countAnomaly' || type === 'cancelUpstream';
        if (before === RELEASED && !harmless) return 'violated';
        return type === 'releaseBuffer' ? RELEASED : before;
      }),
  ),
  sometimes('bufferIsReleased', 'The buffer is released.', (_, step) =>
    orders(step, 'releaseBuffer') ? 'seen' : 0,
  ),

  // field: H9; fault: I3
  always(
    'noDeadlineOutlivesTheOutcome',
    'At the record no deadline runs but settle, none starts after it, and processed has none.',
    (memory, step) => {
      const { event } = step;
      const now = event.type === 'deadline.expired' ? memory & ~bitOf(event.deadline) : memory;
      return over(now, step, (before, command) => {
        const runs = before & (SETTLING - 1);
        if (command.type === 'recordUsage') {
          return (runs & ~bitOf('settle')) === 0 ? before | SETTLING : 'violated';
        }
        if (command.type === 'startDeadline' && has(before, SETTLING)) return 'violated';
        if (command.type === 'releaseBuffer' && runs !== 0) return 'violated';
        return running(runs, command) | (before & SETTLING);
      });
    },
  ),
  sometimes(
    'outcomeStopsADeadline',
    'A deadline runs when the outcome comes, and is stopped by it.',
    (memory, step) => {
      if (memory !== 0 && orders(step, 'stopDeadlines')) return 'seen';
      return clockAfter(memory, step);
    },
  ),

  // field: A8, K4, K5, H9; fault: F14-F17, F31; sentence 13
  always(
    'everyWaitIsBounded',
    'From the first headers until the exchange is processed, some deadline runs.',
    (memory, step) => {
      if (orders(step, 'releaseBuffer')) return CLOSED_WAIT;
      if (has(memory, CLOSED_WAIT)) return memory;
      const waits = has(memory, WAITING) || is(step.event, 'request.headers', 'response.headers');
      const runs = clockAfter(memory & (WAITING - 1), step);
      return waits && runs === 0 ? 'violated' : add(runs, WAITING, waits);
    },
  ),
  sometimes('deadlineDecides', 'A deadline decides an exchange.', (_, step) =>
    is(step.event, 'deadline.expired') && orders(step, 'recordUsage') ? 'seen' : 0,
  ),

  // field: A1; fault: I6; sentence 3
  always(
    'anomaliesChangeNothing',
    'An event that is counted as an anomaly changes nothing and orders nothing else.',
    (memory, step) => {
      const changed = step.from !== step.to || step.commands.length > 1;
      return counts(step) && changed ? 'violated' : memory;
    },
  ),
  sometimes('anomalyIsCounted', 'An anomaly is counted.', (memory, step) =>
    counts(step) ? 'seen' : memory,
  ),

  // field: A1; sentences 1 and 3
  always(
    'onlySettlingFollowsTheOutcome',
    'After the record only its being written, or not in time, leads on; processed stays.',
    (memory, step) => {
      const { event } = step;
      const settles =
        event.type === 'usage.recorded' ||
        (event.type === 'deadline.expired' && event.deadline === 'settle');
      const moved = step.from !== step.to;
      if (memory === 2 && moved) return 'violated';
      if (memory === 1 && moved && !settles) return 'violated';
      if (orders(step, 'releaseBuffer')) return 2;
      return memory === 0 && orders(step, 'recordUsage') ? 1 : memory;
    },
  ),
  sometimes(
    'settleIsOverdue',
    'The record is not written in time, and the exchange is processed all the same.',
    (_, step) => (is(step.event, 'deadline.expired') && orders(step, 'releaseBuffer') ? 'seen' : 0),
  ),
];

/** One exchange, one outcome, one record; and what each outcome may not be. */
import type { Command, Outcome } from '../events.js';
import { OUTCOMES } from '../events.js';
import type { Memory, Property, Step } from './monitor.js';
import { add, always, has, is, orders, over, sometimes } from './monitor.js';

const RECORDED = 1;
const HEADERS = 2;

/** The outcome that a step records, if it does. */
function recorded(step: Step): Outcome | undefined {
  for (const command of step.commands) {
    if (command.type === 'recordUsage') return command.outcome;
  }
  return undefined;
}

const headersCame = (step: Step) => is(step.event, 'request.headers', 'response.headers');

/** The place of the first outcome named, from 1. A second name is one too many. */
function named(memory: Memory, command: Command) {
  if (!('outcome' in command)) return memory;
  const place = OUTCOMES.indexOf(command.outcome) + 1;
  return memory === 0 || memory === place ? place : 'violated';
}

const BUFFERED = 1;
const TERMINAL = 2;
const FAILED = 4;
const GONE = 8;

/** Whether the last event of a stream was seen while somebody downstream still listened. */
function lastEvent(memory: Memory, step: Step): Memory {
  const first = has(memory, BUFFERED) && !has(memory, TERMINAL) && !has(memory, GONE);
  const failed = step.event.type === 'response.terminal' && step.event.verdict === 'failed';
  let now = add(memory, BUFFERED, orders(step, 'bufferResponseBody'));
  now = add(now, TERMINAL, first && is(step.event, 'response.terminal'));
  now = add(now, FAILED, first && failed);
  return add(now, GONE, is(step.event, 'downstream.closed'));
}

export const outcomes: readonly Property[] = [
  // field: A4, A10, D7, D8, G1, H4; fault: I2
  always('recordedOnce', 'An exchange is recorded at most once.', (memory, step) =>
    over(memory, step, (before, { type }) => {
      if (type !== 'recordUsage') return before;
      return before === RECORDED ? 'violated' : RECORDED;
    }),
  ),
  sometimes('lateEndComes', 'An end comes after the record.', (memory, step) => {
    if (memory === RECORDED && is(step.event, 'response.end')) return 'seen';
    return add(memory, RECORDED, orders(step, 'recordUsage'));
  }),

  // field: A8, A11, H1, H7; fault: F54, I2
  always(
    'everyExchangeIsRecorded',
    'An exchange that had any headers is recorded before it is processed.',
    (memory, step) => {
      const now = add(memory, HEADERS, headersCame(step));
      return over(now, step, (before, { type }) => {
        if (type === 'recordUsage') return before | RECORDED;
        return type === 'releaseBuffer' && before === HEADERS ? 'violated' : before;
      });
    },
  ),
  // fault: F38
  sometimes(
    'nothingIsNotRecorded',
    'An exchange of which nothing was seen is processed without a record.',
    (memory, step) => {
      if (orders(step, 'recordUsage')) return RECORDED;
      return memory === 0 && orders(step, 'releaseBuffer') ? 'seen' : memory;
    },
  ),

  // field: A1, A4, D6, D8
  always('firstTerminalWins', 'No exchange has two outcomes.', (memory, step) =>
    over(memory, step, named),
  ),
  sometimes(
    'cancelComesTooLate',
    'A client leaves after an outcome that is not its own.',
    (memory, step) => {
      if (memory === RECORDED && is(step.event, 'downstream.closed')) return 'seen';
      const outcome = recorded(step);
      return add(memory, RECORDED, outcome !== undefined && outcome !== 'cancelled');
    },
  ),

  // field: A4, H22; fault: F28, F29
  always(
    'leavingAfterTheLastEventIsNoCancel',
    'A client that leaves after the last event of the stream has not cancelled.',
    (memory, step) => {
      if (recorded(step) === 'cancelled' && has(memory, TERMINAL)) return 'violated';
      return lastEvent(memory, step);
    },
  ),
  sometimes(
    'leavingAfterTheLastEventCompletes',
    'A client leaves after the last event, and the exchange is completed.',
    (memory, step) => {
      const left = is(step.event, 'downstream.closed') && has(memory, TERMINAL);
      return left && recorded(step) === 'completed' ? 'seen' : lastEvent(memory, step);
    },
  ),

  // field: D23, H20; fault: F18
  always(
    'errorInsideSuccessIsNoSuccess',
    'A stream whose last event was an error is never completed, whatever its status said.',
    (memory, step) => {
      if (recorded(step) === 'completed' && has(memory, FAILED)) return 'violated';
      return lastEvent(memory, step);
    },
  ),
  sometimes(
    'errorInsideSuccessEndsCleanly',
    'A stream whose last event was an error is passed on to its clean end.',
    (memory, step) => {
      const ended = has(memory, FAILED) && orders(step, 'endResponse');
      return ended && recorded(step) === 'upstreamFailed' ? 'seen' : lastEvent(memory, step);
    },
  ),

  // field: A11, D13, D19; fault: F39, F41; sentence 5
  always(
    'closeIsNoOutcome',
    'A transport that closes says nothing: what it ends is unknown, or is what was known before.',
    (memory, step) => {
      const { event } = step;
      const told = is(event, 'response.terminal') && has(memory, BUFFERED);
      const error = event.type === 'response.headers' && event.status !== 'success';
      const known = told || error || is(event, 'downstream.closed');
      const outcome = recorded(step) ?? 'unknown';
      const decides = is(event, 'transport.closed') && outcome !== 'unknown';
      if (decides && !has(memory, TERMINAL)) return 'violated';
      const now = add(memory, BUFFERED, orders(step, 'bufferResponseBody'));
      return add(now, TERMINAL, known);
    },
  ),
  sometimes(
    'closeEndsWhatIsKnown',
    'A transport closes, and the exchange turns out as was known before.',
    (_, step) => {
      const outcome = recorded(step) ?? 'unknown';
      return is(step.event, 'transport.closed') && outcome !== 'unknown' ? 'seen' : 0;
    },
  ),

  // field: E16; sentence 9
  sometimes(
    'responseComesAlone',
    'A response without a request is passed on, and its exchange is recorded.',
    (memory, step) => {
      if (is(step.event, 'request.headers')) return RECORDED;
      if (memory === HEADERS && orders(step, 'recordUsage')) return 'seen';
      return memory === 0 && orders(step, 'forwardResponseHeaders') ? HEADERS : memory;
    },
  ),
  // fault: F34; sentence 9
  sometimes(
    'responseComesEarly',
    'A response starts while its request is still being forwarded, which goes on.',
    (memory, step) => {
      if (memory === HEADERS && orders(step, 'forwardRequestBody')) return 'seen';
      return add(memory, HEADERS, orders(step, 'forwardResponseHeaders'));
    },
  ),

  // field: A7, A14, D12
  always('errorStatusIsNoSuccess', 'A 4xx or 5xx is never completed.', (memory, step) => {
    if (recorded(step) === 'completed' && memory === HEADERS) return 'violated';
    const { event } = step;
    const error = event.type === 'response.headers' && event.status !== 'success';
    return add(memory, HEADERS, error && orders(step, 'forwardResponseHeaders'));
  }),
  sometimes('errorBodyIsPassedOn', 'The body of a 4xx or 5xx is passed on.', (memory, step) => {
    if (memory === HEADERS && orders(step, 'forwardResponseBody')) return 'seen';
    const { event } = step;
    return add(memory, HEADERS, event.type === 'response.headers' && event.status !== 'success');
  }),

  // field: D8, D22
  ...OUTCOMES.map((outcome) =>
    sometimes(`${outcome}IsReached`, `An exchange is ${outcome}.`, (memory, step) =>
      recorded(step) === outcome ? 'seen' : memory,
    ),
  ),
];

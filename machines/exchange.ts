/**
 * The life of one HTTP exchange through a streaming gateway. Order is decided here and nowhere else.
 *
 * An exchange is `active` until its outcome is known, then `settling` (its one usage record is
 * being written), then `processed`. While active its two halves run side by side: the `request`
 * (from downstream) and the `response` (from upstream). Each waits for headers, then body, then is
 * ended. The request may end after the response, before it, or never; a response may come without
 * any request (a proxy's local reply, field: E16). The exchange is over when its response is.
 *
 * The outcome is a state, `settling.X` and then `processed.X`, entered once and never left for
 * another one: the first terminal wins, and nothing is recorded twice. `processed` is not final: it
 * is where late and duplicate events are absorbed, answered and counted, for ever (field: A1).
 * `reading` is a response that is over and whose outcome depends on what its body says.
 * `detached` is a response that is read on, for the bill, after its downstream has gone (field: H2).
 *
 * What a fault does once the response tells its own outcome: a status of 4xx or 5xx, or the last
 * event of a stream, decides what a close means (a client that leaves after `[DONE]` has not
 * cancelled, field: A4); an upstream that breaks, or a deadline, stays the fault that it is.
 *
 * Every state answers every event: it is taken, or absorbed (a targetless transition whose one
 * action names the reason or counts the anomaly), or a violation (it leads to `violated`). The
 * compiler refuses a machine in which a pair has no answer.
 *
 * Guards read an event's own field or the state of another region, never a payload. The context is
 * empty: a question about the past is a state. Actions are the commands, in the order in which they
 * are to be carried out; none does anything here. Time is an event.
 */
import { detached } from './detached.js';
import type { Outcome } from './events.js';
import { OUTCOMES } from './events.js';
import { request } from './request.js';
import { response } from './response.js';
import { absorb, anomaly, count, decide, record, start, vocabulary } from './vocabulary.js';

const shutdown = vocabulary.createStateConfig({
  initial: 'running',
  states: {
    running: { on: { 'drain.started': { target: 'draining', actions: [start('drain')] } } },
    draining: { on: { 'drain.started': absorb('toldBefore') } },
  },
});

const active = vocabulary.createStateConfig({
  type: 'parallel',
  // Whatever the outcome, no deadline outlives what it guards.
  exit: 'stopDeadlines',
  on: { 'usage.read': anomaly('unasked'), 'usage.recorded': anomaly('unasked') },
  states: { request, response, shutdown },
});

/** After the outcome nothing is taken. Each late event is answered by its reason or counted. */
const late = {
  'request.headers': anomaly('lateHeaders'),
  'request.body': anomaly('lateBody'),
  'request.end': anomaly('lateEnd'),
  'request.trailers': anomaly('lateTrailers'),
  'request.routed': absorb('over'),
  'request.refused': absorb('over'),
  // A connection that comes about only now is of no use to anybody, and is let go.
  'upstream.connected': { actions: ['cancelUpstream' as const] },
  'upstream.failed': absorb('over'),
  'response.headers': anomaly('lateHeaders'),
  'response.body': anomaly('lateBody'),
  'response.end': anomaly('lateEnd'),
  'response.trailers': anomaly('lateTrailers'),
  'response.progress': absorb('over'),
  'response.terminal': absorb('over'),
  'downstream.*': absorb('over'),
  'transport.closed': absorb('over'),
  'gateway.failed': absorb('over'),
  'drain.started': absorb('over'),
  'deadline.expired': anomaly('staleDeadline'),
  'usage.read': absorb('over'),
  'usage.recorded': anomaly('unasked'),
};

/** What an outcome is where the body, once it was read, does not say better. */
const unlessRead = (outcome: Outcome) =>
  vocabulary.createStateConfig({
    on: {
      'usage.read': { target: decide(outcome) },
      'deadline.expired': [
        { guard: 'settleOverdue', target: decide(outcome), actions: [count('usageUnsettled')] },
        anomaly('staleDeadline'),
      ],
    },
  });

/**
 * The response is over and told no verdict on its way. What was buffered of it may hold one: a JSON
 * body is read only now, and a compressed one takes a while (fault: F18, F25). `unended` is one
 * whose end nobody told: a body that is whole has completed all the same (field: D13).
 */
const reading = vocabulary.createStateConfig({
  id: 'reading',
  initial: 'ended',
  entry: start('settle'),
  exit: 'stopDeadlines',
  on: {
    ...late,
    'response.terminal': [
      { guard: 'succeeded', target: decide('completed') },
      { target: decide('upstreamFailed') },
    ],
  },
  states: { ended: unlessRead('completed'), unended: unlessRead('unknown') },
});

const settlingInto = (outcome: Outcome) =>
  vocabulary.createStateConfig({
    entry: [start('settle'), record(outcome)],
    on: {
      'usage.recorded': `#processed.${outcome}`,
      'deadline.expired': [
        {
          guard: 'settleOverdue',
          target: `#processed.${outcome}`,
          actions: [count('usageUnsettled')],
        },
        anomaly('staleDeadline'),
      ],
    },
  });

type States<S> = Record<Outcome, S>;
const eachOutcome = <S>(make: (outcome: Outcome) => S) =>
  Object.fromEntries(OUTCOMES.map((outcome) => [outcome, make(outcome)])) as States<S>;

export const exchange = vocabulary.createMachine({
  id: 'exchange',
  initial: 'active',
  states: {
    active,
    detached,
    reading,
    settling: {
      id: 'settling',
      initial: 'unknown',
      exit: 'stopDeadlines',
      on: late,
      states: eachOutcome(settlingInto),
    },
    processed: {
      id: 'processed',
      initial: 'unknown',
      entry: 'releaseBuffer',
      // A record that was overdue may still be written.
      on: { ...late, 'usage.recorded': absorb('over') },
      states: eachOutcome(() => ({})),
    },
  },
});

/** The response half: from the upstream to downstream, and on without a downstream. */
import type { Outcome } from './events.js';
import { flow } from './flow.js';
import {
  absorb,
  anomaly,
  answer,
  count,
  decide,
  reset,
  start,
  stop,
  violation,
  vocabulary,
} from './vocabulary.js';

/** The response has ended. A request that has not is of no use to anybody now (fault: F34). */
const ends = (
  target: ReturnType<typeof decide> | '#reading',
  ...actions: ('forwardResponseTrailers' | 'endResponse' | 'readUsage')[]
) => [
  { guard: 'requestEnded' as const, target, actions },
  { target, actions: [...actions, 'cancelUpstream' as const] },
];

/** A client that goes cancels its exchange, unless its bill is to be read to the end. */
const leaves = (detachedState: string) => [
  { guard: 'detachesPaused' as const, target: detachedState, actions: ['resumeUpstream' as const] },
  { guard: 'detaches' as const, target: detachedState },
  { target: decide('cancelled'), actions: ['cancelUpstream' as const] },
];

const awaitingHeaders = vocabulary.createStateConfig({
  on: {
    'upstream.connected': { actions: [stop('connect')] },
    'upstream.failed': { target: decide('upstreamFailed'), actions: [answer('upstreamFailed')] },
    'response.headers': [
      {
        guard: 'success',
        target: 'started',
        actions: [
          'forwardResponseHeaders',
          'openBuffer',
          stop('connect'),
          stop('responseHeaders'),
          start('firstByte'),
        ],
      },
      {
        guard: 'refusal',
        target: '#body.awaitingErrorBody.refused',
        actions: [
          'forwardResponseHeaders',
          stop('connect'),
          stop('responseHeaders'),
          start('idle'),
        ],
      },
      {
        target: '#body.awaitingErrorBody.failed',
        actions: [
          'forwardResponseHeaders',
          stop('connect'),
          stop('responseHeaders'),
          start('idle'),
        ],
      },
    ],
    'response.body': violation,
    'response.end': violation,
    'response.trailers': violation,
    'response.progress': anomaly('unasked'),
    'response.terminal': anomaly('unasked'),
    'request.refused': {
      target: decide('rejected'),
      actions: [answer('rejected'), 'cancelUpstream'],
    },
    'downstream.blocked': absorb('notStarted'),
    'downstream.ready': absorb('notStarted'),
    'downstream.closed': leaves('#detached.awaitingHeaders'),
    'transport.closed': [
      { guard: 'nothingHappened', target: '#processed.unknown' },
      { target: decide('unknown'), actions: ['cancelUpstream'] },
    ],
    'gateway.failed': {
      target: decide('unknown'),
      actions: [answer('unknown'), 'cancelUpstream'],
    },
    'deadline.expired': [
      {
        guard: 'requestOverdue',
        target: decide('timedOut'),
        actions: [answer('timedOut'), 'cancelUpstream'],
      },
      {
        guard: 'headersOverdue',
        target: decide('timedOut'),
        actions: [answer('timedOut'), 'cancelUpstream'],
      },
      {
        guard: 'drainOverdue',
        target: decide('drained'),
        actions: [answer('drained'), 'cancelUpstream'],
      },
      anomaly('staleDeadline'),
    ],
  },
});

const awaitingFirstByte = vocabulary.createStateConfig({
  on: {
    'response.body': [
      { guard: 'empty', actions: ['forwardResponseBody'] },
      {
        guard: 'blocked',
        target: 'awaitingBody',
        actions: ['forwardResponseBody', 'bufferResponseBody'],
      },
      {
        target: 'awaitingBody',
        actions: [
          'forwardResponseBody',
          'bufferResponseBody',
          stop('firstByte'),
          start('progress'),
        ],
      },
    ],
    'response.progress': anomaly('unasked'),
    'response.terminal': anomaly('unasked'),
    // Nothing was buffered, so there is nothing to read (field: A1, D14).
    'response.end': ends(decide('completed'), 'endResponse'),
    'response.trailers': ends(decide('completed'), 'forwardResponseTrailers', 'endResponse'),
    'downstream.closed': leaves('#detached.awaitingFirstByte'),
    'transport.closed': { target: decide('unknown'), actions: ['cancelUpstream'] },
    'deadline.expired': {
      guard: 'firstByteOverdue',
      target: decide('timedOut'),
      actions: [reset('timedOut'), 'cancelUpstream'],
    },
  },
});

const awaitingBody = vocabulary.createStateConfig({
  on: {
    'response.body': [
      { guard: 'empty', actions: ['forwardResponseBody'] },
      { actions: ['forwardResponseBody', 'bufferResponseBody'] },
    ],
    'response.progress': [
      { guard: 'blocked', ...absorb('paused') },
      { actions: [start('progress')] },
    ],
    'response.terminal': [
      {
        guard: 'succeeded',
        target: '#body.awaitingEnd.succeeded',
        actions: [stop('progress'), start('linger')],
      },
      { target: '#body.awaitingEnd.failed', actions: [stop('progress'), start('linger')] },
    ],
    'response.end': ends('#reading', 'endResponse', 'readUsage'),
    'response.trailers': ends('#reading', 'forwardResponseTrailers', 'endResponse', 'readUsage'),
    'downstream.closed': leaves('#detached.awaitingBody'),
    // Nobody told the end, but all of a body may be there (field: D13).
    'transport.closed': { target: '#reading.unended', actions: ['readUsage', 'cancelUpstream'] },
    'deadline.expired': {
      guard: 'bodyOverdue',
      target: decide('timedOut'),
      actions: [reset('timedOut'), 'cancelUpstream'],
    },
  },
});

/** The last event of the stream was seen. It is not the end (field: K13, H6), but tells the outcome. */
const awaitingEndAs = (outcome: Outcome) =>
  vocabulary.createStateConfig({
    on: {
      'response.body': [
        { guard: 'empty', actions: ['forwardResponseBody'] },
        { actions: ['forwardResponseBody', 'bufferResponseBody'] },
      ],
      // The usage may follow the last word, from an upstream that is slow but alive (field: H6).
      'response.progress': [
        { guard: 'blocked', ...absorb('paused') },
        { actions: [start('linger')] },
      ],
      'response.terminal': absorb('terminalSeen'),
      'request.refused': absorb('terminalSeen'),
      'response.end': ends(decide(outcome), 'endResponse', 'readUsage'),
      'response.trailers': ends(
        decide(outcome),
        'forwardResponseTrailers',
        'endResponse',
        'readUsage',
      ),
      'downstream.closed': { target: decide(outcome), actions: ['cancelUpstream'] },
      'transport.closed': { target: decide(outcome), actions: ['readUsage', 'cancelUpstream'] },
      'deadline.expired': [
        {
          guard: 'endOverdue',
          target: decide(outcome),
          actions: [count('lingeringUpstream'), 'endResponse', 'readUsage', 'cancelUpstream'],
        },
        {
          guard: 'stallOverdue',
          target: decide(outcome),
          actions: [reset(outcome), 'cancelUpstream'],
        },
      ],
    },
  });

/** The body of an error status is passed on as it is, and is no place for usage (field: A7, A14). */
const awaitingErrorBodyAs = (outcome: Outcome) =>
  vocabulary.createStateConfig({
    on: {
      'response.body': { actions: ['forwardResponseBody'] },
      'response.progress': anomaly('unasked'),
      'response.terminal': anomaly('unasked'),
      'response.end': ends(decide(outcome), 'endResponse'),
      'response.trailers': ends(decide(outcome), 'forwardResponseTrailers', 'endResponse'),
      'downstream.closed': { target: decide(outcome), actions: ['cancelUpstream'] },
      'transport.closed': { target: decide(outcome), actions: ['cancelUpstream'] },
      'deadline.expired': {
        guard: 'errorBodyOverdue',
        target: decide('timedOut'),
        actions: [reset('timedOut'), 'cancelUpstream'],
      },
    },
  });

/** From the response's headers on: what went wrong can no longer be answered, only cut short. */
const started = vocabulary.createStateConfig({
  type: 'parallel',
  on: {
    'upstream.connected': absorb('toldBefore'),
    'upstream.failed': { target: decide('upstreamFailed'), actions: [reset('upstreamFailed')] },
    'response.headers': anomaly('duplicateHeaders'),
    'request.refused': {
      target: decide('rejected'),
      actions: [reset('rejected'), 'cancelUpstream'],
    },
    'gateway.failed': {
      target: decide('unknown'),
      actions: [reset('unknown'), 'cancelUpstream'],
    },
    'deadline.expired': [
      {
        guard: 'totalOverdue',
        target: decide('timedOut'),
        actions: [reset('timedOut'), 'cancelUpstream'],
      },
      {
        guard: 'stallOverdue',
        target: decide('cancelled'),
        actions: [reset('cancelled'), 'cancelUpstream'],
      },
      {
        guard: 'drainOverdue',
        target: decide('drained'),
        actions: [reset('drained'), 'cancelUpstream'],
      },
      { guard: 'requestOverdue', ...absorb('responseStarted') },
      { guard: 'pausedDeadline', ...absorb('paused') },
      anomaly('staleDeadline'),
    ],
  },
  states: {
    body: {
      id: 'body',
      initial: 'awaitingFirstByte',
      states: {
        awaitingFirstByte,
        awaitingBody,
        awaitingEnd: {
          initial: 'succeeded',
          states: {
            succeeded: awaitingEndAs('completed'),
            failed: awaitingEndAs('upstreamFailed'),
          },
        },
        awaitingErrorBody: {
          initial: 'refused',
          states: {
            refused: awaitingErrorBodyAs('rejected'),
            failed: awaitingErrorBodyAs('upstreamFailed'),
          },
        },
      },
    },
    flow,
  },
});

export const response = vocabulary.createStateConfig({
  initial: 'awaitingHeaders',
  states: { awaitingHeaders, started },
});

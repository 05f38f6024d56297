/**
 * A response that is read on after its downstream has gone, so that what the upstream bills is
 * known (field: H2). Its outcome is decided, `cancelled`; what ends it is its own end, its bound in
 * time or bytes, or any fault.
 */
import { ended } from './request.js';
import { absorb, anomaly, decide, start, vocabulary } from './vocabulary.js';

const over = { target: decide('cancelled'), actions: ['cancelUpstream'] } as const;
const read = { target: decide('cancelled'), actions: ['readUsage'] } as const;
const cut = { target: decide('cancelled'), actions: ['readUsage', 'cancelUpstream'] } as const;

export const detached = vocabulary.createStateConfig({
  id: 'detached',
  initial: 'awaitingHeaders',
  entry: start('detach'),
  exit: 'stopDeadlines',
  on: {
    ...ended,
    'request.routed': anomaly('unasked'),
    'request.refused': absorb('detached'),
    'upstream.connected': absorb('detached'),
    'upstream.failed': { target: decide('cancelled') },
    'response.headers': anomaly('duplicateHeaders'),
    'response.progress': absorb('detached'),
    // The usage chunk of a stream may follow the event that tells its end (field: H4, H6).
    'response.terminal': absorb('detached'),
    'downstream.*': absorb('detached'),
    'transport.closed': over,
    'gateway.failed': over,
    'drain.started': over,
    'deadline.expired': [{ guard: 'detachOverdue', ...over }, anomaly('staleDeadline')],
    'usage.read': anomaly('unasked'),
    'usage.recorded': anomaly('unasked'),
  },
  states: {
    awaitingHeaders: {
      on: {
        'response.headers': [
          { guard: 'success', target: 'awaitingFirstByte', actions: ['openBuffer'] },
          over,
        ],
        'response.body': over,
        'response.end': over,
        'response.trailers': over,
        'response.progress': anomaly('unasked'),
        'response.terminal': anomaly('unasked'),
      },
    },
    awaitingFirstByte: {
      on: {
        'response.body': [
          { guard: 'empty', ...absorb('detached') },
          { target: 'awaitingBody', actions: ['bufferResponseBody'] },
        ],
        'response.end': { target: decide('cancelled') },
        'response.trailers': { target: decide('cancelled') },
        'response.progress': anomaly('unasked'),
        'response.terminal': anomaly('unasked'),
      },
    },
    awaitingBody: {
      on: {
        'response.body': [
          { guard: 'empty', ...absorb('detached') },
          { actions: ['bufferResponseBody'] },
        ],
        'response.end': read,
        'response.trailers': read,
        'transport.closed': cut,
      },
    },
  },
});

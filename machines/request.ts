/** The request half: from downstream to the upstream. */
import { anomaly, start, stop, violation, vocabulary } from './vocabulary.js';

/** What a half that has ended makes of the rest of its grammar (field: A1, E1, G2). */
export const ended = {
  'request.headers': anomaly('duplicateHeaders'),
  'request.body': anomaly('bodyAfterEnd'),
  'request.end': anomaly('duplicateEnd'),
  'request.trailers': anomaly('trailersAfterEnd'),
};

/**
 * The upstream is only waited for from the end of the request on, and only if its response has not
 * already come (a refusal may come while the request is still being sent).
 */
const endings = (...actions: ('forwardRequestTrailers' | 'endRequest')[]) => [
  {
    guard: 'responseStarted' as const,
    target: '#request.ended',
    actions: [...actions, stop('requestBody')],
  },
  {
    target: '#request.ended',
    actions: [...actions, stop('requestBody'), start('responseHeaders')],
  },
];

export const request = vocabulary.createStateConfig({
  id: 'request',
  initial: 'awaitingHeaders',
  states: {
    awaitingHeaders: {
      on: {
        'request.headers': [
          { guard: 'responseStarted', target: 'awaitingRoute', actions: [start('requestBody')] },
          { target: 'awaitingRoute', actions: [start('total'), start('requestBody')] },
        ],
        // A response without a request has a bound on the whole as well (field: E16).
        'response.headers': { guard: 'responseAwaited', actions: [start('total')] },
        'request.routed': anomaly('unasked'),
        'request.body': violation,
        'request.end': violation,
        'request.trailers': violation,
      },
    },
    // A route by model is known only when the body was read; until then the request is held.
    awaitingRoute: {
      initial: 'receiving',
      states: {
        receiving: {
          on: {
            'request.headers': anomaly('duplicateHeaders'),
            'request.body': { actions: ['holdRequestBody', start('requestBody')] },
            'request.end': { target: 'received', actions: [stop('requestBody')] },
            'request.trailers': {
              target: 'received',
              actions: ['holdRequestTrailers', stop('requestBody')],
            },
            'request.routed': [
              {
                guard: 'responseStarted',
                target: '#request.awaitingBody',
                actions: ['forwardRequestHeaders', 'forwardHeldRequest'],
              },
              {
                target: '#request.awaitingBody',
                actions: ['forwardRequestHeaders', start('connect'), 'forwardHeldRequest'],
              },
            ],
          },
        },
        received: {
          on: {
            ...ended,
            'request.routed': [
              {
                guard: 'responseStarted',
                target: '#request.ended',
                actions: ['forwardRequestHeaders', 'forwardHeldRequest', 'endRequest'],
              },
              {
                target: '#request.ended',
                actions: [
                  'forwardRequestHeaders',
                  start('connect'),
                  'forwardHeldRequest',
                  'endRequest',
                  start('responseHeaders'),
                ],
              },
            ],
          },
        },
      },
    },
    awaitingBody: {
      on: {
        'request.headers': anomaly('duplicateHeaders'),
        'request.routed': anomaly('unasked'),
        'request.body': { actions: ['forwardRequestBody', start('requestBody')] },
        'request.end': endings('endRequest'),
        'request.trailers': endings('forwardRequestTrailers', 'endRequest'),
      },
    },
    ended: {
      on: { ...ended, 'request.routed': anomaly('unasked') },
    },
  },
});

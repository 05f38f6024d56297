/**
 * The gateway of the bug, in the alphabet of the right one (field: A1). It keeps a buffer per
 * request, parses it at the response's end and deletes it, and remembers nothing else: there is no
 * `processed`. A second end finds no buffer, makes a new one, parses nothing, and answers a finished
 * request with a 500. The checker must convict it; that is what it is for.
 */
import { EVENTS } from './events.js';
import { answer, record, vocabulary } from './vocabulary.js';

const nothing = { actions: [{ type: 'absorb' as const, params: { reason: 'ignored' } }] };
const types = [...new Set(EVENTS.map((event) => event.type))];

/** The handler drops whatever it has no branch for, which is how its faults stay silent. */
const ignored = Object.fromEntries(types.map((type) => [type, nothing]));

const parse = ['readUsage' as const, record('completed'), 'releaseBuffer' as const];

export const legacy = vocabulary.createMachine({
  id: 'legacy',
  initial: 'awaitingHeaders',
  on: ignored,
  states: {
    awaitingHeaders: {
      on: { 'request.headers': { target: 'awaitingResponse', actions: ['forwardRequestHeaders'] } },
    },
    awaitingResponse: {
      on: {
        'request.body': { actions: ['forwardRequestBody'] },
        'request.end': { actions: ['endRequest'] },
        'response.headers': { target: 'noBuffer', actions: ['forwardResponseHeaders'] },
      },
    },
    noBuffer: {
      on: {
        'response.body': [
          { guard: 'empty', target: 'emptyBuffer', actions: ['forwardResponseBody', 'openBuffer'] },
          {
            target: 'buffer',
            actions: ['forwardResponseBody', 'openBuffer', 'bufferResponseBody'],
          },
        ],
        // An empty body with the end makes a buffer only to parse it: `unexpected end of JSON input`.
        'response.end': { actions: ['openBuffer', 'readUsage', answer('unknown')] },
      },
    },
    emptyBuffer: {
      on: {
        'response.body': [
          { guard: 'empty', actions: ['forwardResponseBody'] },
          { target: 'buffer', actions: ['forwardResponseBody', 'bufferResponseBody'] },
        ],
        'response.end': { target: 'noBuffer', actions: ['readUsage', answer('unknown')] },
      },
    },
    buffer: {
      on: {
        'response.body': { actions: ['forwardResponseBody', 'bufferResponseBody'] },
        'response.end': { target: 'noBuffer', actions: ['endResponse', ...parse] },
      },
    },
  },
});

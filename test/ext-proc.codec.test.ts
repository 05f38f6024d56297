/**
 * The codec, both ways from one table: what each message is as events, and what is answered to it
 * once the machine has ordered something about it. The orders are the machine's own, from the table.
 */
import { describe, expect, it } from 'vitest';
import type { Command, Event } from '../machines/events.js';
import { events, textOf } from '../machines/events.js';
import type { Modes } from '../src/adapters/ext-proc/codec.js';
import { answersOf, eventsOf, kindOf, modesOf, statusOf } from '../src/adapters/ext-proc/codec.js';
import { headerOf } from '../src/adapters/ext-proc/headers.js';
import type { ProcessingRequest, ProcessingResponse } from '../src/adapters/ext-proc/wire.js';
import { start, step } from '../src/step.js';
import { mapOf, RB, RH, RT, SB, SH, ST } from './envoy/messages.js';

interface Row {
  readonly claim: string;
  /** What was said before, so that the machine stands where the claim is about. */
  readonly before?: readonly Event[];
  readonly message: ProcessingRequest;
  readonly events: readonly Event[];
  /** One answer for every message, where modes are not streamed. */
  readonly plain: readonly ProcessingResponse[];
  /** What is forwarded, where they are. */
  readonly streamed: readonly ProcessingResponse[];
}

const { requestHeaders, requestRouted, requestBody, requestEnd, responseBody, responseEnd } =
  events;
const success = events.responseHeaders('success');
const REQUEST = [requestHeaders, requestRouted];
const RESPONSE = [...REQUEST, requestEnd, success];
const JUST = { response: {} };
const piece = (kind: 'requestBody' | 'responseBody', message: ProcessingRequest) => ({
  [kind]: { response: { bodyMutation: { streamedResponse: message[kind] } } },
});

const ROWS: readonly Row[] = [
  {
    claim: 'request headers wait for their route where they can',
    message: RH(),
    events: [requestHeaders],
    plain: [{ requestHeaders: JUST }],
    streamed: [],
  },
  {
    claim: 'request headers may carry the end',
    message: RH({}, true),
    events: [requestHeaders, requestEnd],
    plain: [{ requestHeaders: JUST }],
    streamed: [],
  },
  {
    claim: 'a request body is passed on',
    before: REQUEST,
    message: RB('a'),
    events: [requestBody],
    plain: [{ requestBody: JUST }],
    streamed: [piece('requestBody', RB('a'))],
  },
  {
    claim: 'a request body that ends is passed on with its end',
    before: REQUEST,
    message: RB('a', true),
    events: [requestBody, requestEnd],
    plain: [{ requestBody: JUST }],
    streamed: [piece('requestBody', RB('a', true))],
  },
  {
    claim: 'an empty body that ends is an end and no body',
    before: REQUEST,
    message: RB('', true),
    events: [requestEnd],
    plain: [{ requestBody: JUST }],
    streamed: [piece('requestBody', RB('', true))],
  },
  {
    // field: E6
    claim: 'an empty body that ends nothing is not passed on',
    before: REQUEST,
    message: RB(''),
    events: [requestBody],
    plain: [{ requestBody: JUST }],
    streamed: [],
  },
  {
    // field: E1, G2
    claim: 'a second end of the request is owed one answer where all are, and else none',
    before: [...REQUEST, requestEnd],
    message: RB('', true),
    events: [requestEnd],
    plain: [{ requestBody: JUST }],
    streamed: [],
  },
  {
    claim: 'request trailers are passed on',
    before: REQUEST,
    message: RT(),
    events: [events.requestTrailers],
    plain: [{ requestTrailers: {} }],
    streamed: [{ requestTrailers: {} }],
  },
  {
    claim: 'response headers are passed on',
    before: REQUEST,
    message: SH(),
    events: [success],
    plain: [{ responseHeaders: JUST }],
    streamed: [{ responseHeaders: JUST }],
  },
  {
    // field: E16
    claim: 'response headers come without a request',
    message: SH(400),
    events: [events.responseHeaders('refusal')],
    plain: [{ responseHeaders: JUST }],
    streamed: [{ responseHeaders: JUST }],
  },
  {
    // field: D11
    claim: 'response headers may carry the end',
    before: REQUEST,
    message: SH(204, 'text/plain', {}, true),
    events: [success, responseEnd],
    plain: [{ responseHeaders: JUST }],
    streamed: [{ responseHeaders: JUST }],
  },
  {
    claim: 'an interim response is passed on and is no response yet',
    before: REQUEST,
    message: SH(103),
    events: [],
    plain: [{ responseHeaders: JUST }],
    streamed: [{ responseHeaders: JUST }],
  },
  {
    claim: 'a response body is passed on',
    before: RESPONSE,
    message: SB('a'),
    events: [responseBody],
    plain: [{ responseBody: JUST }],
    streamed: [piece('responseBody', SB('a'))],
  },
  {
    claim: 'an empty response body is told from one with bytes',
    before: RESPONSE,
    message: SB(''),
    events: [events.responseBodyEmpty],
    plain: [{ responseBody: JUST }],
    streamed: [],
  },
  {
    claim: 'a response body that ends is passed on with its end',
    before: RESPONSE,
    message: SB('a', true),
    events: [responseBody, responseEnd],
    plain: [{ responseBody: JUST }],
    streamed: [piece('responseBody', SB('a', true))],
  },
  {
    // field: G10
    claim: 'a response may end with an empty body',
    before: RESPONSE,
    message: SB('', true),
    events: [responseEnd],
    plain: [{ responseBody: JUST }],
    streamed: [piece('responseBody', SB('', true))],
  },
  {
    // field: A1
    claim: 'a second end of the response is answered where every message is, and changes nothing',
    before: [...RESPONSE, responseBody, responseEnd],
    message: SB('', true),
    events: [responseEnd],
    plain: [{ responseBody: JUST }],
    streamed: [],
  },
  {
    // field: G7, K3
    claim: 'response trailers are passed on',
    before: RESPONSE,
    message: ST(),
    events: [events.responseTrailers],
    plain: [{ responseTrailers: {} }],
    streamed: [{ responseTrailers: {} }],
  },
];

const PLAIN: Modes = { requestBody: 'STREAMED', responseBody: 'STREAMED' };
const STREAMED: Modes = {
  requestBody: 'FULL_DUPLEX_STREAMED',
  responseBody: 'FULL_DUPLEX_STREAMED',
};

/** What the machine orders when these come, one after the other. */
function ordersOf(before: readonly Event[], now: readonly Event[]): Command[] {
  let state = start();
  for (const event of before) state = step(state, event).state;
  return now.flatMap((event) => {
    const taken = step(state, event);
    state = taken.state;
    return taken.commands;
  });
}

function answersTo({ message, before = [] }: Row, modes: Modes): ProcessingResponse[] {
  const kind = kindOf(message)!;
  const commands = ordersOf(before, eventsOf(message, kind));
  return answersOf({ message, kind, modes, commands, held: [], extras: {} });
}

describe.each(ROWS)('$claim:', (row) => {
  it('as events', () => {
    expect(eventsOf(row.message, kindOf(row.message)!).map(textOf)).toEqual(row.events.map(textOf));
  });

  it('answered one to one', () => {
    expect(answersTo(row, PLAIN)).toEqual(row.plain);
  });

  it('answered as a stream', () => {
    expect(answersTo(row, STREAMED)).toEqual(row.streamed);
  });
});

describe('a streamed request that was held', () => {
  const held = [RB('a').requestBody!, RB('b').requestBody!];
  const before = [requestHeaders, requestBody, requestBody];
  const answersAfter = (message: ProcessingRequest, mode = STREAMED) => {
    const kind = kindOf(message)!;
    const ends = eventsOf(message, kind);
    const commands = ordersOf(before, [...ends, requestRouted]);
    return answersOf({ message, kind, modes: mode, commands, held, extras: {} });
  };

  it('goes in the order headers, bodies, end', () => {
    expect(answersAfter(RB('', true))).toEqual([
      { requestHeaders: JUST },
      ...held.map((requestBody) => piece('requestBody', { requestBody })),
      piece('requestBody', RB('', true)),
    ]);
  });

  it('goes in the order headers, bodies, trailers, and no body says the end', () => {
    expect(answersAfter(RT())).toEqual([
      { requestHeaders: JUST },
      ...held.map((requestBody) => piece('requestBody', { requestBody })),
      { requestTrailers: {} },
    ]);
  });
});

describe('GRPC', () => {
  const GRPC: Modes = { requestBody: 'GRPC', responseBody: 'GRPC' };

  it('keeps what marks a message, and passes on an empty one', () => {
    for (const body of [{}, { grpcMessageCompressed: true, body: Buffer.from('z') }]) {
      const message = { responseBody: body };
      const commands = ordersOf(RESPONSE, eventsOf(message, 'responseBody'));
      const turn = { message, kind: 'responseBody' as const, modes: GRPC, commands, held: [] };
      expect(answersOf({ ...turn, extras: {} })).toEqual([piece('responseBody', message)]);
    }
  });

  it('ends without a message as it came', () => {
    const message = { requestBody: { endOfStreamWithoutMessage: true } };
    expect(eventsOf(message, 'requestBody')).toEqual([requestEnd]);
    const commands = ordersOf(REQUEST, [requestEnd]);
    const turn = { message, kind: 'requestBody' as const, modes: GRPC, commands, held: [] };
    expect(answersOf({ ...turn, extras: {} })).toEqual([piece('requestBody', message)]);
  });
});

describe('the modes of a stream', () => {
  it('are those of its first message, else of the configuration, else not known', () => {
    const first = { protocolConfig: { requestBodyMode: 'GRPC' as const } };
    expect(modesOf(first, STREAMED)).toEqual({ requestBody: 'GRPC', responseBody: 'NONE' });
    expect(modesOf({}, { responseBody: 'BUFFERED' })).toEqual({
      requestBody: undefined,
      responseBody: 'BUFFERED',
    });
  });
});

describe('a message', () => {
  it('that is empty or unknown has no kind', () => {
    expect(kindOf({})).toBeUndefined();
    expect(kindOf({ observabilityMode: true })).toBeUndefined();
  });

  it('says its status in three digits, or says none and did not go well', () => {
    const said = (status: string | undefined) => ({
      headers: mapOf(status === undefined ? {} : { ':status': status }),
    });
    for (const [text, status, event] of [
      ['200', 200, 'success'],
      ['304', 304, 'success'],
      ['404', 404, 'refusal'],
      ['503', 503, 'failure'],
      ['099', undefined, 'failure'],
      ['2e2', undefined, 'failure'],
      ['', undefined, 'failure'],
      [undefined, undefined, 'failure'],
    ] as const) {
      expect(statusOf(said(text)), text).toBe(status);
      const [first] = eventsOf({ responseHeaders: said(text) }, 'responseHeaders');
      expect(first, text).toBe(events.responseHeaders(event));
    }
    expect(statusOf({})).toBeUndefined();
  });
});

describe('a header', () => {
  it('is read from its raw bytes, else from its text, and several are one list', () => {
    const raw = Buffer.from([0x63, 0xe9, 0xff]);
    const headers = [
      { key: 'a', value: 'text', rawValue: raw },
      { key: 'b', value: 'x' },
    ];
    const more = [{ key: 'b', rawValue: Buffer.from('y') }, { key: 'c' }, {}];
    const map = { headers: [...headers, ...more] };
    expect(headerOf(map, 'a')).toBe(raw.toString('latin1'));
    expect(headerOf(map, 'b')).toBe('x, y');
    expect(headerOf(map, 'c')).toBe('');
    expect(headerOf(map, 'd')).toBeUndefined();
    expect(headerOf(undefined, 'a')).toBeUndefined();
  });
});

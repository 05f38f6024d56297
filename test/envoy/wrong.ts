/** Servers that break one rule each: the fault, where, the mode of bodies, the script, and the plan. */
import type { BodyMode, Kind } from '../../src/adapters/ext-proc/wire.js';
import type { FaultName, Plan } from '../../src/envoy/plan.js';
import type { Call, Script } from './script.js';
import { header, modesOf, onKind, REQUEST, reject, streamed, trailers } from './script.js';

type Wrong = readonly [FaultName, string, BodyMode, Script, Partial<Plan>?];
const twice: Script = (_, right) => [...right, ...right];
const common = (kind: Kind, response: object) => onKind(kind, { [kind]: { response } });
const bodyOf = (text: string) => ({ bodyMutation: { body: Buffer.from(text) } });
const withTrailers = (mode: BodyMode) => ({
  modes: modesOf(mode, true),
  request: { ...REQUEST, trailers },
});

export const WRONG: readonly Wrong[] = [
  ['empty answer', 'to headers', 'NONE', onKind('requestHeaders', {})],
  [
    'extra answer',
    'to headers',
    'NONE',
    onKind('responseHeaders', ...Array(2).fill({ responseHeaders: {} })),
  ],
  [
    'extra answer',
    'to the last body',
    'STREAMED',
    (kind, right, { responseBody }) =>
      kind === 'responseBody' && responseBody?.endOfStream
        ? twice(kind, right, {}, {} as Call)
        : right,
  ],
  ['wrong direction', 'to headers', 'NONE', onKind('requestHeaders', { responseHeaders: {} })],
  ['wrong direction', 'to a body', 'BUFFERED', onKind('responseBody', { requestBody: {} })],
  ['wrong answer', 'a body to headers', 'BUFFERED', onKind('requestHeaders', { requestBody: {} })],
  [
    'wrong answer',
    'headers to trailers',
    'NONE',
    onKind('requestTrailers', { requestHeaders: {} }),
    withTrailers('NONE'),
  ],
  ['message timeout', 'for headers', 'NONE', onKind('requestHeaders'), { messageTimeoutMs: 20 }],
  [
    'message timeout',
    'for one chunk of three',
    'STREAMED',
    (_, right, message) => (message.responseBody?.body?.toString() === ':' ? [] : right),
    { messageTimeoutMs: 20 },
  ],
  [
    'missing answer',
    'for an end',
    'FULL_DUPLEX_STREAMED',
    (_, right, message) => (message.requestBody?.endOfStream ? [streamed('')] : right),
    { idleTimeoutMs: 20 },
  ],
  ['streamed answer', 'in STREAMED', 'STREAMED', onKind('requestBody', streamed(''))],
  ['streamed answer', 'in BUFFERED', 'BUFFERED', onKind('requestBody', streamed('', true))],
  [
    'unstreamed answer',
    'in full duplex',
    'FULL_DUPLEX_STREAMED',
    onKind('requestBody', { requestBody: {} }),
  ],
  ['unstreamed answer', 'in gRPC', 'GRPC', common('requestBody', bodyOf(''))],
  [
    'early end',
    'of a body',
    'FULL_DUPLEX_STREAMED',
    onKind('requestBody', streamed('', true)),
    withTrailers('FULL_DUPLEX_STREAMED'),
  ],
  [
    'body after end',
    'of the same body',
    'FULL_DUPLEX_STREAMED',
    (_, right, message) =>
      message.requestBody?.endOfStream ? [streamed('', true), streamed('')] : right,
  ],
  ['body before headers', 'of the same half', 'FULL_DUPLEX_STREAMED', onKind('requestHeaders')],
  ['late immediate response', 'to a second chunk', 'STREAMED', onKind('responseBody', reject)],
  [
    'late immediate response',
    'to a second end',
    'BUFFERED',
    (_, right, { responseBody }) => (responseBody?.body?.length === 0 ? [reject] : right),
    { quirks: { lateEnd: { response: 'empty' } } },
  ],
  [
    'immediate response to trailers',
    'of the request',
    'NONE',
    onKind('requestTrailers', reject),
    withTrailers('NONE'),
  ],
  [
    'malformed immediate response',
    'without a status',
    'NONE',
    onKind('requestHeaders', { immediateResponse: {} as never }),
  ],
  ['extra answer', 'after an ImmediateResponse', 'NONE', onKind('requestHeaders', reject, reject)],
  ['body mutation in headers', 'that continue', 'STREAMED', common('requestHeaders', bodyOf('{}'))],
  [
    'header mutation in body',
    'that is streamed',
    'STREAMED',
    common('requestBody', { headerMutation: header('a') }),
  ],
  [
    'replace in body',
    'that is buffered',
    'BUFFERED',
    common('requestBody', { status: 'CONTINUE_AND_REPLACE' }),
  ],
  [
    'content-length mismatch',
    'with a buffered body',
    'BUFFERED',
    common('requestBody', bodyOf('{}')),
  ],
  [
    'body after end',
    'to a second end',
    'BUFFERED',
    (kind, right, { requestBody }) =>
      requestBody?.body?.length === 0
        ? common('requestBody', bodyOf('x'))(kind, right, {}, {} as Call)
        : right,
    { quirks: { lateEnd: { request: 'empty' } } },
  ],
  [
    'framing header',
    'content-length',
    'STREAMED',
    common('requestHeaders', { headerMutation: header('content-length') }),
  ],
  [
    'hop-by-hop header',
    'connection',
    'NONE',
    common('requestHeaders', { headerMutation: header('Connection') }),
  ],
  [
    'hop-by-hop header',
    'transfer-encoding',
    'NONE',
    common('responseHeaders', { headerMutation: header('transfer-encoding', 'chunked') }),
  ],
  [
    'pseudo-header',
    ':authority',
    'NONE',
    common('requestHeaders', { headerMutation: header(':authority') }),
  ],
  [
    'pseudo-header',
    ':status removed',
    'NONE',
    common('responseHeaders', { headerMutation: { removeHeaders: [':status'] } }),
  ],
  [
    'protected header',
    'host',
    'NONE',
    common('requestHeaders', { headerMutation: header('host') }),
  ],
  [
    'malformed header',
    'with a line break',
    'NONE',
    common('requestHeaders', { headerMutation: header('a', 'b\r\nc: d') }),
  ],
  [
    'mode override',
    'that is not allowed',
    'NONE',
    (_, right) => right.map((a) => ({ ...a, modeOverride: {} })),
  ],
  [
    'mode override',
    'in an answer to a body',
    'BUFFERED',
    onKind('requestBody', { requestBody: {}, modeOverride: {} }),
    { allowModeOverride: true },
  ],
  [
    'mode override',
    'in full duplex',
    'FULL_DUPLEX_STREAMED',
    onKind('requestHeaders', { requestHeaders: {}, modeOverride: {} }),
    { allowModeOverride: true },
  ],
  [
    'timeout override',
    'in an answer',
    'NONE',
    onKind('requestHeaders', {
      requestHeaders: {},
      overrideMessageTimeout: { seconds: 1 },
    } as never),
  ],
  [
    'metadata without namespace',
    'in an answer',
    'NONE',
    onKind('requestHeaders', {
      requestHeaders: {},
      dynamicMetadata: { fields: { a: { numberValue: 1 } } },
    }),
  ],
  [
    'trailers in answer',
    'to headers',
    'NONE',
    common('requestHeaders', { trailers: { headers: [{ key: 'a', value: '' }] } }),
  ],
  [
    'answer in observability mode',
    'to headers',
    'NONE',
    onKind('requestHeaders', { requestHeaders: {} }),
    { observability: true },
  ],
  [
    'error end',
    'to headers',
    'NONE',
    (_, __, ___, call) => {
      call.emit('error', { code: 13, details: 'broken' });
      return [];
    },
  ],
  [
    'lost body',
    'by a clean close',
    'FULL_DUPLEX_STREAMED',
    (kind, right, _, call) => {
      if (kind !== 'requestBody') return right;
      call.end();
      return [];
    },
  ],
];

/** Messages of the wire, in the shorthand that the tests speak: RH, RB, RT, SH, SB, ST. */
import type {
  BodyMode,
  HeaderMap,
  ProcessingRequest,
  ProcessingResponse,
} from '../../src/adapters/ext-proc/wire.js';
import { KINDS } from '../../src/adapters/ext-proc/wire.js';

type Fields = Readonly<Record<string, string>>;

/** Headers as Envoy sends them: bytes in `raw_value`. */
export function mapOf(fields: Fields): HeaderMap {
  const headers = Object.entries(fields).map(([key, value]) => ({
    key,
    rawValue: Buffer.from(value, 'latin1'),
  }));
  return { headers };
}

const REQUEST = { ':method': 'POST', ':path': '/v1/chat/completions', ':authority': 'llm.test' };

export function RH(fields: Fields = {}, endOfStream = false): ProcessingRequest {
  return { requestHeaders: { headers: mapOf({ ...REQUEST, ...fields }), endOfStream } };
}

export function RB(
  body: string | Buffer = '{"model":"m"}',
  endOfStream = false,
): ProcessingRequest {
  return { requestBody: { body: Buffer.from(body as string), endOfStream } };
}

export function RT(fields: Fields = {}): ProcessingRequest {
  return { requestTrailers: { trailers: mapOf(fields) } };
}

export function SH(status = 200, type = 'application/json', fields: Fields = {}, end = false) {
  const headers = mapOf({ ':status': String(status), 'content-type': type, ...fields });
  return { responseHeaders: { headers, endOfStream: end } } satisfies ProcessingRequest;
}

export function SB(body: string | Buffer, endOfStream = false): ProcessingRequest {
  return { responseBody: { body: Buffer.from(body as string), endOfStream } };
}

export function ST(fields: Fields = {}): ProcessingRequest {
  return { responseTrailers: { trailers: mapOf(fields) } };
}

/** The same messages, the first of which says the modes. */
export function inModes(
  requestBodyMode: BodyMode,
  responseBodyMode: BodyMode,
  [first, ...rest]: readonly ProcessingRequest[],
): ProcessingRequest[] {
  return [{ ...first, protocolConfig: { requestBodyMode, responseBodyMode } }, ...rest];
}

/** What kind of answer this is. */
export function answerKind(answer: ProcessingResponse): string {
  if (answer.immediateResponse != null) return 'immediateResponse';
  return KINDS.find((kind) => answer[kind] != null) ?? 'nothing';
}

/** A whole JSON answer of a model, with its usage. */
export const JSON_BODY = JSON.stringify({
  object: 'chat.completion',
  model: 'model-of-the-response',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Order.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
});

/** The events of a stream, in the order in which OpenAI sends them. */
export const SSE_EVENTS = [
  'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}\n\n',
  'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
  'data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
  'data: [DONE]\n\n',
];

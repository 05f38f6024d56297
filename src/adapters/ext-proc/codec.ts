/**
 * The codec: what came over the wire as events, and what was ordered as answers. Pure: it remembers
 * nothing, and what it must know of the stream it is given.
 *
 * Outside of streamed modes each message is owed one answer of its kind, whatever the machine makes
 * of it, late and duplicate messages too (field: A1). In streamed ones (FULL_DUPLEX_STREAMED, GRPC)
 * an answer is what was ordered to be forwarded, and what was absorbed has none (field: G2, E1).
 */
import type { Command, CommandType, Event, Status } from '../../../machines/events.js';
import { events, STATUSES } from '../../../machines/events.js';
import { headerOf } from './headers.js';
import type {
  BodyMode,
  CommonResponse,
  HttpBody,
  HttpHeaders,
  Kind,
  ProcessingMode,
  ProcessingRequest,
  ProcessingResponse,
  Struct,
} from './wire.js';
import { KINDS } from './wire.js';

/** The body modes of the halves; undefined where Envoy did not say, and nobody else did. */
export interface Modes {
  requestBody: BodyMode | undefined;
  responseBody: BodyMode | undefined;
}

/** The modes of a stream, which its first message says, if any (fault: F37); a later one is not asked. */
export function modesOf({ protocolConfig }: ProcessingRequest, unless: Partial<Modes>): Modes {
  if (protocolConfig == null) return { requestBody: undefined, responseBody: undefined, ...unless };
  const { requestBodyMode = 'NONE', responseBodyMode = 'NONE' } = protocolConfig;
  return { requestBody: requestBodyMode, responseBody: responseBodyMode };
}

/** Which of the six messages this is; undefined for an empty or an unknown one. */
export function kindOf(message: ProcessingRequest): Kind | undefined {
  // By hand: this runs for each message, and most are bodies.
  if (message.responseBody != null) return 'responseBody';
  if (message.requestBody != null) return 'requestBody';
  return KINDS.find((kind) => message[kind] != null);
}

/** Every list of events that a message can be. None is made anew. */
const NOTHING: Event[] = [];
const REQUEST_HEADERS = [events.requestHeaders];
const REQUEST_HEADERS_END = [events.requestHeaders, events.requestEnd];
const REQUEST_BODY = [events.requestBody];
const REQUEST_BODY_END = [events.requestBody, events.requestEnd];
const REQUEST_END = [events.requestEnd];
const REQUEST_TRAILERS = [events.requestTrailers];
const RESPONSE_BODY = [events.responseBody];
const RESPONSE_BODY_EMPTY = [events.responseBodyEmpty];
const RESPONSE_BODY_END = [events.responseBody, events.responseEnd];
const RESPONSE_END = [events.responseEnd];
const RESPONSE_TRAILERS = [events.responseTrailers];
const byStatus = (make: (status: Status) => Event[]) =>
  Object.fromEntries(STATUSES.map((status) => [status, make(status)])) as Record<Status, Event[]>;
const RESPONSE_HEADERS = byStatus((status) => [events.responseHeaders(status)]);
const RESPONSE_HEADERS_END = byStatus((status) => [
  events.responseHeaders(status),
  events.responseEnd,
]);

/** The events that a message is. An empty body that carries the end is an end and no body. */
export function eventsOf(message: ProcessingRequest, kind: Kind): readonly Event[] {
  switch (kind) {
    case 'requestHeaders':
      return message.requestHeaders?.endOfStream ? REQUEST_HEADERS_END : REQUEST_HEADERS;
    case 'requestBody': {
      const body = message.requestBody as HttpBody;
      if (!ends(body)) return REQUEST_BODY;
      return isEmpty(body) ? REQUEST_END : REQUEST_BODY_END;
    }
    case 'requestTrailers':
      return REQUEST_TRAILERS;
    case 'responseHeaders': {
      const headers = message.responseHeaders as HttpHeaders;
      if (isInterim(headers)) return NOTHING;
      const status = classOf(statusOf(headers));
      return headers.endOfStream ? RESPONSE_HEADERS_END[status] : RESPONSE_HEADERS[status];
    }
    case 'responseBody': {
      const body = message.responseBody as HttpBody;
      if (!ends(body)) return isEmpty(body) ? RESPONSE_BODY_EMPTY : RESPONSE_BODY;
      return isEmpty(body) ? RESPONSE_END : RESPONSE_BODY_END;
    }
    case 'responseTrailers':
      return RESPONSE_TRAILERS;
  }
}

/** Whether this is the last body message of its half. */
export function ends(body: HttpBody): boolean {
  return body.endOfStream === true || body.endOfStreamWithoutMessage === true;
}

function isEmpty({ body }: HttpBody): boolean {
  return body === undefined || body.length === 0;
}

/** The `:status` of a response, or undefined where there is none that HTTP knows. */
export function statusOf({ headers }: HttpHeaders): number | undefined {
  const text = headerOf(headers, ':status');
  return text !== undefined && /^[2-5]\d\d$/.test(text) ? Number(text) : undefined;
}

/** A 1xx is no response yet: it is passed on, and the response is still awaited. */
function isInterim({ headers }: HttpHeaders): boolean {
  return /^1\d\d$/.test(headerOf(headers, ':status') ?? '');
}

/** A response that does not say how it went is not one that went well. */
function classOf(status: number | undefined): Status {
  if (status === undefined || status >= 500) return 'failure';
  return status < 400 ? 'success' : 'refusal';
}

export function isStreamed(mode: BodyMode | undefined): boolean {
  return mode === 'FULL_DUPLEX_STREAMED' || mode === 'GRPC';
}

/** The body mode of the half that a message belongs to. */
export function modeOf(kind: Kind, modes: Modes): BodyMode | undefined {
  return isOfRequest(kind) ? modes.requestBody : modes.responseBody;
}

export function isOfRequest(kind: Kind): boolean {
  return kind === 'requestBody' || kind === 'requestHeaders' || kind === 'requestTrailers';
}

/** What an answer carries beyond its kind. */
export interface Extras {
  /** What the request's headers become, in the answer that is to say so. */
  readonly request?: CommonResponse | undefined;
  /** What the response's headers become, and how its body is to be shown. */
  readonly response?: CommonResponse | undefined;
  readonly modeOverride?: ProcessingMode | undefined;
  /** Goes with the last of the answers. */
  readonly metadata?: Struct | undefined;
}

/** One message, and what was ordered about it. */
export interface Turn {
  readonly message: ProcessingRequest;
  readonly kind: Kind;
  readonly modes: Modes;
  readonly commands: readonly Command[];
  /** The bodies of a streamed request that were held. */
  readonly held: readonly HttpBody[];
  readonly extras: Extras;
}

/** The answers to a message, in their order. */
export function answersOf(turn: Turn): ProcessingResponse[] {
  const { kind, modes, extras } = turn;
  const answers = isStreamed(modeOf(kind, modes))
    ? streamedAnswersOf(turn)
    : [plainAnswerOf(kind, extras)];
  const last = answers.length - 1;
  if (extras.metadata !== undefined && last >= 0) {
    answers[last] = { ...answers[last], dynamicMetadata: extras.metadata };
  }
  return answers;
}

const CONTINUE: CommonResponse = Object.freeze({});

/** The answers that say no more than that they are one. Most are, so none is made anew. */
const BARE: Readonly<Record<Kind, ProcessingResponse>> = {
  requestHeaders: Object.freeze({ requestHeaders: { response: CONTINUE } }),
  requestBody: Object.freeze({ requestBody: { response: CONTINUE } }),
  requestTrailers: Object.freeze({ requestTrailers: {} }),
  responseHeaders: Object.freeze({ responseHeaders: { response: CONTINUE } }),
  responseBody: Object.freeze({ responseBody: { response: CONTINUE } }),
  responseTrailers: Object.freeze({ responseTrailers: {} }),
};

/** The one answer that a message is owed outside of streamed modes. */
export function plainAnswerOf(kind: Kind, extras: Extras): ProcessingResponse {
  switch (kind) {
    case 'requestHeaders':
    case 'requestBody':
      return extras.request === undefined ? BARE[kind] : { [kind]: { response: extras.request } };
    case 'responseHeaders':
      return headersAnswerOf(extras);
    default:
      return BARE[kind];
  }
}

function headersAnswerOf({ response, modeOverride }: Extras): ProcessingResponse {
  if (response === undefined && modeOverride === undefined) return BARE.responseHeaders;
  const answer = { responseHeaders: { response: response ?? CONTINUE } };
  return modeOverride === undefined ? answer : { ...answer, modeOverride };
}

type Half = 'request' | 'response';
type BodyKind = 'requestBody' | 'responseBody';

function streamedAnswersOf(turn: Turn): ProcessingResponse[] {
  const answers: ProcessingResponse[] = [];
  const { responseHeaders } = turn.message;
  if (responseHeaders != null && isInterim(responseHeaders)) answers.push(BARE.responseHeaders);
  for (const { type } of turn.commands) forwarded(type, turn, answers);
  return answers;
}

/** What a command to forward adds to the answers of its half. */
function forwarded(type: CommandType, turn: Turn, answers: ProcessingResponse[]): void {
  switch (type) {
    case 'forwardRequestHeaders':
      answers.push({ requestHeaders: { response: turn.extras.request ?? CONTINUE } });
      break;
    case 'forwardHeldRequest':
      for (const body of turn.held) answers.push(streamed('requestBody', body));
      break;
    case 'forwardRequestBody':
      pass('requestBody', turn, answers);
      break;
    case 'forwardRequestTrailers':
      answers.push({ requestTrailers: {} });
      break;
    case 'endRequest':
      end('request', turn, answers);
      break;
    case 'forwardResponseHeaders':
      answers.push(headersAnswerOf(turn.extras));
      break;
    case 'forwardResponseBody':
      pass('responseBody', turn, answers);
      break;
    case 'forwardResponseTrailers':
      answers.push({ responseTrailers: {} });
      break;
    case 'endResponse':
      end('response', turn, answers);
      break;
  }
}

function streamed(kind: BodyKind, body: HttpBody): ProcessingResponse {
  const response = { bodyMutation: { streamedResponse: body } };
  // Not by a computed key, which would cost as much as the rest: this runs for each message.
  return kind === 'responseBody' ? { responseBody: { response } } : { requestBody: { response } };
}

/** A piece of a body, as it came. One that is empty and ends nothing says nothing (field: E6). */
function pass(kind: BodyKind, { message, modes }: Turn, answers: ProcessingResponse[]): void {
  const body = message[kind] as HttpBody;
  const isMessage = modes[kind] === 'GRPC';
  if (!isEmpty(body) || isMessage) answers.push(streamed(kind, body));
}

/**
 * The end goes as it came: with the last body, which has been answered then, or by an empty one of
 * its own, or with the trailers. An end that came with headers went with them.
 */
function end(half: Half, { message }: Turn, answers: ProcessingResponse[]): void {
  const kind: BodyKind = `${half}Body`;
  const body = message[kind];
  if (body != null && isEmpty(body)) answers.push(streamed(kind, body));
  const trailers = `${half}Trailers` as const;
  // Trailers that were held have not been forwarded by an order of their own.
  if (message[trailers] != null && answers.at(-1)?.[trailers] === undefined) {
    answers.push({ [trailers]: {} });
  }
}

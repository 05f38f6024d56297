/**
 * The alphabet: what can happen to an exchange (Event) and what it orders (Command).
 *
 * Both are finite. A payload (bytes, headers, a cause) never enters an event: whoever delivers the
 * event has the payload at hand when the commands come back. What the machine must tell apart is an
 * event of its own or a field with a closed list of values, so `EVENTS` and `COMMANDS` hold every
 * value there is, and an event's place in `EVENTS` is its code in the compiled table.
 */
import { type Alphabet, textOf } from './words.js';

export { type Alphabet, type Message, textOf } from './words.js';

/** How an exchange can turn out. The first terminal decides it, and nothing changes it afterwards. */
export const OUTCOMES = [
  'completed',
  'rejected',
  'cancelled',
  'upstreamFailed',
  'timedOut',
  'drained',
  'violated',
  'unknown',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Response status, by what it says of the exchange: 2xx-3xx, 4xx, 5xx. A 1xx is no response yet. */
export const STATUSES = ['success', 'refusal', 'failure'] as const;
export type Status = (typeof STATUSES)[number];

/** What the last event of a stream said: all went well, or an error object inside a 200. */
export const VERDICTS = ['succeeded', 'failed'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What a downstream close means for the upstream: stop it, or read it to its end for the bill. */
export const POLICIES = ['cancel', 'drain'] as const;
export type Policy = (typeof POLICIES)[number];

/**
 * What each deadline bounds:
 * `connect` reaching the upstream; `responseHeaders` the response headers, from the request's end;
 * `requestBody` the pause between two pieces of the request; `firstByte` the first byte of the
 * response body; `idle` the pause between two pieces of it; `progress` the pause between two pieces
 * that are more than a comment; `linger` the end of a response whose last event was seen; `stall` a
 * downstream that does not read; `total` the exchange; `drain` the exchange once the gateway shuts
 * down; `detach` reading on for a downstream that has gone (in time or in bytes); `settle` the
 * usage record.
 */
export const DEADLINES = [
  'connect',
  'responseHeaders',
  'requestBody',
  'firstByte',
  'idle',
  'progress',
  'linger',
  'stall',
  'total',
  'drain',
  'detach',
  'settle',
] as const;
export type Deadline = (typeof DEADLINES)[number];

/** What can be absorbed or healed and is counted, because a healthy peer does not do it. */
export const ANOMALIES = {
  duplicateHeaders: 'headers came again in a half that had them',
  duplicateEnd: 'the end came again in a half that had ended',
  bodyAfterEnd: 'a body chunk came in a half that had ended',
  trailersAfterEnd: 'trailers came in a half that had ended',
  lateHeaders: 'headers came after the outcome',
  lateBody: 'a body chunk came after the outcome',
  lateEnd: 'an end came after the outcome',
  lateTrailers: 'trailers came after the outcome',
  staleDeadline: 'a deadline expired that guards nothing any more',
  unasked: 'the adapter answered a question that was not asked',
  lingeringUpstream: 'the upstream did not end its response after the last event',
  usageUnsettled: 'the usage record was not written in time',
} as const;
export type Anomaly = keyof typeof ANOMALIES;

/** Why an event that changes nothing is expected, and so is not counted. */
export const REASONS = {
  toldBefore: 'the fact was told before',
  notStarted: 'nothing has been written downstream yet, so its pace says nothing',
  paused: 'the downstream does not read, so the upstream is paused and its pace says nothing',
  responseStarted: 'the response has started, so the rest of the request is not waited for',
  terminalSeen: 'the last event of the response was seen, so this can change nothing',
  detached: 'nobody is downstream any more',
  ignored: 'this gateway has no branch for it, and drops it in silence',
  over: 'the exchange has its outcome; what its peers do about that is expected',
} as const;
export type Reason = keyof typeof REASONS;

export type Event =
  | { readonly type: 'request.headers' }
  | { readonly type: 'request.routed' }
  | { readonly type: 'request.refused' }
  | { readonly type: 'request.body' }
  | { readonly type: 'request.end' }
  | { readonly type: 'request.trailers' }
  | { readonly type: 'upstream.connected' }
  | { readonly type: 'upstream.failed' }
  | { readonly type: 'response.headers'; readonly status: Status }
  | { readonly type: 'response.body'; readonly empty: boolean }
  | { readonly type: 'response.progress' }
  | { readonly type: 'response.terminal'; readonly verdict: Verdict }
  | { readonly type: 'response.end' }
  | { readonly type: 'response.trailers' }
  | { readonly type: 'downstream.blocked' }
  | { readonly type: 'downstream.ready' }
  | { readonly type: 'downstream.closed'; readonly policy: Policy }
  | { readonly type: 'transport.closed' }
  | { readonly type: 'gateway.failed' }
  | { readonly type: 'drain.started' }
  | { readonly type: 'deadline.expired'; readonly deadline: Deadline }
  | { readonly type: 'usage.read' }
  | { readonly type: 'usage.recorded' };
export type EventType = Event['type'];

export type Command =
  | { readonly type: 'holdRequestBody' }
  | { readonly type: 'holdRequestTrailers' }
  | { readonly type: 'forwardRequestHeaders' }
  | { readonly type: 'forwardHeldRequest' }
  | { readonly type: 'forwardRequestBody' }
  | { readonly type: 'forwardRequestTrailers' }
  | { readonly type: 'endRequest' }
  | { readonly type: 'cancelUpstream' }
  | { readonly type: 'pauseUpstream' }
  | { readonly type: 'resumeUpstream' }
  | { readonly type: 'forwardResponseHeaders' }
  | { readonly type: 'forwardResponseBody' }
  | { readonly type: 'forwardResponseTrailers' }
  | { readonly type: 'endResponse' }
  | { readonly type: 'answer'; readonly outcome: Outcome }
  | { readonly type: 'resetDownstream'; readonly outcome: Outcome }
  | { readonly type: 'openBuffer' }
  | { readonly type: 'bufferResponseBody' }
  | { readonly type: 'readUsage' }
  | { readonly type: 'recordUsage'; readonly outcome: Outcome }
  | { readonly type: 'releaseBuffer' }
  | { readonly type: 'startDeadline'; readonly deadline: Deadline }
  | { readonly type: 'stopDeadline'; readonly deadline: Deadline }
  | { readonly type: 'stopDeadlines' }
  | { readonly type: 'countAnomaly'; readonly anomaly: Anomaly };
export type CommandType = Command['type'];

const each = <V, M>(values: readonly V[], make: (value: V) => M): M[] => values.map(make);

/** Every event there is. The place of an event is its code. */
export const EVENTS: readonly Event[] = Object.freeze(
  (
    [
      { type: 'request.headers' },
      { type: 'request.routed' },
      { type: 'request.refused' },
      { type: 'request.body' },
      { type: 'request.end' },
      { type: 'request.trailers' },
      { type: 'upstream.connected' },
      { type: 'upstream.failed' },
      ...each(STATUSES, (status) => ({ type: 'response.headers' as const, status })),
      ...each([false, true], (empty) => ({ type: 'response.body' as const, empty })),
      { type: 'response.progress' },
      ...each(VERDICTS, (verdict) => ({ type: 'response.terminal' as const, verdict })),
      { type: 'response.end' },
      { type: 'response.trailers' },
      { type: 'downstream.blocked' },
      { type: 'downstream.ready' },
      ...each(POLICIES, (policy) => ({ type: 'downstream.closed' as const, policy })),
      { type: 'transport.closed' },
      { type: 'gateway.failed' },
      { type: 'drain.started' },
      ...each(DEADLINES, (deadline) => ({ type: 'deadline.expired' as const, deadline })),
      { type: 'usage.read' },
      { type: 'usage.recorded' },
    ] satisfies Event[]
  ).map((event) => Object.freeze(event)),
);

/** Every command there is. */
export const COMMANDS: readonly Command[] = Object.freeze(
  (
    [
      { type: 'holdRequestBody' },
      { type: 'holdRequestTrailers' },
      { type: 'forwardRequestHeaders' },
      { type: 'forwardHeldRequest' },
      { type: 'forwardRequestBody' },
      { type: 'forwardRequestTrailers' },
      { type: 'endRequest' },
      { type: 'cancelUpstream' },
      { type: 'pauseUpstream' },
      { type: 'resumeUpstream' },
      { type: 'forwardResponseHeaders' },
      { type: 'forwardResponseBody' },
      { type: 'forwardResponseTrailers' },
      { type: 'endResponse' },
      ...each(OUTCOMES, (outcome) => ({ type: 'answer' as const, outcome })),
      ...each(OUTCOMES, (outcome) => ({ type: 'resetDownstream' as const, outcome })),
      { type: 'openBuffer' },
      { type: 'bufferResponseBody' },
      { type: 'readUsage' },
      ...each(OUTCOMES, (outcome) => ({ type: 'recordUsage' as const, outcome })),
      { type: 'releaseBuffer' },
      ...each(DEADLINES, (deadline) => ({ type: 'startDeadline' as const, deadline })),
      ...each(DEADLINES, (deadline) => ({ type: 'stopDeadline' as const, deadline })),
      { type: 'stopDeadlines' },
      ...each(Object.keys(ANOMALIES) as Anomaly[], (anomaly) => ({
        type: 'countAnomaly' as const,
        anomaly,
      })),
    ] satisfies Command[]
  ).map((command) => Object.freeze(command)),
);

/** The words of the exchange. */
export const alphabet: Alphabet<Event, Command> = Object.freeze({
  events: EVENTS,
  commands: COMMANDS,
});

const codes = new Map<string, number>(EVENTS.map((event, code) => [textOf(event), code]));
const interned = new Map<Event, number>(EVENTS.map((event, code) => [event, code]));

/** Per type: the name of its field, if it has one, and the code of each value. */
const shapes = new Map<unknown, { field: string | undefined; codes: Map<unknown, number> }>();
for (const [code, event] of EVENTS.entries()) {
  const [field] = Object.keys(event).filter((key) => key !== 'type');
  if (!shapes.has(event.type)) shapes.set(event.type, { field, codes: new Map() });
  shapes.get(event.type)?.codes.set(fieldOf(event, field), code);
}

function fieldOf(event: object, field: string | undefined): unknown {
  return field === undefined ? undefined : (event as Record<string, unknown>)[field];
}

/**
 * The code of an event, or -1 for anything that the alphabet does not have. A member of `EVENTS` is
 * found by identity; any other object by its type and field, of which it may have no other.
 */
export function codeOf(event: Event): number {
  return interned.get(event) ?? codeOfShape(event);
}

function codeOfShape(event: unknown): number {
  if (typeof event !== 'object' || event === null) return -1;
  const shape = shapes.get((event as { type?: unknown }).type);
  const size = shape?.field === undefined ? 1 : 2;
  if (shape === undefined || Object.keys(event).length !== size) return -1;
  return shape.codes.get(fieldOf(event, shape.field)) ?? -1;
}

function sample<T extends EventType>(type: T, value?: string | boolean) {
  const text = value === undefined ? type : `${type}(${String(value)})`;
  return EVENTS[codes.get(text) as number] as Extract<Event, { type: T }>;
}

/** Constructors. Each gives the one frozen member of `EVENTS`, so nothing is allocated. */
export const events = {
  requestHeaders: sample('request.headers'),
  requestRouted: sample('request.routed'),
  requestRefused: sample('request.refused'),
  requestBody: sample('request.body'),
  requestEnd: sample('request.end'),
  requestTrailers: sample('request.trailers'),
  upstreamConnected: sample('upstream.connected'),
  upstreamFailed: sample('upstream.failed'),
  responseHeaders: (status: Status) => sample('response.headers', status),
  responseBody: sample('response.body', false),
  responseBodyEmpty: sample('response.body', true),
  responseProgress: sample('response.progress'),
  responseTerminal: (verdict: Verdict) => sample('response.terminal', verdict),
  responseEnd: sample('response.end'),
  responseTrailers: sample('response.trailers'),
  downstreamBlocked: sample('downstream.blocked'),
  downstreamReady: sample('downstream.ready'),
  downstreamClosed: (policy: Policy) => sample('downstream.closed', policy),
  transportClosed: sample('transport.closed'),
  gatewayFailed: sample('gateway.failed'),
  drainStarted: sample('drain.started'),
  deadlineExpired: (deadline: Deadline) => sample('deadline.expired', deadline),
  usageRead: sample('usage.read'),
  usageRecorded: sample('usage.recorded'),
} as const;

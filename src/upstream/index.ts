// A scripted OpenAI-compatible upstream: the default when there is no other, and the far end of
// tests.

export {
  describeFaults,
  FAULTS,
  type Fault,
  fault,
  NOT_SCRIPTED,
} from './faults.js';
export { type RawReply, rawExchange, rawRequest } from './raw.js';
export type {
  Closed,
  RecordedConnection,
  RecordedRequest,
  RequestTimes,
} from './record.js';
export { type RefusedPort, refusedPort } from './refused.js';
export {
  type Bytes,
  chunk,
  type Framing,
  type HeaderList,
  head,
  json,
  LAST_CHUNK,
  promisedBytes,
  promisedEnding,
  type Script,
  type Split,
  SSE_HEADERS,
  type SseEvent,
  type SseOptions,
  type Step,
  send,
  sse,
  sseText,
} from './script.js';
export { type Choose, startUpstream, type Upstream, type UpstreamOptions } from './server.js';

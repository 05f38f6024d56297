/** Why a usage is not known. The list is closed: a reader of the ledger may switch on it. */
export const UNKNOWN_REASONS = [
  'not_started', // no response of an upstream was there to read
  'no_body', // not one byte of body came
  'no_usage', // the response ended well and said no usage
  'error_body', // a JSON body that is an error object
  'in_band_error', // the stream carried an error and no usage before it
  'truncated', // the end came before a terminal event, or before the end of a JSON body
  'invalid_json',
  'invalid_usage', // a count that is not a plain integer between 0 and the cap
  'duplicate', // a key that we read stood twice in one object: readers would disagree
  'too_deep', // more than 64 open brackets
  'tap_overflow', // a line, event, body or inflated body passed its limit
  'budget', // the response buffers of the server had no room for the body
  'decode', // the content-encoding is bad, cut or not supported
  'not_recognised', // neither an event stream nor JSON
  'internal', // our own fault, caught beside the data path
] as const;

export type UnknownReason = (typeof UNKNOWN_REASONS)[number];

/** The API whose shape the content had. It comes from the events, never from the request. */
export type Dialect = 'chat' | 'completions' | 'embeddings' | 'responses' | 'messages' | 'ollama';

/**
 * Token counts, each exactly as the upstream said it; absent when it said none. `totalTokens` is
 * never derived and never repaired: a total that is not the sum is kept as said. In the Anthropic
 * dialect `inputTokens` leaves out what was read from or written to the cache; in the others
 * `cachedInputTokens` is a part of it.
 */
export interface TokenCounts {
  inputTokens?: number;
  outputTokens?: number;
  totalTokens?: number;
  cachedInputTokens?: number;
  cacheCreationInputTokens?: number;
  reasoningTokens?: number;
}

export interface UsageOrigin {
  dialect?: Dialect;
  /** At most 256 UTF-16 code units. */
  model?: string;
}

/**
 * What one exchange has used. `final`: the dialect's authoritative place was read. `partial`: a
 * lower bound, seen before the response broke off or before more was generated.
 */
export type Usage =
  | ({ kind: 'final' } & TokenCounts & UsageOrigin)
  | ({ kind: 'partial' } & TokenCounts & UsageOrigin)
  | ({ kind: 'unknown'; reason: UnknownReason } & UsageOrigin);

/** How the response itself said that it went. */
export type Verdict = 'succeeded' | 'failed';

/** Every limit of the observer. Over one the count is lost, never a byte of the response. */
export interface AccountingLimits {
  /** Bytes of one line of an event stream. Events of several MB (images) are legal. */
  lineBytesMax: number;
  /** Bytes of the data of one event. */
  eventBytesMax: number;
  /** Bytes of a JSON body, after inflating. */
  bodyBytesMax: number;
  /** Bytes that a compressed body may inflate to. */
  inflatedBytesMax: number;
  /** Inflated bytes per received byte, asked once more than 1 MiB came out. */
  inflateRatioMax: number;
  /** Received bytes that may wait for the inflater. */
  inflateQueueBytesMax: number;
  /** The largest count that is believed. */
  tokensMax: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: Readonly<AccountingLimits> = {
  lineBytesMax: 8 * MIB,
  eventBytesMax: 8 * MIB,
  bodyBytesMax: 16 * MIB,
  inflatedBytesMax: 64 * MIB,
  inflateRatioMax: 256,
  inflateQueueBytesMax: 4 * MIB,
  tokensMax: 1e12,
};

/** The longest string of a peer that is kept, in UTF-16 code units. */
export const PEER_TEXT_MAX = 256;

/** Cuts a peer's string to the length that is kept, never through a surrogate pair. */
export function capped(text: string): string {
  if (text.length <= PEER_TEXT_MAX) return text;
  const last = text.charCodeAt(PEER_TEXT_MAX - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? PEER_TEXT_MAX - 1 : PEER_TEXT_MAX);
}

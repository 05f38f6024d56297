/**
 * What to play, and what came of it: the two ends of playing Envoy for one exchange.
 *
 * A plan is the exchange as its client and its upstream see it, and how Envoy's filter is set up.
 */
import type { BodyMode, ImmediateResponse } from '../adapters/ext-proc/wire.js';
import type { StreamEnd } from './stream.js';

/** Names in lower case, pseudo-headers with their colon. */
export type Headers = Readonly<Record<string, string>>;

/** One half as its sender writes it. */
export interface Content {
  readonly headers: Headers;
  /**
   * No chunks and no trailers: the headers carry the end. Of an array the last chunk carries it; an
   * iterable is shown as it comes, and then the end in an empty body, since its last is not known.
   */
  readonly chunks?: readonly Buffer[] | AsyncIterable<Buffer>;
  readonly trailers?: Headers;
}

/** What the filter shows of an exchange. Envoy wants trailers shown where a body is full duplex. */
export interface Modes {
  readonly requestBody: BodyMode;
  readonly responseBody: BodyMode;
  /** Shown unless false. */
  readonly requestHeaders?: boolean;
  readonly responseHeaders?: boolean;
  /** Skipped unless true, as in Envoy; then nothing tells the server that the half has ended. */
  readonly requestTrailers?: boolean;
  readonly responseTrailers?: boolean;
}

/** What Envoys have done beyond their own text. */
export interface Quirks {
  /** After the end of a half comes a second one: in an empty body, or with the last bytes again. */
  readonly lateEnd?: {
    readonly request?: 'empty' | 'repeated';
    readonly response?: 'empty' | 'repeated';
  };
  /** Before each chunk comes a body message with nothing in it. */
  readonly emptyChunks?: boolean;
  /** The end comes in an empty body of its own, as behind a chunked HTTP/1.1 message. */
  readonly bareEnd?: boolean;
}

export interface Plan {
  readonly modes: Modes;
  /** Without it the response half comes alone, as a local reply of Envoy's does. */
  readonly request?: Content;
  /** A function is asked with what the upstream has received, which may not be all of it yet. */
  readonly response: Content | ((upstream: Received) => Content | Promise<Content>);
  /** When the upstream answers: once the request is complete (as usual), or has begun. */
  readonly respondAfter?: 'request' | 'requestHeaders';
  /** Tell the modes in the first message, as newer Envoys do. */
  readonly protocolConfig?: boolean;
  readonly observability?: boolean;
  readonly allowModeOverride?: boolean;
  readonly failureModeAllow?: boolean;
  /** Bodies go before the headers are answered. As usual: in full duplex and gRPC modes only. */
  readonly sendBodyWithoutWaiting?: boolean;
  /** How long an answer may take; 200 as in Envoy, 0 for ever. */
  readonly messageTimeoutMs?: number;
  /** How long nothing may happen at all; 300 000 as in Envoy. It ends what no timeout watches. */
  readonly idleTimeoutMs?: number;
  /** How much BUFFERED_PARTIAL shows at most; 1 MiB as in Envoy. */
  readonly bufferBytesMax?: number;
  /**
   * How Envoy closes: half-close and reset at once (as usual), a reset alone, or half-close and
   * wait for the server, whose end and last answers are seen then.
   */
  readonly close?: 'halfClose' | 'cancel' | 'graceful';
  /** How long a graceful close waits; 5000. */
  readonly closeTimeoutMs?: number;
  /** Aborted when the client goes away: Envoy resets the stream and says nothing. */
  readonly signal?: AbortSignal;
  readonly quirks?: Quirks;
}

/** What one end has received of its half. Headers are empty until they have come. */
export interface Received {
  readonly headers: Headers;
  readonly body: Buffer;
  readonly trailers?: Headers;
  readonly complete: boolean;
}

/** What a server can do wrong. A fault begins with one of these, and then says where. */
export type FaultName =
  | 'answer in observability mode'
  | 'body after end'
  | 'body before headers'
  | 'body mutation in headers'
  | 'content-length mismatch'
  | 'early end'
  | 'empty answer'
  | 'error end'
  | 'extra answer'
  | 'framing header'
  | 'header mutation in body'
  | 'hop-by-hop header'
  | 'immediate response to trailers'
  | 'late immediate response'
  | 'lost body'
  | 'malformed header'
  | 'malformed immediate response'
  | 'message timeout'
  | 'metadata without namespace'
  | 'missing answer'
  | 'mode override'
  | 'protected header'
  | 'pseudo-header'
  | 'replace in body'
  | 'stream left open'
  | 'streamed answer'
  | 'timeout override'
  | 'trailers in answer'
  | 'two answers in one'
  | 'unstreamed answer'
  | 'wrong answer'
  | 'wrong direction';

export interface Play {
  readonly upstream: Received;
  /** The status is undefined where the client got nothing. */
  readonly downstream: Received & { readonly status: number | undefined };
  readonly immediate: ImmediateResponse | undefined;
  /** By namespace, as plain values. */
  readonly dynamicMetadata: Readonly<Record<string, unknown>>;
  readonly messages: number;
  readonly answers: number;
  /** Every message and `<` every answer in the order in which they were seen; `.` marks an end. */
  readonly dialogue: readonly string[];
  /** `name: where`, each name a `FaultName`. */
  readonly faults: readonly string[];
  /** The server closed cleanly before the exchange was over, and Envoy went on without it. */
  readonly left: boolean;
  readonly timedOut: boolean;
  readonly end: StreamEnd | undefined;
}

/** Full duplex, with or without gRPC's messages: answers are as many as the server likes. */
export function isStreamed(mode: BodyMode): boolean {
  return mode === 'FULL_DUPLEX_STREAMED' || mode === 'GRPC';
}

/** Throws for what Envoy refuses to be configured with. */
export function checkPlan({ modes, observability = false }: Plan): void {
  const wrong =
    (isStreamed(modes.requestBody) && !modes.requestTrailers) ||
    (isStreamed(modes.responseBody) && !modes.responseTrailers);
  if (wrong && !observability) throw new Error('a full duplex body needs its trailers shown');
}

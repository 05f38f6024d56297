/**
 * The alphabet of the judge: the messages that an Envoy may send, each with what it shows to a
 * reader of the stream. What a message shows is said here by hand, so that the judge needs no
 * parser of its own to be wrong with.
 */
import type {
  HeaderMap,
  HttpBody,
  Kind,
  ProcessingRequest,
} from '../../src/adapters/ext-proc/wire.js';

export interface Counts {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/** What a response has told, once this message of it is there. */
export interface Shown {
  readonly counts?: Counts;
  readonly verdict?: 'completed' | 'upstreamFailed';
}

export type Half = 'request' | 'response';
export type Mode = 'BUFFERED' | 'FULL_DUPLEX_STREAMED';

export interface Message {
  readonly name: string;
  readonly kind: Kind;
  readonly end: boolean;
  readonly bytes: Buffer;
  /** Of response headers. */
  readonly status?: number;
  /** Of the first message; else the stream says nothing of its modes. */
  readonly mode?: Mode;
  readonly shown: Shown;
  /** It can only be known to be all once the body has ended: the answer to it may not tell yet. */
  readonly isJson: boolean;
  /** As the wire has it, in the exchange that its client calls `id`. */
  wire(id: string): ProcessingRequest;
}

export const halfOf = (kind: Kind): Half => (kind.startsWith('request') ? 'request' : 'response');

const NOTHING = Buffer.alloc(0);

function headerMap(headers: Record<string, string>): HeaderMap {
  return {
    headers: Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })),
  };
}

const named = (kind: string, facts: readonly (string | number | false | undefined)[]) => {
  const said = facts.filter((fact) => fact !== undefined && fact !== false);
  return said.length === 0 ? kind : `${kind}(${said.join(', ')})`;
};

export function requestHeaders({
  end = false,
  mode,
}: {
  end?: boolean;
  mode?: Mode;
} = {}): Message {
  return {
    name: named('RH', [mode?.toLowerCase(), end && 'end']),
    kind: 'requestHeaders',
    end,
    bytes: NOTHING,
    ...(mode && { mode }),
    shown: {},
    isJson: false,
    wire: (id) => ({
      requestHeaders: {
        headers: headerMap({
          ':method': 'POST',
          ':path': '/v1/chat/completions',
          'content-type': 'application/json',
          'x-request-id': id,
          traceparent: `00-${Buffer.from(id.padEnd(16)).toString('hex')}-0123456789abcdef-01`,
        }),
        endOfStream: end,
      },
      ...(mode && { protocolConfig: { requestBodyMode: mode, responseBodyMode: mode } }),
    }),
  };
}

export type ContentName = 'json' | 'sse';
const TYPES = { json: 'application/json', sse: 'text/event-stream; charset=utf-8' };

export function responseHeaders(status: number, content?: ContentName, end = false): Message {
  const headers = { ':status': `${status}`, ...(content && { 'content-type': TYPES[content] }) };
  return {
    name: named('SH', [status, content, end && 'end']),
    kind: 'responseHeaders',
    end,
    bytes: NOTHING,
    status,
    shown: {},
    isJson: false,
    wire: () => ({ responseHeaders: { headers: headerMap(headers), endOfStream: end } }),
  };
}

export interface Piece {
  readonly name: string;
  readonly text: string;
  readonly shown?: Shown;
  readonly isJson?: boolean;
}

function body(kind: 'requestBody' | 'responseBody', piece: Piece, end: boolean): Message {
  const bytes = Buffer.from(piece.text);
  return {
    name: named(kind === 'requestBody' ? 'RB' : 'SB', [piece.name, end && 'end']),
    kind,
    end,
    bytes,
    shown: piece.shown ?? {},
    isJson: piece.isJson ?? false,
    wire: () => ({ [kind]: { body: bytes, endOfStream: end } satisfies HttpBody }),
  };
}

export const requestBody = (piece: Piece, end = false) => body('requestBody', piece, end);
export const responseBody = (piece: Piece, end = false) => body('responseBody', piece, end);

function trailers(kind: 'requestTrailers' | 'responseTrailers', name: string): Message {
  return {
    name,
    kind,
    end: true,
    bytes: NOTHING,
    shown: {},
    isJson: false,
    wire: () => ({ [kind]: { trailers: headerMap({ 'x-checksum': '1' }) } }),
  };
}

export const requestTrailers = trailers('requestTrailers', 'RT');
export const responseTrailers = trailers('responseTrailers', 'ST');

/** A piece as two, cut behind the first `mark`; only the second shows what the whole does. */
export function cut(piece: Piece, mark: string, name = piece.name): [Piece, Piece] {
  const at = piece.text.indexOf(mark) + mark.length;
  const { shown = {}, isJson = false } = piece;
  return [
    { name: `${name} 1/2`, text: piece.text.slice(0, at) },
    { name: `${name} 2/2`, text: piece.text.slice(at), shown, isJson },
  ];
}

/** Pieces that come as one. */
export function joined(name: string, ...pieces: Piece[]): Piece {
  const shown = Object.assign({}, ...pieces.map((piece) => piece.shown)) as Shown;
  return { name, text: pieces.map(({ text }) => text).join(''), shown };
}

/** HTTP headers as a proxy sees them: what it must refuse, what it must not pass on. Pure. */
import type { Refusal } from '../answers.js';
import { tooLarge } from '../answers.js';
import type { Content } from '../bill.js';
import { lengthOf } from '../bill.js';
import type { GatewayConfig } from './config.js';

export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

/** What is known of a request from its head alone. */
export interface RequestFacts {
  /** Path and query, as they came. */
  readonly target: string;
  /** Name, value, name, value … of what is passed on. */
  readonly headers: string[];
  /** Whether a body follows; its length where it was told. */
  readonly hasBody: boolean;
  readonly length: number | undefined;
  /** The client said `TE: trailers`. */
  readonly trailersWelcome: boolean;
}

/** What is known of a request whose head was refused: not even its path can be believed. */
export const NO_FACTS: RequestFacts = {
  target: '',
  headers: [],
  hasBody: false,
  length: undefined,
  trailersWelcome: false,
};

/** RFC 9110 section 7.6.1: for one connection only, so never passed on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What `Connection` may not nominate: without these the message would mean something else. */
const END_TO_END = new Set(['host', 'authorization', 'content-length', 'content-type', 'date']);

/** Made anew for the upstream: its own host, and no promise that the gateway has already kept. */
const REPLACED = new Set(['host', 'expect', 'content-length']);

const REQUEST_GONE = new Set([...HOP_BY_HOP, ...REPLACED]);

/** A host and its port (RFC 3986 section 3.2.2), of letters that no parser reads as something else. */
const HOST = /^(\[[0-9a-f:.]+\]|[\w.~!$&'()*+;=%-]*)(:\d*)?$/i;

const DOT = /\.|%2e/i;
/** `.` or `..` between slashes, also where an upstream decodes them, or takes `\` for a slash. */
const DOT_SEGMENT = /(^|\/|\\|%2f|%5c)(\.|%2e){1,2}(\/|\\|%2f|%5c|$)/i;

type Limits = GatewayConfig['limits'];

/**
 * Reads a request's head, strictly: whatever two parsers might understand differently is refused
 * (SEC-01, RFC 9112 sections 3.2, 6.1 and 11.2). What `node:http` refuses by itself is not repeated
 * here. `strip` and `replace` are names in lower case.
 */
export function readHead(
  head: RequestHead,
  limits: Limits,
  strip: ReadonlySet<string>,
): RequestFacts | Refusal {
  const { rawHeaders, httpVersion } = head;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return { status: 505, code: 'http_version', message: 'The gateway speaks HTTP/1.1.' };
  }
  if (rawHeaders.length / 2 > limits.headersMax) return tooMany(rawHeaders.length / 2, limits);
  let host: string | undefined;
  let length: string | undefined;
  let transferEncoding: string | undefined;
  let connection = '';
  let te = '';
  const headers: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = rawHeaders[at + 1] as string;
    const key = name.toLowerCase();
    if (!REQUEST_GONE.has(key)) {
      if (!strip.has(key)) headers.push(name, value);
      continue;
    }
    if (key === 'host') {
      if (host !== undefined) return badRequest('host_twice', 'more than one Host header');
      host = value;
    } else if (key === 'content-length') length = value;
    else if (key === 'connection') connection += nominationOf(value);
    else if (key === 'te') te += `,${value}`;
    else if (key === 'transfer-encoding') {
      transferEncoding = transferEncoding === undefined ? value : `${transferEncoding},${value}`;
    }
  }
  const refusal = checkFraming(transferEncoding, httpVersion);
  if (refusal !== undefined) return refusal;
  const target = targetOf(head, host, limits);
  if (typeof target !== 'string') return target;
  const bytes = length === undefined ? undefined : Number(length);
  if (bytes !== undefined && bytes > limits.requestBytesMax)
    return tooLarge(limits.requestBytesMax);
  const chunked = transferEncoding !== undefined;
  if (bytes !== undefined && bytes > 0) headers.push('content-length', String(bytes));
  return {
    target,
    headers: connection === '' ? headers : withoutNominated(headers, connection),
    hasBody: chunked || (bytes ?? 0) > 0,
    length: chunked ? undefined : (bytes ?? 0),
    trailersWelcome: te !== '' && tokensOf(te).includes('trailers'),
  };
}

/** The headers of a response that are passed on, as they came. `names` in any case. */
export function passResponseHeaders(
  raw: readonly (Buffer | string)[],
  trailers: boolean,
): string[] {
  const headers: string[] = [];
  let connection = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = textOf(raw[at]);
    const key = name.toLowerCase();
    if (key === 'connection') connection += nominationOf(textOf(raw[at + 1]));
    if (HOP_BY_HOP.has(key) && !(trailers && key === 'trailer')) continue;
    headers.push(name, textOf(raw[at + 1]));
  }
  return connection === '' ? headers : withoutNominated(headers, connection);
}

/** Trailers that may be passed on: none that frames, routes or authenticates (RFC 9110 6.5.1). */
export function passTrailers(raw: readonly (Buffer | string)[]): [string, string][] {
  const forbidden =
    /^(content-|transfer-|trailer$|host$|authorization$|set-cookie$|cache-control$)/i;
  const trailers: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = textOf(raw[at]);
    if (HOP_BY_HOP.has(name.toLowerCase()) || forbidden.test(name)) continue;
    trailers.push([name, textOf(raw[at + 1])]);
  }
  return trailers;
}

/** The type, the encoding and the length of a response's body. */
export function contentOf(raw: readonly (Buffer | string)[]): Content {
  const content: { type?: string; encoding?: string; length?: number } = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    // The length tells them apart from nearly all others, without making text of their names.
    const { length } = raw[at] as Buffer | string;
    if (length !== 12 && length !== 14 && length !== 16) continue;
    const key = textOf(raw[at]).toLowerCase();
    if (key === 'content-type') content.type = textOf(raw[at + 1]);
    else if (key === 'content-encoding') content.encoding = textOf(raw[at + 1]);
    else if (key === 'content-length') {
      const told = lengthOf(textOf(raw[at + 1]));
      if (told !== undefined) content.length = told;
    }
  }
  return content;
}

/** The value of a header in a flat list, by its name in lower case. */
export function headerOf(headers: readonly string[], key: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if ((headers[at] as string).toLowerCase() === key) return headers[at + 1];
  }
  return undefined;
}

/** Whose fields are one list, in their order (W3C Trace Context 3.3, and Baggage 3.2). */
const LISTS: readonly string[] = ['tracestate', 'baggage'];

/** The value of a header that stands there once, or is a list, by its name in lower case. */
export function soleHeaderOf(headers: readonly string[], key: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    // The length tells nearly all others apart, without making a text of their names.
    if (name.length !== key.length || name.toLowerCase() !== key) continue;
    if (found !== undefined && !LISTS.includes(key)) return undefined;
    found = found === undefined ? headers[at + 1] : `${found},${headers[at + 1]}`;
  }
  return found;
}

export function badRequest(code: string, what: string): Refusal {
  return { status: 400, code, message: `The request has ${what}.` };
}

function tooMany(count: number, { headersMax }: Limits): Refusal {
  const message = `The request has ${count} headers; ${headersMax} are accepted.`;
  return { status: 431, code: 'too_many_headers', message };
}

function checkFraming(transferEncoding: string | undefined, httpVersion: string) {
  if (transferEncoding === undefined) return undefined;
  if (httpVersion === '1.0')
    return badRequest('transfer_encoding', 'Transfer-Encoding in HTTP/1.0');
  const codings = tokensOf(transferEncoding);
  if (codings.length === 1 && codings[0] === 'chunked') return undefined;
  if (codings.includes('')) return badRequest('transfer_encoding', 'an empty transfer coding');
  // RFC 9112 section 6.3: nobody can tell where such a body ends.
  if (codings.indexOf('chunked') !== codings.length - 1) {
    return badRequest('transfer_encoding', 'a transfer coding that does not end in chunked');
  }
  const message = `The transfer coding "${transferEncoding.slice(0, 64)}" is not supported.`;
  return { status: 501, code: 'transfer_encoding', message };
}

/** RFC 9112 section 3.2.2: an absolute form names the host, and `Host` must agree with it. */
function targetOf(head: RequestHead, host: string | undefined, limits: Limits): string | Refusal {
  const { url, httpVersion } = head;
  if (Buffer.byteLength(url) > limits.urlBytesMax) {
    const message = `The request target is longer than ${limits.urlBytesMax} bytes.`;
    return { status: 414, code: 'url_too_long', message };
  }
  if (DOT.test(url) && DOT_SEGMENT.test(url.split('?', 1)[0] as string)) {
    // An upstream that resolves these would serve another path than the one that was routed.
    return badRequest('dot_segments', 'dot segments in its path');
  }
  if (host === undefined && httpVersion !== '1.0') return badRequest('no_host', 'no Host header');
  if (host !== undefined && !HOST.test(host)) return badRequest('bad_host', 'a malformed Host');
  if (url.startsWith('/')) return url;
  const absolute = /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url) : undefined;
  if (absolute === undefined || absolute.username + absolute.password !== '') {
    return badRequest('request_target', 'a target that is not a path');
  }
  if (host !== undefined && absolute.host !== authorityOf(absolute.protocol, host)) {
    return badRequest('host_mismatch', 'a target whose host is not its Host header');
  }
  return absolute.pathname + absolute.search;
}

/** A host in one spelling: lower case, without the scheme's own port. */
function authorityOf(scheme: string, host: string): string | undefined {
  const url = `${scheme}//${host}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** A list's members in lower case. Only space and tab may stand around them (RFC 9110 5.6.1). */
function tokensOf(list: string): string[] {
  return list.split(',').map((token) => token.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
}

/** What `Connection` names beside the two options of its own, which nearly always stand alone. */
function nominationOf(value: string): string {
  return value === 'keep-alive' || value === 'close' ? '' : `,${value}`;
}

function withoutNominated(headers: string[], connection: string): string[] {
  const nominated = new Set(tokensOf(connection));
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const key = (headers[at] as string).toLowerCase();
    if (nominated.has(key) && !END_TO_END.has(key)) continue;
    kept.push(headers[at] as string, headers[at + 1] as string);
  }
  return kept;
}

function textOf(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part as Buffer).toString('latin1');
}

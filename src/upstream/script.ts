// A script says, byte by byte, what an upstream does with one request. It is plain data: a failing
// test can print its script as JSON, and anybody can play it again.

/** Bytes to send: text goes out as UTF-8, anything else is given in base64. */
export type Bytes = string | { base64: string };

/**
 * How one `send` is cut into writes: one write, one write per byte, pieces of a fixed number of
 * bytes, or pieces of 1 to 16 bytes drawn from a seed. Between two writes the event loop turns once
 * and Nagle's algorithm is off, so pieces arrive apart as far as TCP permits.
 */
export type Split = 'whole' | 'byte' | number | { seed: number };

/** One thing that an upstream does. Times are in milliseconds, sizes in bytes. */
export type Step =
  | { send: Bytes; split?: Split }
  | { wait: number }
  /** Goes on when the request's body has come whole. */
  | { awaitRequestEnd: true }
  /** Goes on when this many bytes of the request's body have come, or all of them. */
  | { awaitBody: number }
  /** Goes on when the test calls `signal(name)` on the request or the upstream. */
  | { awaitSignal: string }
  /**
   * Stops or resumes reading the socket: `false` makes the peer's upload back up. An upstream that
   * does not read cannot see its peer leave either.
   */
  | { reading: boolean }
  /** Does nothing until the connection is gone. */
  | { stall: true }
  /** Ends our side of the connection; the peer reads a clean end of file. */
  | { fin: true }
  /**
   * Resets the connection; the peer reads ECONNRESET. With `true`, a peer in this process gets a
   * turn to read what came before. With 'now' it does not, and libuv then shows it a plain end of
   * file: of bytes and a reset seen in one poll it reports the bytes and an end.
   */
  | { rst: true | 'now' }
  | { repeat: number | 'forever'; steps: Step[] };

/**
 * Steps begin when the request's headers have been read. A script that ends without `fin` or `rst`
 * leaves the connection open for the next request.
 */
export interface Script {
  steps: Step[];
  /** Applies to every `send` that has no `split` of its own. Default: 'whole'. */
  split?: Split;
}

/** How a response says where its body ends. */
export type Framing = 'length' | 'chunked' | 'close';

/** Header fields in the order they are sent; a name may come twice. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** One server-sent event: its fields, or a comment, or the exact text to send. */
export type SseEvent =
  | { event?: string; id?: string; data: unknown }
  | { comment: string }
  | string;

/**
 * A response with one body.
 *
 * @param body bytes as they are; a string as UTF-8; any other value as its JSON.
 */
export function json(
  status: number,
  headers: HeaderList,
  body: unknown,
  framing: Framing = 'length',
): Script {
  const payload = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const type = headers.some(([name]) => name.toLowerCase() === 'content-type');
  const all: HeaderList = type ? headers : [['content-type', 'application/json'], ...headers];
  const start = head(status, [...all, ...framingHeaders(framing, payload.length)]);
  const framed = framing === 'chunked' ? Buffer.concat([chunk(payload), LAST_CHUNK]) : payload;
  const steps: Step[] = [{ awaitRequestEnd: true }, send(Buffer.concat([start, framed]))];
  if (framing === 'close') steps.push({ fin: true });
  return { steps };
}

export interface SseOptions {
  /** Default: 'chunked', one chunk per event. */
  framing?: Framing;
  /** Default: '\n'. */
  lineEnd?: '\n' | '\r\n' | '\r';
  status?: number;
  /** Default: `content-type: text/event-stream; charset=utf-8` and `cache-control: no-cache`. */
  headers?: HeaderList;
  /** A pause before every event but the first, in milliseconds. Default: none. */
  delayMs?: number;
}

/** A response that streams events, one write for each. */
export function sse(events: readonly SseEvent[], options: SseOptions = {}): Script {
  const { framing = 'chunked', lineEnd = '\n', status = 200, headers = SSE_HEADERS } = options;
  const texts = events.map((event) => Buffer.from(sseText(event, lineEnd)));
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  const steps: Step[] = [
    { awaitRequestEnd: true },
    send(head(status, [...headers, ...framingHeaders(framing, length)])),
  ];
  for (const [index, text] of texts.entries()) {
    if (index > 0 && options.delayMs) steps.push({ wait: options.delayMs });
    steps.push(send(framing === 'chunked' ? chunk(text) : text));
  }
  if (framing === 'chunked') steps.push(send(LAST_CHUNK));
  if (framing === 'close') steps.push({ fin: true });
  return { steps };
}

export const SSE_HEADERS: HeaderList = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
];

/** The last chunk of a chunked body, with no trailers. */
export const LAST_CHUNK: Buffer = Buffer.from('0\r\n\r\n');

/** A status line and header fields, with the empty line that ends them. */
export function head(status: number, headers: HeaderList): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Status'}\r\n${lines}\r\n`);
}

/** One chunk of a chunked body. */
export function chunk(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
}

/** The step that sends these bytes: as text where they are UTF-8, in base64 where they are not. */
export function send(payload: string | Buffer): Step {
  if (typeof payload === 'string') return { send: payload };
  const text = payload.toString();
  return {
    send: Buffer.from(text).equals(payload) ? text : { base64: payload.toString('base64') },
  };
}

/** An event as it goes over the wire. Data that is not a string is sent as its JSON. */
export function sseText(event: SseEvent, lineEnd = '\n'): string {
  if (typeof event === 'string') return event;
  if ('comment' in event) return `: ${event.comment}${lineEnd}${lineEnd}`;
  const data = typeof event.data === 'string' ? event.data : JSON.stringify(event.data);
  const lines = data.split('\n').map((line) => `data: ${line}`);
  if (event.id !== undefined) lines.unshift(`id: ${event.id}`);
  if (event.event !== undefined) lines.unshift(`event: ${event.event}`);
  return lines.join(lineEnd) + lineEnd + lineEnd;
}

/** The bytes of one `send`. */
export function toBuffer(bytes: Bytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.base64, 'base64');
}

/**
 * Every byte that a script sends when it is played to its end.
 *
 * @param forever how many rounds a `repeat: 'forever'` counts for.
 */
export function promisedBytes(script: Script, forever = 1): Buffer {
  const gather = (steps: readonly Step[]): Buffer[] =>
    steps.flatMap((step) => {
      if ('send' in step) return [toBuffer(step.send)];
      if (!('repeat' in step)) return [];
      const round = Buffer.concat(gather(step.steps));
      return Array<Buffer>(step.repeat === 'forever' ? forever : step.repeat).fill(round);
    });
  return Buffer.concat(gather(script.steps));
}

/** How a script leaves the connection: ended, reset, silent, or ready for the next request. */
export function promisedEnding(script: Script): 'fin' | 'rst' | 'stall' | 'open' {
  const last = script.steps.at(-1);
  if (last === undefined) return 'open';
  if ('fin' in last) return 'fin';
  if ('rst' in last) return 'rst';
  if ('stall' in last || ('repeat' in last && last.repeat === 'forever')) return 'stall';
  return 'open';
}

function framingHeaders(framing: Framing, length: number): HeaderList {
  if (framing === 'length') return [['content-length', String(length)]];
  if (framing === 'chunked') return [['transfer-encoding', 'chunked']];
  return [['connection', 'close']];
}

const REASONS: Record<number, string> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

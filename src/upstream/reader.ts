// A strict reader of HTTP/1.1 requests. `node:http` could parse them too, but its sockets are not
// ours to write on, and a reader that forgives nothing is also a referee for the gateway before it.

/** A request line and its header fields, as they came. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Raw header lines in order, without their line ends. */
  readonly lines: readonly string[];
  /** Values by lower-case name; values of a repeated name are joined by ', '. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReaderEvents {
  head(head: RequestHead): void;
  body(bytes: Buffer): void;
  end(trailers: readonly string[]): void;
  /** The bytes are no HTTP/1.1 request. Nothing is read after this. */
  malformed(reason: string): void;
}

const HEAD_BYTES_MAX = 256 * 1024;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/(1\.[01])$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~]*)?$/;

type Want = 'head' | 'body' | 'chunkSize' | 'chunkData' | 'chunkEnd' | 'trailers' | 'nothing';

/** Feed it bytes; it calls back for each request, one after the other on one connection. */
export class RequestReader {
  readonly #events: ReaderEvents;
  #pending: Buffer = Buffer.alloc(0);
  #want: Want = 'head';
  #lines: string[] = [];
  #linesBytes = 0;
  #left = 0;

  constructor(events: ReaderEvents) {
    this.#events = events;
  }

  push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    try {
      while (this.#advance());
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#want = 'nothing';
      this.#events.malformed(error.message);
    }
  }

  /** Takes one element off the pending bytes. Says false when it needs more of them. */
  #advance(): boolean {
    switch (this.#want) {
      case 'head':
        return this.#readLines((lines) => this.#head(lines));
      case 'body':
        return this.#readBody(() => this.#finish([]));
      case 'chunkSize':
        return this.#readChunkSize();
      case 'chunkData':
        return this.#readBody(() => {
          this.#want = 'chunkEnd';
        });
      case 'chunkEnd': {
        const line = this.#line();
        if (line === undefined) return false;
        if (line !== '') throw new Malformed('a chunk is longer than its size');
        this.#want = 'chunkSize';
        return true;
      }
      case 'trailers':
        return this.#readLines((lines) => {
          for (const line of lines) field(line);
          this.#finish(lines);
        });
      case 'nothing':
        this.#pending = Buffer.alloc(0);
        return false;
    }
  }

  #head(lines: string[]): void {
    const [requestLine = '', ...fieldLines] = lines;
    const parts = REQUEST_LINE.exec(requestLine);
    if (parts === null) throw new Malformed(`bad request line ${JSON.stringify(requestLine)}`);
    const [, method = '', target = '', version = ''] = parts;
    const headers: Record<string, string> = Object.create(null);
    for (const line of fieldLines) {
      const [name, value] = field(line);
      if (name in headers && ONCE.has(name)) throw new Malformed(`${name} comes twice`);
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const body = bodyOf(headers, version);
    this.#want = body === 'chunked' ? 'chunkSize' : 'body';
    this.#left = body === 'chunked' ? 0 : body;
    this.#events.head({
      method,
      target,
      version: version === '1.0' ? '1.0' : '1.1',
      lines: fieldLines,
      headers,
    });
    if (body === 0) this.#finish([]);
  }

  #finish(trailers: readonly string[]): void {
    this.#want = 'head';
    this.#events.end(trailers);
  }

  #readBody(done: () => void): boolean {
    if (this.#pending.length === 0) return false;
    const part = this.#pending.subarray(0, this.#left);
    this.#pending = this.#pending.subarray(part.length);
    this.#left -= part.length;
    this.#events.body(part);
    if (this.#left === 0) done();
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    const size = CHUNK_SIZE.exec(line)?.[1];
    if (size === undefined) throw new Malformed(`bad chunk size ${JSON.stringify(line)}`);
    this.#left = Number.parseInt(size, 16);
    this.#want = this.#left === 0 ? 'trailers' : 'chunkData';
    return true;
  }

  /** Gathers lines up to the empty one, then hands them over. */
  #readLines(done: (lines: string[]) => void): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    if (line !== '') {
      this.#linesBytes += line.length + 2;
      if (this.#linesBytes > HEAD_BYTES_MAX) throw new Malformed('the header fields are too large');
      this.#lines.push(line);
      return true;
    }
    const lines = this.#lines;
    this.#lines = [];
    this.#linesBytes = 0;
    done(lines);
    return true;
  }

  #line(): string | undefined {
    const end = this.#pending.indexOf(0x0a);
    if (end === -1) {
      if (this.#pending.length > HEAD_BYTES_MAX) throw new Malformed('a line is too long');
      return undefined;
    }
    if (this.#pending[end - 1] !== 0x0d) throw new Malformed('a line ends in a bare LF');
    const line = this.#pending.toString('latin1', 0, end - 1);
    this.#pending = this.#pending.subarray(end + 1);
    if (/[\r\0]/.test(line)) throw new Malformed('a bare CR or a NUL in a line');
    return line;
  }
}

class Malformed extends Error {}

const ONCE = new Set(['content-length', 'transfer-encoding', 'host']);

function field(line: string): [name: string, value: string] {
  const parts = FIELD_LINE.exec(line);
  if (parts === null) throw new Malformed(`bad header line ${JSON.stringify(line)}`);
  return [(parts[1] ?? '').toLowerCase(), parts[2] ?? ''];
}

/** The length of the body, or 'chunked'. RFC 9112 section 6.3. */
function bodyOf(headers: Record<string, string>, version: string): number | 'chunked' {
  const { host, 'content-length': length, 'transfer-encoding': coding } = headers;
  if (version === '1.1' && host === undefined) throw new Malformed('no host');
  if (coding !== undefined) {
    if (length !== undefined) throw new Malformed('content-length beside transfer-encoding');
    if (version === '1.0') throw new Malformed('transfer-encoding in HTTP/1.0');
    if (coding.toLowerCase() !== 'chunked') throw new Malformed(`transfer-encoding ${coding}`);
    return 'chunked';
  }
  if (length === undefined) return 0;
  if (!/^[0-9]{1,15}$/.test(length)) throw new Malformed(`content-length ${length}`);
  return Number(length);
}

/**
 * The client's side of an exchange: what is written to it, and how it is told that a response is
 * not whole. FAULTS of framing live here, not of order.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { OwnAnswer } from '../answers.js';
import { headerOf } from './headers.js';

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);
const PRINTABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

export interface DownstreamLimits {
  /** How long, and how many bytes of, an upload is still read once its response is complete. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
  /** How long a client may take to read the rest of a response that is complete. */
  readonly stallMs: number;
}

export class Downstream {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #limits: DownstreamLimits;
  /** Bytes of body that were written, and how many the headers promise. */
  bytes = 0;
  #promised: number | undefined;
  /** The last bytes of the body, newest last: whether a stream stands at an event boundary. */
  #last = LF | (LF << 8);

  constructor(request: IncomingMessage, response: ServerResponse, limits: DownstreamLimits) {
    this.#request = request;
    this.#response = response;
    this.#limits = limits;
  }

  /** Where the headers are not out yet, they tell the client not to come back here. */
  endsConnection(): void {
    this.#response.shouldKeepAlive = false;
  }

  /** Writes the headers, together with whatever body comes in the same turn. */
  begin(status: number, statusText: string, headers: string[]): void {
    const length = headerOf(headers, 'content-length');
    this.#promised = length === undefined ? undefined : Number(length);
    // Of a reason that Node would refuse to write nobody reads anything either.
    const reason = PRINTABLE.test(statusText) ? statusText : '';
    this.#response.writeHead(status, reason, status === 204 ? lengthless(headers) : headers);
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const { writableEnded, destroyed } = this.#response;
    if (this.bytes > 0 || writableEnded || destroyed) return;
    try {
      // Not `flushHeaders` where it can be helped: it writes a value of eight-bit bytes as UTF-8.
      if (this.#hasBody()) this.#response.write(NOTHING);
      else this.#response.flushHeaders();
    } catch (error) {
      // Nobody is above us here: the response's own error tells the machine.
      this.#response.destroy(error as Error);
    }
  };

  /** Whether the client takes more now. */
  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    for (let at = Math.max(0, chunk.length - 4); at < chunk.length; at++) {
      this.#last = (this.#last << 8) | (chunk[at] as number);
    }
    return this.#response.write(chunk);
  }

  trailers(trailers: [string, string][]): void {
    this.#response.addTrailers(trailers);
  }

  /** The clean end, unless the headers promised more: then it cannot be clean. */
  end(): void {
    if (this.#promised !== undefined && this.bytes < this.#promised && this.#hasBody()) {
      this.abort(undefined);
      return;
    }
    this.#response.end();
    process.nextTick(this.#bound);
  }

  answer({ status, headers, body }: OwnAnswer): void {
    this.#response.writeHead(status, headers);
    this.#response.end(body);
    process.nextTick(this.#bound);
  }

  /**
   * Shows that the response is not whole (RFC 9112 section 8): no last chunk, fewer bytes than
   * promised, or, where only the connection's end ends the body, a reset. `lastWords` go first
   * where the body stands at an event boundary.
   */
  abort(lastWords: string | undefined): void {
    const { socket } = this.#response;
    if (socket === null || socket.destroyed) return;
    if (lastWords !== undefined && this.#promised === undefined && this.#atBoundary()) {
      this.#response.write(lastWords);
    }
    const framed = this.#promised !== undefined || this.#response.chunkedEncoding;
    const leave = () => (framed ? socket.destroySoon() : socket.resetAndDestroy());
    if (framed || socket.writableLength === 0) leave();
    else socket.write('', leave);
    this.#destroyAfter(socket, this.#limits.lingerMs);
  }

  /** Cuts the connection, whatever still waits to be written. */
  destroy(): void {
    this.#response.socket?.destroy();
  }

  /** The response is complete. What is left is to be read by the client, and sent by it, in time. */
  readonly #bound = (): void => {
    // The request's: a response that is written has let go of it.
    const { socket } = this.#request;
    if (socket.destroyed) return;
    if (socket.writableLength > 0) {
      const timer = setTimeout(() => socket.destroy(), this.#limits.stallMs).unref();
      this.#response.once('close', () => clearTimeout(timer));
    }
    if (this.#request.complete || this.#request.readableEnded) return;
    const timer = this.#destroyAfter(socket, this.#limits.lingerMs);
    const most = socket.bytesRead + this.#limits.lingerBytes;
    this.#request.on('data', () => {
      if (socket.bytesRead > most) socket.destroy();
    });
    this.#request.once('end', () => clearTimeout(timer));
    this.#request.resume();
  };

  #destroyAfter(socket: Socket, ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.once('close', () => clearTimeout(timer));
    return timer;
  }

  #hasBody(): boolean {
    const { statusCode } = this.#response;
    return this.#request.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304;
  }

  /** An empty line was the last: LF LF, CR LF CR LF or CR CR. */
  #atBoundary(): boolean {
    const [third, second, first] = [this.#last >> 16, this.#last >> 8, this.#last].map(
      (b) => b & 0xff,
    );
    if (first === LF) return second === LF || (second === CR && third === LF);
    return first === CR && second === CR;
  }
}

/** RFC 9110 section 8.6: 204 has no length, and an upstream that sends one does not bind us. */
function lengthless(headers: string[]): string[] {
  const isLength = (at: number) => (headers[at] as string).toLowerCase() === 'content-length';
  return headers.filter((_, at) => !isLength(at - (at % 2)));
}

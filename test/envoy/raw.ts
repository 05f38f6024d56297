/**
 * A client that writes gRPC's bytes by hand, for what a gRPC library will not do: frames that are
 * cut anywhere, lengths that lie, garbage, a half-close, a reset with a code of one's choice.
 *
 * Each `write` is a DATA frame of its own, unless the flow control of HTTP/2 cuts it further.
 */
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from 'node:http2';
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import type { ProcessingRequest, ProcessingResponse } from '../../src/adapters/ext-proc/wire.js';
import { service } from '../../src/adapters/ext-proc/wire.js';
import { Deframer } from '../../src/envoy/frames.js';

const { path, requestSerialize, responseDeserialize } = service.Process!;

/** A message as gRPC frames it, or as it should not. */
export interface Framing {
  /** What the prefix says the length is, where that is a lie. */
  readonly length?: number;
  /** The flag of the prefix; `gzip` also compresses the message. */
  readonly compressed?: boolean | 'gzip';
}

/** The bytes of a message with its prefix. Bytes in its place need be no message at all. */
export function framed(
  message: ProcessingRequest | Buffer,
  { length, compressed = false }: Framing = {},
): Buffer {
  const plain = Buffer.isBuffer(message) ? message : requestSerialize(message);
  const bytes = compressed === 'gzip' ? gzipSync(plain) : plain;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed === false ? 0 : 1);
  prefix.writeUInt32BE(length ?? bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** The bytes in pieces that begin at each of `cuts`. */
export function cut(bytes: Buffer, ...cuts: number[]): Buffer[] {
  const edges = [0, ...cuts, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

export interface RawEnd {
  /**
   * `status`: gRPC's status came. `reset`: RST_STREAM came instead. `bare`: the response ended with
   * neither. `lost`: the connection broke. `left`: we reset the stream ourselves.
   */
  readonly how: 'status' | 'reset' | 'bare' | 'lost' | 'left';
  /** gRPC's status, and its words. */
  readonly code: number | undefined;
  readonly details: string | undefined;
  readonly httpStatus: number | undefined;
  /** HTTP/2's error code of a reset. */
  readonly resetCode: number | undefined;
  readonly trailers: IncomingHttpHeaders;
}

export class RawStream {
  /** Every answer that came, in its order. */
  readonly answers: ProcessingResponse[] = [];
  /** Resolves, and never rejects, when the server has ended its side or the stream is no more. */
  readonly ended: Promise<RawEnd>;
  readonly #stream: ClientHttp2Stream;
  readonly #session: ClientHttp2Session;
  readonly #closed: Promise<void>;
  readonly #deframer = new Deframer();
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders = {};
  #over = false;
  #left = false;
  #waiting: (() => void)[] = [];

  constructor(session: ClientHttp2Session, headers: OutgoingHttpHeaders) {
    const stream = session.request(headers);
    this.#session = session;
    this.#stream = stream;
    stream.on('response', (headers) => {
      this.#headers = headers;
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('data', (bytes: Buffer) => {
      const messages = this.#deframer.take(bytes).map((message) => message.bytes);
      this.answers.push(...messages.map((message) => responseDeserialize(message) as never));
      this.#wake();
    });
    stream.on('error', () => {});
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
    this.ended = new Promise((resolve) => {
      const over = () => {
        this.#over = true;
        resolve(this.#end());
        this.#wake();
      };
      stream.on('close', over);
      // The server's end leaves our side open; a reset is told as an end too, and then as a close.
      stream.on('end', () => setImmediate(() => (stream.closed ? undefined : over())));
    });
  }

  /** One DATA frame. Resolves when it has left, or the stream is no more. */
  write(bytes: Buffer): Promise<void> {
    if (this.#stream.closed || this.#stream.destroyed) return Promise.resolve();
    const left = new Promise<void>((resolve) => this.#stream.write(bytes, () => resolve()));
    return Promise.race([left, this.#closed]);
  }

  /** A message as it should be. */
  send(message: ProcessingRequest): Promise<void> {
    return this.write(framed(message));
  }

  /** END_STREAM: no more messages come; answers still may. */
  halfClose(): void {
    this.#stream.end();
  }

  /** RST_STREAM with HTTP/2's code; 8 is CANCEL. */
  reset(code = 8): void {
    this.#left = true;
    this.#stream.close(code);
  }

  /** Reads no answer until it is told to. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Resolves when `ready` is true, which is asked after each answer, or the stream is over. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready() && !this.#over) await new Promise<void>((wake) => this.#waiting.push(wake));
  }

  /** Resolves with the answers once there are so many, or the stream is over. */
  async answered(count: number): Promise<readonly ProcessingResponse[]> {
    await this.until(() => this.answers.length >= count);
    return this.answers;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #end(): RawEnd {
    // A response of trailers alone has its status where headers are.
    const told = this.#trailers['grpc-status'] === undefined ? this.#headers : this.#trailers;
    const status = told['grpc-status'] as string | undefined;
    const { closed, rstCode } = this.#stream;
    const details = told['grpc-message'] as string | undefined;
    return {
      how: this.#how(status !== undefined),
      code: status === undefined ? undefined : Number(status),
      details: details === undefined ? undefined : decodeURIComponent(details),
      httpStatus: this.#headers[':status'] as number | undefined,
      resetCode: closed ? rstCode : undefined,
      trailers: told,
    };
  }

  #how(hasStatus: boolean): RawEnd['how'] {
    if (this.#left) return 'left';
    if (hasStatus) return 'status';
    if (this.#session.destroyed) return 'lost';
    return this.#stream.closed ? 'reset' : 'bare';
  }
}

/** A connection to a server on 127.0.0.1. */
export class RawConnection {
  readonly session: ClientHttp2Session;
  /** The code of the GOAWAY that the server sent, if it has. */
  goaway: number | undefined;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`);
    this.session.on('error', () => {});
    this.session.on('goaway', (code: number) => {
      this.goaway = code;
    });
  }

  /** Opens a stream, with headers in place of the usual ones; undefined leaves one out. */
  open(headers: OutgoingHttpHeaders = {}): RawStream {
    return new RawStream(this.session, {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  }

  /** Cuts the connection in the middle of whatever it carries. */
  cut(): void {
    this.session.destroy();
  }

  /** Resolves when nothing of it is left. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.session.destroyed) return resolve();
      this.session.on('close', resolve);
      this.session.destroy();
    });
  }
}

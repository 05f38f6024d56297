import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import type { RequestHead } from './reader.js';

/** How a connection went. */
export interface Closed {
  /** Who ended it first. A peer's FIN counts as leaving: no half-closed peer is served. */
  readonly by: 'peer' | 'us';
  /** For a request: its script was played to the end. For a connection: all its scripts were. */
  readonly complete: boolean;
  /** `performance.now()` at the moment the upstream learned of it. */
  readonly at: number;
}

/** One request as the upstream saw it. It fills in while the exchange runs. */
export interface RecordedRequest extends RequestHead {
  /** 0 for the first request that this upstream received. */
  readonly id: number;
  readonly connection: RecordedConnection;
  /** The body so far, without its framing. */
  readonly body: Buffer;
  readonly bodyBytes: number;
  /** The whole body has come. */
  readonly complete: boolean;
  /** Raw trailer lines of a chunked request. */
  readonly trailers: readonly string[];
  readonly times: RequestTimes;
  /** Bytes of the response that the kernel has taken. */
  readonly written: number;
  /** Bytes of the response that it has not taken yet: above 0, the peer is not reading. */
  readonly backlog: number;
  /** Settles with true when the body has come whole, with false when the peer left before. */
  readonly ended: Promise<boolean>;
  /** Settles the first time that the kernel would not take what was written. */
  readonly backedUp: Promise<void>;
  /** Settles with true when the script was played, with false when the connection went first. */
  readonly answered: Promise<boolean>;
  /** Settles when the connection is gone. */
  readonly closed: Promise<Closed>;
  /** Lets `{ awaitSignal: name }` go on, now or when the script comes to it. */
  signal(name: string): void;
}

/** `performance.now()` of what has happened so far. */
export interface RequestTimes {
  readonly headers: number;
  readonly end?: number;
  readonly firstWrite?: number;
  readonly lastWrite?: number;
}

export interface RecordedConnection {
  /** 0 for the first connection that this upstream accepted. */
  readonly id: number;
  /** In order of arrival: more than one means that the peer reused the connection. */
  readonly requests: readonly RecordedRequest[];
  readonly openedAt: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Why the peer's bytes were refused, when they were no HTTP/1.1 request. */
  readonly malformed: string | undefined;
  readonly closed: Promise<Closed>;
}

/** The writable side of a record: the connection fills it in. */
export class RequestRecord implements RecordedRequest {
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly lines: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: RecordedConnection;
  readonly times: { -readonly [K in keyof RequestTimes]: RequestTimes[K] };
  readonly ended: Promise<boolean>;
  readonly backedUp: Promise<void>;
  readonly answered: Promise<boolean>;
  readonly closed: Promise<Closed>;
  bodyBytes = 0;
  complete = false;
  trailers: readonly string[] = [];
  written = 0;
  settleEnded!: (whole: boolean) => void;
  settleAnswered!: (whole: boolean) => void;
  settleClosed!: (closed: Closed) => void;

  readonly #socket: Socket;
  readonly #progress = new EventEmitter();
  readonly #signals = new Set<string>();
  #settleBackedUp!: () => void;
  #parts: Buffer[] = [];

  constructor(id: number, head: RequestHead, connection: RecordedConnection, socket: Socket) {
    this.id = id;
    this.method = head.method;
    this.target = head.target;
    this.version = head.version;
    this.lines = head.lines;
    this.headers = head.headers;
    this.connection = connection;
    this.#socket = socket;
    this.times = { headers: performance.now() };
    this.ended = new Promise((resolve) => {
      this.settleEnded = resolve;
    });
    this.backedUp = new Promise((resolve) => {
      this.#settleBackedUp = resolve;
    });
    this.answered = new Promise((resolve) => {
      this.settleAnswered = resolve;
    });
    this.closed = new Promise((resolve) => {
      this.settleClosed = resolve;
    });
  }

  get body(): Buffer {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  signal(name: string): void {
    this.#signals.add(name);
    this.#progress.emit('progress');
  }

  addBody(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.bodyBytes += bytes.length;
    this.#progress.emit('progress');
  }

  endBody(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.complete = true;
    this.times.end = performance.now();
    this.settleEnded(true);
    this.#progress.emit('progress');
  }

  /** Writes a piece of the response; settles when the kernel has taken it. */
  async write(piece: Buffer, gone: AbortSignal): Promise<void> {
    this.times.firstWrite ??= performance.now();
    await new Promise<void>((resolve) => {
      this.#socket.write(piece, () => resolve());
      if (this.#socket.writableLength > 0) this.#settleBackedUp();
    });
    gone.throwIfAborted();
    this.written += piece.length;
    this.times.lastWrite = performance.now();
  }

  /** Waits until `reached` holds; asks again whenever the request makes progress. */
  async until(reached: (request: RequestRecord) => boolean, gone: AbortSignal): Promise<void> {
    while (!reached(this)) await once(this.#progress, 'progress', { signal: gone });
  }

  hasSignal(name: string): boolean {
    return this.#signals.has(name);
  }
}

import type { Socket } from 'node:net';
import { play } from './player.js';
import { type RequestHead, RequestReader } from './reader.js';
import type { Closed, RecordedConnection, RecordedRequest } from './record.js';
import { RequestRecord } from './record.js';
import { json, promisedBytes, type Script } from './script.js';

/** What a connection asks of the upstream that accepted it. */
export interface ConnectionHost {
  nextRequestId(): number;
  recorded(request: RequestRecord): void;
  /** Chooses what to do with a request. Rejects when `gone` aborts first. */
  choose(request: RequestRecord, gone: AbortSignal): Promise<Script>;
}

/** One accepted socket: reads requests, plays a script for each in turn, and keeps the record. */
export class Connection implements RecordedConnection {
  readonly id: number;
  readonly requests: RequestRecord[] = [];
  readonly openedAt = performance.now();
  readonly closed: Promise<Closed>;
  malformed: string | undefined;

  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #gone = new AbortController();
  readonly #waiting: RequestRecord[] = [];
  #reading: RequestRecord | undefined;
  #serving: RequestRecord | undefined;
  #allPlayed = true;
  #endedBy: 'peer' | 'us' | undefined;
  #settleClosed!: (closed: Closed) => void;

  constructor(id: number, socket: Socket, host: ConnectionHost) {
    this.id = id;
    this.#socket = socket;
    this.#host = host;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const reader = new RequestReader({
      head: (head) => this.#head(head),
      body: (bytes) => this.#reading?.addBody(bytes),
      end: (trailers) => this.#reading?.endBody(trailers),
      malformed: (reason) => this.#refuse(reason),
    });
    socket.setNoDelay(true);
    socket.on('data', (bytes) => reader.push(bytes));
    socket.on('end', () => this.#peerEnded());
    // A reset is followed by 'close', which tells the same and always comes.
    socket.on('error', () => {});
    socket.on('close', () => this.#settle(this.#endedBy ?? 'peer'));
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#endedBy ??= 'us';
    this.#socket.destroy();
  }

  /** Forgets the oldest request, so that a long life does not mean a long memory. */
  forget(request: RequestRecord): void {
    const index = this.requests.indexOf(request);
    if (index !== -1) this.requests.splice(index, 1);
  }

  #head(head: RequestHead): void {
    const request = new RequestRecord(this.#host.nextRequestId(), head, this, this.#socket);
    this.#reading = request;
    this.requests.push(request);
    this.#waiting.push(request);
    this.#host.recorded(request);
    if (this.#serving === undefined) void this.#serve();
  }

  /** Pipelined requests wait here: responses leave in the order the requests came. */
  async #serve(): Promise<void> {
    for (;;) {
      const request = this.#waiting.shift();
      this.#serving = request;
      if (request === undefined || this.#endedBy !== undefined) return;
      await this.#answer(request);
    }
  }

  async #answer(request: RequestRecord): Promise<void> {
    const gone = this.#gone.signal;
    try {
      const script = await this.#host.choose(request, gone);
      await play(script, {
        gone,
        write: (piece) => request.write(piece, gone),
        awaitRequestEnd: () => request.until(({ complete }) => complete, gone),
        awaitBody: (bytes) =>
          request.until(({ complete, bodyBytes }) => complete || bodyBytes >= bytes, gone),
        awaitSignal: (name) => request.until((it) => it.hasSignal(name), gone),
        reading: (on) => void (on ? this.#socket.resume() : this.#socket.pause()),
        fin: () => this.#fin(),
        rst: () => this.#rst(),
      });
      request.settleAnswered(true);
    } catch (error) {
      request.settleAnswered(false);
      this.#allPlayed = false;
      if (gone.aborted) return;
      // A script function that throws is a bug in a test: the test's client must not hang on it.
      this.destroy();
      throw error;
    }
    if (this.#endedBy === undefined && wantsClose(request)) this.#fin();
  }

  #fin(): void {
    this.#endedBy ??= 'us';
    // Only our side ends. The rest of an upload is still read, because closing a socket that has
    // unread bytes would turn this FIN into a reset.
    this.#socket.end();
    this.#socket.resume();
  }

  #rst(): void {
    this.#endedBy ??= 'us';
    this.#socket.resetAndDestroy();
  }

  #peerEnded(): void {
    if (this.#endedBy !== undefined || this.#serving === undefined) {
      this.#endedBy ??= 'peer';
      this.#socket.end();
    } else {
      this.#endedBy = 'peer';
      this.#socket.destroy();
    }
    this.#settle(this.#endedBy);
  }

  #refuse(reason: string): void {
    this.malformed = reason;
    this.#endedBy ??= 'us';
    // An answer that has begun cannot turn into a 400.
    if (this.#serving !== undefined && this.#serving.written > 0) {
      this.#socket.destroy();
      return;
    }
    const error = { message: reason, type: 'invalid_request_error', param: null, code: null };
    this.#socket.end(promisedBytes(json(400, [['connection', 'close']], { error })));
  }

  #settle(by: 'peer' | 'us'): void {
    if (this.#gone.signal.aborted) return;
    const unanswered = new Set(this.#waiting);
    if (this.#serving !== undefined) unanswered.add(this.#serving);
    const at = performance.now();
    // A request may have been forgotten before it was answered.
    for (const request of new Set([...this.requests, ...unanswered])) {
      request.settleEnded(false);
      request.settleClosed({ by, complete: !unanswered.has(request), at });
    }
    const complete = this.#allPlayed && this.#serving === undefined;
    this.#settleClosed({ by, complete, at });
    this.#gone.abort(new Error('the connection is gone'));
  }
}

function wantsClose(request: RecordedRequest): boolean {
  const options = (request.headers.connection ?? '').toLowerCase().split(/[ \t]*,[ \t]*/);
  if (options.includes('close')) return true;
  return request.version === '1.0' && !options.includes('keep-alive');
}

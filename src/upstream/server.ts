import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { answer } from './api.js';
import { Connection, type ConnectionHost } from './connection.js';
import type { Speech } from './endpoint.js';
import { awaitFaultName, noSuchFault } from './faults.js';
import type { RecordedConnection, RecordedRequest, RequestRecord } from './record.js';
import type { Script } from './script.js';

/**
 * Chooses a script when the headers of a request have come; it may await more of the request.
 * With undefined the upstream behaves well.
 */
export type Choose = (request: RecordedRequest) => Script | undefined | Promise<Script | undefined>;

export interface UpstreamOptions {
  /** Default: '127.0.0.1'. */
  host?: string;
  /** Default: 0, which takes a free port. */
  port?: number;
  /** The same seed and the same requests give the same bytes. Default: 1. */
  seed?: number;
  /** A pause before each streamed event, in milliseconds. Default: 0. */
  tokenDelayMs?: number;
  /** Default: the well-behaved API, and the faults that a request names (see `FAULTS`). */
  script?: Script | Choose;
  /** What `/v1/models` lists. Requests may name any model. */
  models?: readonly string[];
  /** How many requests, and how many connections, stay on record. Default: 10 000. */
  recordMax?: number;
}

/** A running upstream. */
export interface Upstream {
  /** Origin without a trailing slash, such as 'http://127.0.0.1:40123'. */
  readonly url: string;
  readonly port: number;
  /** The newest `recordMax` requests, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** The newest `recordMax` connections, oldest first. */
  readonly connections: readonly RecordedConnection[];
  /** The oldest request that no earlier call has returned, or the first one yet to come. */
  nextRequest(): Promise<RecordedRequest>;
  /** Lets `{ awaitSignal: name }` go on in every request on record. */
  signal(name: string): void;
  /** Stops listening, drops every connection and settles when all of them are gone. */
  close(): Promise<void>;
}

/** Starts an upstream and settles when it listens. Rejects when it cannot, as with EADDRINUSE. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { host = '127.0.0.1', port = 0 } = options;
  const recorder = new Recorder(options);
  // Half-open sockets are allowed because scripts decide when our side ends.
  const server = createServer({ allowHalfOpen: true }, (socket) => recorder.accept(socket));
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const authority = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${authority}:${address.port}`,
    port: address.port,
    requests: recorder.requests,
    connections: recorder.connections,
    nextRequest: () => recorder.nextRequest(),
    signal: (name) => {
      for (const request of recorder.requests) request.signal(name);
    },
    close: () => close(server, recorder),
  };
}

async function close(server: Server, recorder: Recorder): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  recorder.close();
  await closed;
}

interface Waiter {
  resolve(request: RecordedRequest): void;
  reject(error: Error): void;
}

class Recorder implements ConnectionHost {
  readonly requests: RequestRecord[] = [];
  readonly connections: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #script: Script | Choose | undefined;
  readonly #speech: Speech;
  readonly #recordMax: number;
  readonly #waiters: Waiter[] = [];
  #requestCount = 0;
  #connectionCount = 0;
  /** The id of the next request that `nextRequest` hands out. */
  #unseen = 0;

  constructor(options: UpstreamOptions) {
    this.#script = options.script;
    this.#recordMax = options.recordMax ?? 10_000;
    this.#speech = {
      seed: options.seed ?? 1,
      tokenDelayMs: options.tokenDelayMs ?? 0,
      models: options.models ?? ['interlock-small', 'interlock-large'],
    };
  }

  accept(socket: Socket): void {
    const connection = new Connection(this.#connectionCount, socket, this);
    this.#connectionCount += 1;
    this.#open.add(connection);
    void connection.closed.then(() => this.#open.delete(connection));
    this.connections.push(connection);
    if (this.connections.length > this.#recordMax) this.connections.shift();
  }

  nextRequestId(): number {
    this.#requestCount += 1;
    return this.#requestCount - 1;
  }

  recorded(request: RequestRecord): void {
    this.requests.push(request);
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve(this.#see(request));
    if (this.requests.length <= this.#recordMax) return;
    const oldest = this.requests.shift();
    if (oldest?.connection instanceof Connection) oldest.connection.forget(oldest);
  }

  async choose(request: RequestRecord, gone: AbortSignal): Promise<Script> {
    const script = this.#script;
    const chosen = typeof script === 'function' ? await script(request) : script;
    if (chosen !== undefined) return chosen;
    if (/^100-continue$/i.test(request.headers.expect ?? '')) {
      await request.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), gone);
    }
    const fault = await awaitFaultName(request, gone);
    if (fault !== undefined) return fault.script ?? noSuchFault(fault.name);
    await request.until(({ complete }) => complete, gone);
    return answer(request, this.#speech);
  }

  nextRequest(): Promise<RecordedRequest> {
    const unseen = this.requests.find((request) => request.id >= this.#unseen);
    if (unseen !== undefined) return Promise.resolve(this.#see(unseen));
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  close(): void {
    for (const waiter of this.#waiters.splice(0))
      waiter.reject(new Error('the upstream is closed'));
    for (const connection of this.#open) connection.destroy();
  }

  #see(request: RecordedRequest): RecordedRequest {
    this.#unseen = request.id + 1;
    return request;
  }
}

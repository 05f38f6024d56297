/**
 * The server of the bug, on the real wire (field: A1): the endpoint of the right server, with a
 * `LegacyHandler` behind it for each exchange.
 */
import { randomBytes } from 'node:crypto';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Ledger } from '../../accounting/ledger.js';
import type { Watch } from '../../observe/watch.js';
import type { TraceSink } from '../../trace.js';
import type { Observers } from '../observers.js';
import type { Warn } from '../warnings.js';
import { guarded, warnOnStderr } from '../warnings.js';
import type { Call } from './conversation.js';
import type { EndpointLimits } from './endpoint.js';
import { Endpoint } from './endpoint.js';
import type { LegacyShared } from './legacy-handler.js';
import { LegacyHandler } from './legacy-handler.js';
import type { ProcessingRequest } from './wire.js';

const LIMITS: EndpointLimits = { messageBytesMax: 16 * 1024 * 1024, streamsMax: 10_000 };
const DRAIN_MS = 30_000;

/** Each record of `trace` and each row of `watch` is of a run of the legacy machine. */
export interface LegacyServerOptions extends Pick<Observers, 'trace' | 'watch'> {
  /** Where the usage records go. The caller closes it, after the server. */
  readonly ledger: Ledger;
  /** Told, for people, what went wrong inside. Default: a line on stderr. */
  readonly warn?: Warn | undefined;
  readonly limits?: EndpointLimits | undefined;
}

export class LegacyServer implements LegacyShared {
  readonly ledger: Ledger;
  readonly trace: TraceSink | undefined;
  readonly watch: Watch | undefined;
  readonly warn: Warn;
  readonly buffers = new Map<string, Buffer>();
  readonly #endpoint: Endpoint;
  readonly #live = new Set<LegacyHandler>();
  readonly #boot = randomBytes(6).toString('hex');
  #address = '';
  #count = 0;
  #idle: (() => void)[] = [];

  constructor(options: LegacyServerOptions) {
    const { ledger, trace, watch, warn = warnOnStderr, limits = LIMITS } = options;
    this.ledger = ledger;
    this.trace = trace && guarded(trace, warn);
    this.watch = watch;
    this.warn = warn;
    this.#endpoint = new Endpoint(limits, (call) => this.#serve(call));
  }

  /** Binds `host:port` (port 0: a free one) or `unix:path`. Rejects with the system's error. */
  async listen(address: string, credentials = ServerCredentials.createInsecure()): Promise<void> {
    this.#address = await this.#endpoint.listen(address, credentials);
  }

  /** Answers health checks, and nothing else, at another address too. Gives what was bound. */
  listenHealth(address: string): Promise<string> {
    return this.#endpoint.listenHealth(address, ServerCredentials.createInsecure());
  }

  /** What was bound last: `host:port`, or `unix:path`. */
  get address(): string {
    return this.#address;
  }

  /** How many streams are open. Whether their exchanges are processed it cannot say. */
  get inFlight(): number {
    return this.#live.size;
  }

  /** Tells each connection that it is to be the last; resolves when no stream is open. */
  async drain(): Promise<void> {
    this.#endpoint.drain(DRAIN_MS);
    await this.#allClosed();
  }

  /** Lets go of every stream. */
  cut(): void {
    this.#endpoint.close();
  }

  /** The same; resolves when the last stream is closed. */
  async close(): Promise<void> {
    this.cut();
    await this.#allClosed();
  }

  #serve(call: Call): void {
    const handler = new LegacyHandler(this, `${this.#boot}-${this.#count++}`, call);
    this.#live.add(handler);
    call.on('data', (message: ProcessingRequest) => handler.receive(message));
    call.on('end', () => call.end());
    call.on('error', () => {});
    // However a stream ends, this is told, and it is told last.
    call.on('close', () => {
      handler.closed();
      this.#live.delete(handler);
      if (this.#live.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #allClosed(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}

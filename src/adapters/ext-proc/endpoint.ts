/**
 * A gRPC server with the ext_proc service and health checking, on addresses. What is done with a
 * stream is for its handler to say.
 */
import type { ServerCredentials, ServerOptions } from '@grpc/grpc-js';
import { Server } from '@grpc/grpc-js';
import type { ServingStatus } from 'grpc-health-check';
import { HealthImplementation } from 'grpc-health-check';
import type { Call } from './conversation.js';
import { Listener } from './listener.js';
import { SERVICE_NAME, service } from './wire.js';

/** The names that health is asked for by. */
export const HEALTH_NAMES = ['', 'liveness', 'readiness', SERVICE_NAME] as const;

export interface EndpointLimits {
  readonly messageBytesMax: number;
  readonly streamsMax: number;
}

/** A timer that is set for longer fires at once. */
const TIMER_MAX = 2_147_483_647;

export class Endpoint {
  readonly #server: Server;
  readonly #healthServer = new Server();
  readonly #health: HealthImplementation;
  readonly #listeners: Listener[] = [];
  readonly #healthListeners: Listener[] = [];

  constructor(limits: EndpointLimits, process: (call: Call) => void) {
    this.#server = new Server(optionsOf(limits));
    this.#server.addService(service, {
      Process: process,
    });
    const serving = HEALTH_NAMES.map((name): [string, ServingStatus] => [name, 'SERVING']);
    this.#health = new HealthImplementation(Object.fromEntries(serving));
    this.#health.addToServer(this.#server);
    this.#health.addToServer(this.#healthServer);
  }

  /** Binds `host:port` (port 0 takes a free one) or `unix:path`, and gives what was bound. */
  async listen(address: string, credentials: ServerCredentials): Promise<string> {
    const listener = await Listener.open(this.#server, address, credentials);
    this.#listeners.push(listener);
    return listener.address;
  }

  /** Binds an address that answers health checks alone. */
  async listenHealth(address: string, credentials: ServerCredentials): Promise<string> {
    const listener = await Listener.open(this.#healthServer, address, credentials);
    this.#healthListeners.push(listener);
    return listener.address;
  }

  /**
   * Tells whoever asks that no more exchanges are wanted, and each connection that it is to be the
   * last: what is open on it goes on for `graceMs`. New connections are still heard: health checks
   * come on them, and so do exchanges that are to be told to try elsewhere.
   */
  drain(graceMs: number): void {
    for (const name of HEALTH_NAMES) {
      if (name !== 'liveness') this.#health.setStatus(name, 'NOT_SERVING');
    }
    for (const listener of this.#listeners) listener.drain(Math.min(graceMs, TIMER_MAX));
  }

  /** Resolves when what was said has been heard on every connection, and at the latest after so long. */
  async finish(graceMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), graceMs);
    await Promise.all(this.#listeners.map((listener) => listener.left(late.signal)));
    clearTimeout(timer);
  }

  /** Lets go of every stream and every address. */
  close(): void {
    this.#server.forceShutdown();
    this.#healthServer.forceShutdown();
    for (const listener of [...this.#listeners, ...this.#healthListeners]) listener.close();
  }
}

function optionsOf({ messageBytesMax, streamsMax }: EndpointLimits): ServerOptions {
  return {
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': streamsMax,
    // A peer that is gone without a word is found out, and its exchanges end (fault: F44).
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
  };
}

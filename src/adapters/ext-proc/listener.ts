/**
 * An address that a gRPC server is reached at. The sockets are ours and their connections are
 * gRPC's, so that the system's errors reach whoever chose the address as they are, and a peer that
 * never finishes its handshake keeps no process alive.
 */
import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import type { ListenOptions, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import { guardedInjector } from './resets.js';

const UNIX = /^unix:(?:\/\/(?=\/))?(.+)$/s;
const HOST_AND_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

export class Listener {
  readonly #injector: ConnectionInjector;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ noDelay: true }, (socket) => this.#take(socket));
  readonly #wanted: string;

  private constructor(server: Server, credentials: ServerCredentials, wanted: string) {
    this.#injector = guardedInjector(server, credentials);
    this.#wanted = wanted;
  }

  /** Binds `host:port` (port 0 takes a free one) or `unix:path`. Rejects with the system's error. */
  static async open(
    server: Server,
    address: string,
    credentials: ServerCredentials,
  ): Promise<Listener> {
    const listener = new Listener(server, credentials, address);
    await listener.#bind(placeOf(address));
    return listener;
  }

  /** What was bound: `host:port`, or `unix:path`. */
  get address(): string {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') return this.#wanted;
    return this.#wanted.replace(/\d+$/, String(bound.port));
  }

  /** Each connection is to be the last of its peer: what is open on it goes on for `graceMs`. */
  drain(graceMs: number): void {
    this.#injector.drain(graceMs);
  }

  /** Resolves when the peers of a drained address have closed their connections, or `late` is told. */
  async left(late: AbortSignal): Promise<void> {
    const closed = [...this.#sockets].map((socket) => once(socket, 'close', { signal: late }));
    await Promise.allSettled(closed);
  }

  /** Lets go of the address and of every socket. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#injector.injectConnection(socket);
  }

  async #bind(place: ListenOptions): Promise<void> {
    try {
      await this.#listen(place);
    } catch (error) {
      const { path } = place;
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken || path === undefined || !(await isLeftOver(path))) throw error;
      unlinkSync(path);
      await this.#listen(place);
    }
  }

  #listen(place: ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(place, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }
}

function placeOf(address: string): ListenOptions {
  const path = UNIX.exec(address)?.[1];
  if (path !== undefined) return { path };
  const [, six, host = six, port] = HOST_AND_PORT.exec(address) ?? [];
  if (host === undefined) throw new RangeError(`${address} is neither host:port nor unix:path`);
  return { host, port: Number(port) };
}

/** A process that was killed leaves the file of its socket, and nobody answers there (fault: F46). */
function isLeftOver(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}

/**
 * A lane: one upstream of the gateway, with one connection, and a door that nobody gets through.
 * An exchange that is driven has a lane to itself, so that when it connects is for the test to say.
 */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Pool } from 'undici';
import type { RecordedRequest, Script } from '../../src/upstream/index.js';
import { head } from '../../src/upstream/index.js';

/** What the upstream does with the request whose path ends in a token. */
export interface Part {
  readonly script: Script;
  came(request: RecordedRequest): void;
}

export class Lane {
  readonly name: string;
  /** A server that never answers the TLS handshake, so that connecting to it never succeeds. */
  readonly doorUrl: string;
  readonly #door: Server;
  readonly #waiting = new Set<Socket>();
  #occupant: RecordedRequest | undefined;

  private constructor(name: string, door: Server) {
    this.name = name;
    this.#door = door;
    this.doorUrl = `https://127.0.0.1:${(door.address() as AddressInfo).port}`;
    door.on('connection', (socket) => {
      this.#waiting.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#waiting.delete(socket));
    });
  }

  static async open(name: string): Promise<Lane> {
    const door = createServer();
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    return new Lane(name, door);
  }

  /** Takes the lane's only connection, so that an exchange waits for it until `release`. */
  async occupy(pool: Pool, parts: Map<string, Part>): Promise<void> {
    const steps = [{ send: head(200, [['content-length', '0']]).toString() }];
    const came = new Promise<RecordedRequest>((resolve) => {
      const script = { steps: [{ awaitSignal: 'free' }, ...steps] };
      parts.set(this.name, { script, came: resolve });
    });
    const answered = pool.request({ path: `/${this.name}`, method: 'GET' });
    answered.then(({ body }) => body.resume()).catch(() => {});
    this.#occupant = await came;
  }

  release(): void {
    this.#occupant?.signal('free');
    this.#occupant = undefined;
  }

  /** Cuts whoever waits at the door, or is the next to come there. */
  async slam(): Promise<void> {
    if (this.#waiting.size === 0) await once(this.#door, 'connection');
    for (const socket of this.#waiting) socket.resetAndDestroy();
  }

  /** Lets go of whoever waits at the door, without a word to them. */
  forget(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  close(): void {
    this.forget();
    this.#door.close();
  }
}

/**
 * A connection's exchanges, one at a time. A pipelined request waits until the response before it
 * is out, and is dropped when the connection ends with that response: what stands behind bytes that
 * two parsers might frame differently is nobody's request (SEC-01, RFC 9112 section 9.3.2).
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Node keeps every request that it has parsed, so a client may not run ahead without end. */
const TURNS_MAX = 64;

interface Turn {
  readonly response: ServerResponse;
  begin(): void;
}

export class Turns {
  readonly #socket: Duplex;
  /** The exchange that is served, and those behind it. */
  readonly #turns: Turn[] = [];

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** A response is not out yet. */
  get serving(): boolean {
    return this.#turns.length > 0;
  }

  /** Begins the exchange now, or after those before it. */
  take(response: ServerResponse, begin: () => void): void {
    // The parser goes on through what it has read, also when the connection has been ended.
    if (!this.#socket.writable) return;
    const length = this.#turns.push({ response, begin });
    if (length === 1) this.#serve();
    else if (length > TURNS_MAX) this.#socket.destroy();
  }

  /** Forgets whoever waits: the connection is to end with the exchange that is served now. */
  close(): void {
    this.#turns.length = Math.min(this.#turns.length, 1);
  }

  #serve(): void {
    const [turn] = this.#turns;
    if (turn === undefined || !this.#socket.writable) return;
    turn.response.once('close', this.#next);
    turn.begin();
  }

  readonly #next = (): void => {
    this.#turns.shift();
    this.#serve();
  };
}

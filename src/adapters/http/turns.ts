/**
 * A connection's exchanges, one at a time. A pipelined request waits until the response before it
 * is out, and is dropped when the connection ends with that response: what stands behind bytes that
 * two parsers might frame differently is nobody's request (SEC-01, RFC 9112 section 9.3.2).
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Node keeps every request that it has parsed, so a client may not run ahead without end. */
const WAITING_MAX = 64;

interface Turn {
  readonly response: ServerResponse;
  begin(): void;
}

export class Turns {
  readonly #socket: Duplex;
  readonly #waiting: Turn[] = [];
  #serving = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Begins the exchange now, or after those before it. */
  take(response: ServerResponse, begin: () => void): void {
    // The parser goes on through what it has read, also when the connection has been ended.
    if (!this.#socket.writable) return;
    if (!this.#serving) this.#serve({ response, begin });
    else if (this.#waiting.push({ response, begin }) > WAITING_MAX) this.#socket.destroy();
  }

  /** Forgets whoever waits: the connection is to end with the exchange that is served now. */
  close(): void {
    this.#waiting.length = 0;
  }

  #serve({ response, begin }: Turn): void {
    this.#serving = true;
    response.once('close', this.#next);
    begin();
  }

  readonly #next = (): void => {
    this.#serving = false;
    const turn = this.#waiting.shift();
    if (turn !== undefined && this.#socket.writable) this.#serve(turn);
  };
}

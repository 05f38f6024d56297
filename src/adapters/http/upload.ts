/** A request body on its way to the upstream: what is not yet taken stays with the client. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

export class Upload extends Readable {
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage) {
    super();
    this.#request = request;
    // An upload is destroyed when its exchange ends early; nobody waits for the error.
    this.on('error', () => {});
  }

  /** Takes a chunk. Over the stream's own buffer, the client is not read on. */
  accept(chunk: Buffer): void {
    if (!this.push(chunk)) this.#request.pause();
  }

  finish(): void {
    this.push(null);
  }

  override _read(): void {
    this.#request.resume();
  }
}

/** What Envoy has passed on of one half, to the upstream or to the client. */
import type { Headers, Received } from './plan.js';

export class Onward {
  complete = false;
  trailers: Headers | undefined;
  #headers: Headers | undefined;
  readonly #body: Buffer[] = [];
  readonly #passed: () => void;

  constructor(passed: () => void) {
    this.#passed = passed;
  }

  /** The headers have left, and cannot be changed any more. */
  get begun(): boolean {
    return this.#headers !== undefined;
  }

  begin(headers: Headers): void {
    this.#headers ??= headers;
    this.#passed();
  }

  body(bytes: Buffer): void {
    this.#body.push(bytes);
    this.#passed();
  }

  end(): void {
    this.complete = true;
    this.#passed();
  }

  get received(): Received {
    return {
      headers: this.#headers ?? {},
      body: Buffer.concat(this.#body),
      ...(this.trailers !== undefined && { trailers: this.trailers }),
      complete: this.complete,
    };
  }
}

import { CHOICES_MAX } from './facts.js';

/** Which choices were seen and which of them are finished. */
export class Choices {
  #state: Uint8Array | undefined;
  #open = 0;
  #seen = 0;
  #lost = false;

  get allFinished(): boolean {
    return this.#seen > 0 && this.#open === 0 && !this.#lost;
  }

  /** A choice cannot be told by its index, so only another terminal can end this response. */
  neverFinishes(): void {
    this.#lost = true;
  }

  /** True if the choice was not finished before. */
  take(index: number, finished: boolean): boolean {
    this.#state ??= new Uint8Array(CHOICES_MAX);
    const state = this.#state[index];
    if (state === 2) return false;
    if (state === 0) {
      this.#seen++;
      this.#open++;
    }
    if (finished) this.#open--;
    this.#state[index] = finished ? 2 : 1;
    return true;
  }
}

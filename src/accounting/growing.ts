/** What is allocated first, in bytes. */
export const SMALLEST = 256;
/** A store larger than this is given back when it is cleared, so that one big event is not kept. */
const KEPT_WHEN_CLEARED = 64 * 1024;

/** What growing has cost in this process since it began; for its metrics. */
export const growth = {
  /** Stores that were replaced by a larger one, and the bytes that were copied for it. */
  growths: 0,
  copiedBytes: 0,
  /** Times that bytes were not taken, because of a limit. */
  refusals: 0,
};

/**
 * Bytes that grow at the end, in one piece, up to a limit. It doubles, so appending is linear in
 * all, also byte by byte. Nothing is allocated before the first byte.
 */
export class GrowingBytes {
  readonly #bytesMax: number;
  #store: Buffer | undefined;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory held, which may be more than `length` and is never more than the limit. */
  get allocated(): number {
    return this.#store?.length ?? 0;
  }

  /** The store itself, of which the first `length` bytes count, until the next append or clear. */
  get store(): Buffer {
    return this.#store ?? Buffer.alloc(0);
  }

  /** Appends `source[start, end)` as a copy. False, and nothing appended, over the limit. */
  append(source: Buffer, start: number, end: number): boolean {
    const length = this.#length + end - start;
    if (length > this.#bytesMax) {
      growth.refusals++;
      return false;
    }
    if (length === this.#length) return true;
    const store = this.#roomFor(length);
    if (end - start <= 8) {
      for (let from = start, to = this.#length; from < end; ) store[to++] = source[from++]!;
    } else {
      source.copy(store, this.#length, start, end);
    }
    this.#length = length;
    return true;
  }

  /** Forgets the bytes; keeps a small store for the next ones. */
  clear(): void {
    this.#length = 0;
    if (this.allocated > KEPT_WHEN_CLEARED) this.#store = undefined;
  }

  release(): void {
    this.#length = 0;
    this.#store = undefined;
  }

  #roomFor(length: number): Buffer {
    const old = this.#store;
    if (old !== undefined && old.length >= length) return old;
    const wanted = old === undefined ? SMALLEST : 2 * old.length;
    // Outside Node's shared pool: a small piece of the pool would keep a whole slab alive.
    const store = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(length, wanted)));
    if (old !== undefined) {
      old.copy(store, 0, 0, this.#length);
      growth.growths++;
      growth.copiedBytes += this.#length;
    }
    this.#store = store;
    return store;
  }
}

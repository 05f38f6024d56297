import type { Share } from './budget.js';
import { growth } from './growing.js';

/** The least that is allocated, if the limit allows: tiny pieces would cost more than they hold. */
const SEGMENT_MIN = 1024;
/** A segment behind the first is this part of what is held already. */
const GROWTH = 1 / 8;
const NOTHING = Buffer.alloc(0);

/** Why bytes were not taken: the limit of one body, or the budget of all. */
export type Lost = 'limit' | 'budget';

/**
 * Bytes that grow at the end by another segment, and are in one piece when they are asked for.
 *
 * Growing copies nothing. What did not fit into the first segment is joined once, so no byte is
 * copied more than twice, however the bytes come; and no more is allocated than the first segment,
 * or 9/8 of the bytes and 1 KiB. While it is joined, the whole is there twice. (Doubling copies a
 * byte up to three times, holds up to twice as much, and three times as much while it copies.)
 *
 * A resizable ArrayBuffer would grow in place. But 100 KiB take longer in one than doubling takes,
 * and once V8 has read one, it reads every body 4 times slower (Node 20).
 */
export class Segments {
  readonly #bytesMax: number;
  readonly #firstBytes: number;
  readonly #share: Share | undefined;
  /** The segments before the last one, all full. */
  #full: Buffer[] | undefined;
  #last = NOTHING;
  #lastLength = 0;
  #length = 0;
  #allocated = 0;

  /** Nothing is allocated before the first byte; `firstBytes` is the size to begin with. */
  constructor(bytesMax: number, firstBytes: number, share?: Share) {
    this.#bytesMax = bytesMax;
    this.#firstBytes = firstBytes;
    this.#share = share;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory held. */
  get allocated(): number {
    return this.#allocated;
  }

  /** Takes a copy. Where it gives a reason, the bytes are not whole any more: release them. */
  append(source: Buffer): Lost | undefined {
    const length = this.#length + source.length;
    if (length > this.#bytesMax) return 'limit';
    const fits = Math.min(source.length, this.#last.length - this.#lastLength);
    source.copy(this.#last, this.#lastLength, 0, fits);
    this.#lastLength += fits;
    if (fits < source.length) {
      if (!this.#grow(source.length - fits)) return 'budget';
      source.copy(this.#last, 0, fits);
      this.#lastLength = source.length - fits;
    }
    this.#length = length;
    return undefined;
  }

  /** All bytes in one piece; undefined if the budget has no room to join them in. */
  whole(): Buffer | undefined {
    if (this.#full !== undefined && !this.#join(this.#full)) return undefined;
    return this.#last.subarray(0, this.#lastLength);
  }

  release(): void {
    this.#share?.close();
    this.#full = undefined;
    this.#last = NOTHING;
    this.#lastLength = this.#length = this.#allocated = 0;
  }

  /** A next segment. The last one is full. */
  #grow(least: number): boolean {
    const first = this.#allocated === 0;
    const most = this.#bytesMax - this.#allocated;
    const needed = Math.min(most, Math.max(least, SEGMENT_MIN));
    const usual = first ? this.#firstBytes : Math.floor(this.#allocated * GROWTH);
    const wanted = Math.min(most, Math.max(needed, usual));
    const granted = this.#share === undefined ? wanted : this.#share.take(needed, wanted);
    if (granted === 0) return false;
    if (!first) {
      this.#full ??= [];
      this.#full.push(this.#last);
      growth.growths++;
    }
    // Outside Node's shared pool: a small piece of the pool would keep a whole slab alive.
    this.#last = Buffer.allocUnsafeSlow(granted);
    this.#allocated += granted;
    return true;
  }

  #join(full: readonly Buffer[]): boolean {
    const length = this.#length;
    if (this.#share !== undefined && this.#share.take(length, length) === 0) return false;
    const whole = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const segment of full) at += segment.copy(whole, at);
    this.#last.copy(whole, at, 0, this.#lastLength);
    growth.copiedBytes += length;
    this.#share?.give(this.#allocated);
    this.#full = undefined;
    this.#last = whole;
    this.#lastLength = this.#allocated = length;
    return true;
  }
}

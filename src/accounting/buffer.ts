import type { BufferBudget } from './budget.js';
import { growth } from './growing.js';
import { DecayingQuantiles } from './quantile.js';
import type { Lost } from './segments.js';
import { Segments } from './segments.js';

export type BufferState = 'open' | 'ended' | 'processed' | 'released';

/**
 * The body of a response that is read as a whole, with the states that the bug asked for: once
 * ended it takes nothing more, it is processed at most once, and empty it is never processed.
 *
 *     open -> ended -> processed -> released       (release is possible from each)
 */
export class ResponseBuffer {
  readonly #bytes: Segments;
  #state: BufferState = 'open';
  #lost: Lost | undefined;
  #received = 0;
  #refusedWrites = 0;

  /**
   * Over `bytesMax` bytes, or where the sizer's budget has no room, the contents are dropped and
   * writes are swallowed. `toldBytes` is how long the body is to be, where its headers say so.
   */
  constructor(bytesMax: number, sizer?: BufferSizer, toldBytes?: number) {
    const first = sizer?.initialBytes(toldBytes) ?? SIZE_MIN;
    const share = sizer?.budget?.share(() => this.#lose('budget'));
    this.#bytes = new Segments(bytesMax, first, share);
  }

  get state(): BufferState {
    return this.#state;
  }

  /** The contents were dropped. */
  get overflowed(): boolean {
    return this.#lost !== undefined;
  }

  /** Why they were. */
  get lost(): Lost | undefined {
    return this.#lost;
  }

  /** Bytes written while it was open, also those that the limit dropped. */
  get receivedBytes(): number {
    return this.#received;
  }

  /** Writes that came after the end. */
  get refusedWrites(): number {
    return this.#refusedWrites;
  }

  /** Bytes of memory held. */
  get bufferedBytes(): number {
    return this.#bytes.allocated;
  }

  /** Keeps a copy of the chunk. False if the body had ended: then nothing changes but a count. */
  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') {
      this.#refusedWrites++;
      return false;
    }
    this.#received += chunk.length;
    if (this.#lost !== undefined) return true;
    const lost = this.#bytes.append(chunk);
    if (lost !== undefined) this.#lose(lost);
    return true;
  }

  /** The body has ended. Saying so again changes nothing. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
  }

  /**
   * Hands the whole body to `parse`, at most once in the buffer's life; false if there is nothing
   * to parse: not ended, processed before, released, overflowed, or empty. (field: D14, A5)
   */
  process(parse: (bytes: Buffer) => void): boolean {
    if (this.#state !== 'ended') return false;
    this.#state = 'processed';
    if (this.#bytes.length === 0) return false;
    const whole = this.#bytes.whole();
    if (whole === undefined) this.#lose('budget');
    else parse(whole);
    return whole !== undefined;
  }

  release(): void {
    this.#state = 'released';
    this.#bytes.release();
  }

  #lose(lost: Lost): void {
    this.#lost = lost;
    growth.refusals++;
    this.#bytes.release();
  }
}

const SIZE_MIN = 1024;
/** The largest first size, whatever the route has been and whatever a header claims. */
const SIZE_MAX = 1024 * 1024;
/**
 * What a byte of a first size weighs that is held for nothing, beside one that is copied. By
 * `test/bench/buffers.ts`: at 1/50, a heavy tail costs more memory than doubling does.
 */
const SPARE_COST = 1 / 20;
/** How many responses are remembered, more or less; what was before three times as many is gone. */
const MEMORY = 64;

/**
 * Learns the first size of a route's buffers from the sizes that its responses had, so that most
 * bodies fit without growing; and has the budget that these buffers live within, if there is one.
 */
export class BufferSizer {
  readonly budget: BufferBudget | undefined;
  readonly #sizes = new DecayingQuantiles(SIZE_MIN, SIZE_MAX, MEMORY);
  #initial = SIZE_MIN;

  constructor(budget?: BufferBudget) {
    this.budget = budget;
  }

  /**
   * Bytes to start with, between 1 KiB and 1 MiB; or as many as the body is told to have, within
   * the same bound: a header that lies costs a mebibyte at the most, and of the budget.
   */
  initialBytes(toldBytes?: number): number {
    return Math.min(SIZE_MAX, toldBytes ?? this.#initial);
  }

  /** A response of the route had this many bytes. */
  learn(bytes: number): void {
    this.#sizes.learn(bytes);
    this.#initial = this.#sizes.cheapest(SPARE_COST);
  }
}

import { GrowingBytes } from './growing.js';

export type BufferState = 'open' | 'ended' | 'processed' | 'released';

/**
 * The body of a response that is read as a whole, with the states that the bug asked for: once
 * ended it takes nothing more, it is processed at most once, and empty it is never processed.
 *
 *     open -> ended -> processed -> released       (release is possible from each)
 */
export class ResponseBuffer {
  readonly #bytes: GrowingBytes;
  #state: BufferState = 'open';
  #overflowed = false;
  #received = 0;
  #refusedWrites = 0;

  /** Over `bytesMax` bytes the contents are dropped and writes are swallowed. */
  constructor(bytesMax: number, sizer?: BufferSizer) {
    this.#bytes = new GrowingBytes(bytesMax, () => sizer?.initialBytes() ?? 1024);
  }

  get state(): BufferState {
    return this.#state;
  }

  get overflowed(): boolean {
    return this.#overflowed;
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
    if (!this.#overflowed && !this.#bytes.append(chunk, 0, chunk.length)) {
      this.#overflowed = true;
      this.#bytes.release();
    }
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
    parse(this.#bytes.store.subarray(0, this.#bytes.length));
    return true;
  }

  release(): void {
    this.#state = 'released';
    this.#bytes.release();
  }
}

const SIZE_MIN = 1024;
const SIZE_MAX = 1024 * 1024;
const DECAY = 1 / 16;

/**
 * Learns the first size of a route's buffers from the sizes that its responses had: it jumps up to
 * a larger one and forgets it slowly, so that most bodies fit without growing.
 */
export class BufferSizer {
  #estimate = SIZE_MIN;

  /** Bytes to start with, between 1 KiB and 1 MiB. */
  initialBytes(): number {
    return Math.min(SIZE_MAX, Math.max(SIZE_MIN, Math.ceil(this.#estimate)));
  }

  /** A response of the route had this many bytes. */
  learn(bytes: number): void {
    if (bytes >= this.#estimate) this.#estimate = bytes;
    else this.#estimate += (bytes - this.#estimate) * DECAY;
  }
}

import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

import { GrowingBytes } from './growing.js';
import type { AccountingLimits } from './usage.js';

/** A ratio says nothing about a short text, so it is asked only once this much came out. */
const RATIO_FLOOR_BYTES = 1024 * 1024;

export interface InflaterOptions {
  limits: AccountingLimits;
  /** Some bytes of the plain body, valid during the call. */
  onData(bytes: Buffer): void;
}

/** Why an inflater gave up. */
export type InflateFailure = 'decode' | 'tap_overflow';

/** True for a content-encoding that needs no decoding. */
export function isPlain(contentEncoding: string | undefined): boolean {
  const coding = contentEncoding?.trim().toLowerCase() ?? '';
  return coding === '' || coding === 'identity';
}

/**
 * Inflates a body beside the data path, piece by piece and each byte once: none is ever inflated
 * again. What comes while the decompressor is busy is joined into one next piece, so a body in
 * many small chunks stays linear. Limits: bytes waiting, bytes inflated, and their ratio.
 */
export class Inflater {
  readonly #options: InflaterOptions;
  readonly #contentEncoding: string;
  readonly #waiting: GrowingBytes;
  #stream: Transform | undefined;
  #failure: InflateFailure | undefined;
  #busy = 0;
  #closed = false;
  #ending = false;
  #received = 0;
  #inflated = 0;
  #idle: (() => void)[] = [];

  constructor(contentEncoding: string, options: InflaterOptions) {
    this.#options = options;
    this.#contentEncoding = contentEncoding.trim().toLowerCase();
    this.#waiting = new GrowingBytes(options.limits.inflateQueueBytesMax);
  }

  get failure(): InflateFailure | undefined {
    return this.#failure;
  }

  /** Bytes that wait for the decompressor or lie in it. */
  get bufferedBytes(): number {
    return this.#waiting.allocated + this.#busy;
  }

  /** Takes a copy of the chunk. */
  write(chunk: Buffer): void {
    if (this.#closed || this.#ending || chunk.length === 0) return;
    const room = this.#options.limits.inflateQueueBytesMax - this.#busy - this.#waiting.length;
    if (chunk.length > room) {
      this.#fail('tap_overflow');
      return;
    }
    this.#received += chunk.length;
    this.#waiting.append(chunk, 0, chunk.length);
    this.#pump();
  }

  /** The body has ended; a decompressor that wants more then says `decode`. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#received > 0) this.#pump();
    else this.#close();
  }

  /** Resolves when all that was written is inflated; after `end`, when the end was checked too. */
  settled(): Promise<void> | undefined {
    if (this.#isIdle()) return undefined;
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  release(): void {
    this.#close();
  }

  #isIdle(): boolean {
    if (this.#closed) return true;
    if (this.#ending || this.#busy > 0 || this.#waiting.length > 0) return false;
    return (this.#stream?.readableLength ?? 0) === 0;
  }

  #pump(): void {
    if (this.#closed || this.#busy > 0) return;
    this.#stream ??= this.#start();
    const stream = this.#stream;
    if (stream === undefined) {
      this.#fail('decode');
      return;
    }
    if (this.#waiting.length > 0) {
      const piece = Buffer.from(this.#waiting.store.subarray(0, this.#waiting.length));
      this.#waiting.clear();
      this.#busy = piece.length;
      stream.write(piece, () => {
        this.#busy = 0;
        this.#pump();
      });
    } else if (this.#ending) {
      stream.end();
    } else {
      this.#wake();
    }
  }

  #start(): Transform | undefined {
    const first = this.#waiting.store[0]!;
    const stream = decompressor(this.#contentEncoding, first);
    stream?.on('data', (bytes: Buffer) => this.#data(bytes));
    stream?.on('end', () => this.#close());
    stream?.on('error', () => this.#fail('decode'));
    return stream;
  }

  #data(bytes: Buffer): void {
    if (this.#closed) return;
    const { inflatedBytesMax, inflateRatioMax } = this.#options.limits;
    this.#inflated += bytes.length;
    const ratioExceeded =
      this.#inflated > RATIO_FLOOR_BYTES && this.#inflated > this.#received * inflateRatioMax;
    if (this.#inflated > inflatedBytesMax || ratioExceeded) {
      this.#fail('tap_overflow');
      return;
    }
    this.#options.onData(bytes);
  }

  #fail(failure: InflateFailure): void {
    if (this.#closed) return;
    this.#failure = failure;
    this.#close();
  }

  #close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#waiting.release();
      this.#busy = 0;
      // Destroying may still report an error; the listener stays, so it has no effect.
      this.#stream?.destroy();
      this.#stream = undefined;
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#idle.length === 0) return;
    if (!this.#isIdle()) {
      // The decompressor is done with the input but still holds some output for the next tick.
      if (!this.#ending && this.#busy === 0) setImmediate(() => this.#wake());
      return;
    }
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

type ZstdFactory = { createZstdDecompress?: () => Transform };

function decompressor(contentEncoding: string, first: number): Transform | undefined {
  switch (contentEncoding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      // RFC 9110 means zlib's format; some servers send the raw one, whose method is not 8.
      return (first & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      // Not in every Node that we run on (22.15 and 23.8 have it).
      return (zlib as ZstdFactory).createZstdDecompress?.();
    default:
      return undefined;
  }
}

import { GrowingBytes } from './growing.js';

const LF = 10;
const CR = 13;
const BOM = [0xef, 0xbb, 0xbf];

export interface LineHandler {
  /**
   * One line without its end, as `bytes[start, end)`. `bytes` is the pushed chunk itself when the
   * line lies in it whole, else a store that is reused after the call.
   */
  onLine(bytes: Buffer, start: number, end: number): void;
  /** A line has passed the limit. Called once; nothing follows. */
  onOverflow(): void;
}

/**
 * Cuts a byte stream into lines that end with CR LF, LF or CR (WHATWG HTML 9.2.5), wherever the
 * chunks are cut. One leading byte order mark is dropped. A chunk that starts at a line boundary is
 * not copied; every byte is looked at a constant number of times.
 */
export class LineSplitter {
  readonly #handler: LineHandler;
  readonly #lineBytesMax: number;
  readonly #rest: GrowingBytes;
  /** Bytes of the mark matched so far; 3 once the start of the stream is decided. */
  #bomSeen = 0;
  #afterCr = false;
  #stopped = false;
  // The next CR and LF of the chunk at hand, kept while they lie ahead: none is sought twice.
  #nextCr = -1;
  #nextLf = -1;

  constructor(handler: LineHandler, lineBytesMax: number) {
    this.#handler = handler;
    this.#lineBytesMax = lineBytesMax;
    this.#rest = new GrowingBytes(lineBytesMax);
  }

  get bufferedBytes(): number {
    return this.#rest.allocated;
  }

  /** No further line is delivered, also of the chunk at hand. */
  stop(): void {
    this.#stopped = true;
    this.#rest.release();
  }

  push(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) return;
    let at = this.#bomSeen < 3 ? this.#skipBom(chunk) : 0;
    if (this.#afterCr && at < chunk.length) {
      this.#afterCr = false;
      if (chunk[at] === LF) at++;
    }
    this.#nextCr = this.#nextLf = -1;
    while (at < chunk.length) {
      const end = this.#lineEnd(chunk, at);
      if (end < 0) {
        this.#keep(chunk, at);
        return;
      }
      const next = this.#afterEnd(chunk, end);
      if (!this.#deliver(chunk, at, end)) return;
      at = next;
    }
  }

  /** Delivers a last line that had no end. An event stream must not call this: it discards it. */
  end(): void {
    if (this.#stopped || this.#rest.length === 0) return;
    this.#handler.onLine(this.#rest.store, 0, this.#rest.length);
    this.stop();
  }

  #deliver(chunk: Buffer, start: number, end: number): boolean {
    if (this.#rest.length > 0) {
      if (!this.#keep(chunk, start, end)) return false;
      this.#handler.onLine(this.#rest.store, 0, this.#rest.length);
      this.#rest.clear();
    } else {
      if (end - start > this.#lineBytesMax) return this.#overflow();
      this.#handler.onLine(chunk, start, end);
    }
    return !this.#stopped;
  }

  #keep(chunk: Buffer, start: number, end = chunk.length): boolean {
    return this.#rest.append(chunk, start, end) || this.#overflow();
  }

  #overflow(): false {
    this.stop();
    this.#handler.onOverflow();
    return false;
  }

  #lineEnd(chunk: Buffer, at: number): number {
    const first = chunk[at];
    if (first === LF || first === CR) return at;
    if (this.#nextCr < at) this.#nextCr = found(chunk.indexOf(CR, at));
    if (this.#nextLf < at) this.#nextLf = found(chunk.indexOf(LF, at));
    const end = Math.min(this.#nextCr, this.#nextLf);
    return end === Number.MAX_SAFE_INTEGER ? -1 : end;
  }

  #afterEnd(chunk: Buffer, end: number): number {
    if (chunk[end] === LF) return end + 1;
    if (end + 1 < chunk.length) return chunk[end + 1] === LF ? end + 2 : end + 1;
    this.#afterCr = true; // field: K11, the LF of this CR may open the next chunk
    return end + 1;
  }

  #skipBom(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#bomSeen < 3) {
      if (chunk[at] !== BOM[this.#bomSeen]) {
        // What looked like a mark belongs to the first line.
        this.#rest.append(Buffer.from(BOM), 0, this.#bomSeen);
        this.#bomSeen = 3;
        return at;
      }
      this.#bomSeen++;
      at++;
    }
    return at;
  }
}

function found(index: number): number {
  return index < 0 ? Number.MAX_SAFE_INTEGER : index;
}

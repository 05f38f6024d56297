/** The lines of a log, from bytes as they come: plain or gzip, in memory that a line's limit bounds. */

import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const NEWLINE = 10;

export interface LineReader {
  line(text: string, number: number): void;
  /** A line that is longer than the limit; it is not kept. */
  tooLong(number: number): void;
  /** The last line, where the log ends without a newline. */
  last(text: string, number: number): void;
}

/** Cuts blocks into lines. A line whose bytes come in several blocks is put together again. */
export class Lines {
  readonly #reader: LineReader;
  readonly #bytesMax: number;
  #carried: Buffer[] = [];
  #carriedBytes = 0;
  #number = 0;

  constructor(reader: LineReader, bytesMax: number) {
    this.#reader = reader;
    this.#bytesMax = bytesMax;
  }

  /** How many lines were seen. */
  get count(): number {
    return this.#number;
  }

  feed(block: Buffer): void {
    const end = block.lastIndexOf(NEWLINE);
    if (end < 0) {
      this.#carry(block);
      return;
    }
    let from = 0;
    if (this.#carriedBytes > 0) {
      from = block.indexOf(NEWLINE) + 1;
      this.#carry(block.subarray(0, from - 1));
      this.#emitCarried();
    }
    if (from <= end) this.#cut(block.toString('utf8', from, end + 1));
    this.#carry(block.subarray(end + 1));
  }

  end(): void {
    if (this.#carriedBytes === 0) return;
    this.#number++;
    if (this.#carriedBytes > this.#bytesMax) this.#reader.tooLong(this.#number);
    else this.#reader.last(trimmed(Buffer.concat(this.#carried).toString('utf8')), this.#number);
  }

  #cut(text: string): void {
    for (let from = 0; from < text.length; ) {
      const to = text.indexOf('\n', from);
      const end = text.charCodeAt(to - 1) === 13 && to > from ? to - 1 : to;
      this.#number++;
      if (end - from > this.#bytesMax) this.#reader.tooLong(this.#number);
      else this.#reader.line(text.slice(from, end), this.#number);
      from = to + 1;
    }
  }

  #carry(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#carriedBytes += bytes.length;
    if (this.#carriedBytes > this.#bytesMax) this.#carried = [];
    // A copy: the block may be a large one, or be written to again.
    else this.#carried.push(Buffer.from(bytes));
  }

  #emitCarried(): void {
    this.#number++;
    const text =
      this.#carriedBytes > this.#bytesMax
        ? undefined
        : Buffer.concat(this.#carried).toString('utf8');
    this.#carried = [];
    this.#carriedBytes = 0;
    if (text === undefined) this.#reader.tooLong(this.#number);
    else this.#reader.line(trimmed(text), this.#number);
  }
}

function trimmed(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Blocks as they are, or unpacked: gzip is known by its first two bytes, whatever the file's name. */
export async function* unpacked(bytes: Bytes): AsyncGenerator<Buffer> {
  const source = asBuffers(bytes);
  const head = await first(source, 4);
  const whole = rejoined(head, source);
  if (head.length < 2 || head.readUInt16BE(0) !== 0x1f8b) {
    yield* whole;
    return;
  }
  const gunzip = createGunzip({ chunkSize: 65_536 });
  // What is wrong with the source or the packing is thrown where the blocks are read.
  pipeline(Readable.from(whole, { objectMode: false }), gunzip, () => {});
  for await (const block of gunzip) yield block as Buffer;
}

async function* asBuffers(bytes: Bytes): AsyncGenerator<Buffer> {
  for await (const block of bytes) {
    yield Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  }
}

async function first(source: AsyncGenerator<Buffer>, bytes: number): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < bytes) {
    const { value, done } = await source.next();
    if (done === true) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  return head;
}

async function* rejoined(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

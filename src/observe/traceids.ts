/** The ids of traces and spans (W3C Trace Context 3.2.2), as bytes and as the text of a header. */
import { randomFillSync } from 'node:crypto';

export const TRACE_BYTES = 16;
export const SPAN_BYTES = 8;
/** Of both, one behind the other. */
const IDS_BYTES = TRACE_BYTES + SPAN_BYTES;

/** `00-`, 32 digits, `-`, 16 digits, `-01`: a version, the two ids, and that they are recorded. */
const BLANK = Buffer.from(`00-${'0'.repeat(2 * TRACE_BYTES)}-${'0'.repeat(2 * SPAN_BYTES)}-01`);
const TRACE_AT = 3;
const SPAN_AT = TRACE_AT + 2 * TRACE_BYTES + 1;

/** How many are drawn at a time, and how many share a text, which each of them keeps alive. */
const DRAWN = 2_048;
const TOGETHER = 16;

/** A span and its trace, which are recorded. */
export class TraceIds {
  /** `bytes` has the ids at `at`, the trace's first; `traceparent` says the same. */
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
    readonly traceparent: string,
  ) {}

  get traceId(): string {
    return this.traceparent.slice(TRACE_AT, TRACE_AT + 2 * TRACE_BYTES);
  }

  get spanId(): string {
    return this.traceparent.slice(SPAN_AT, SPAN_AT + 2 * SPAN_BYTES);
  }
}

/** Of ids in hexadecimal digits of lower case. */
export function idsOf(traceId: string, spanId: string): TraceIds {
  // A copy: what is decoded lies in a pool of Node's, which an exchange would keep alive.
  const bytes = new Uint8Array(Buffer.from(traceId + spanId, 'hex'));
  return new TraceIds(bytes, 0, `00-${traceId}-${spanId}-01`);
}

/** Ids at random. To draw and to write many at a time costs little more than one. */
export class RandomIds {
  readonly #drawn = Buffer.alloc(DRAWN * IDS_BYTES);
  #used = DRAWN;
  readonly #written = Buffer.alloc(TOGETHER * BLANK.length, BLANK);
  readonly #digits = new DataView(this.#written.buffer, this.#written.byteOffset);
  #bytes = new Uint8Array(0);
  #text = '';

  next(): TraceIds {
    const place = this.#used % TOGETHER;
    if (place === 0) this.#write();
    this.#used++;
    const from = place * BLANK.length;
    const traceparent = this.#text.slice(from, from + BLANK.length);
    return new TraceIds(this.#bytes, place * IDS_BYTES, traceparent);
  }

  #write(): void {
    if (this.#used === DRAWN) {
      randomFillSync(this.#drawn);
      this.#used = 0;
    }
    const from = this.#used * IDS_BYTES;
    this.#bytes = new Uint8Array(this.#drawn.subarray(from, from + TOGETHER * IDS_BYTES));
    for (let place = 0; place < TOGETHER; place++) {
      const [id, text] = [place * IDS_BYTES, place * BLANK.length];
      writeDigits(this.#bytes, id, TRACE_BYTES, this.#digits, text + TRACE_AT);
      writeDigits(this.#bytes, id + TRACE_BYTES, SPAN_BYTES, this.#digits, text + SPAN_AT);
    }
    this.#text = this.#written.toString('latin1');
  }
}

/** The two digits of each byte. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE(),
);

/** Of an even number of bytes. */
function writeDigits(
  bytes: Uint8Array,
  from: number,
  length: number,
  text: DataView,
  to: number,
): void {
  for (let at = 0; at < length; at += 2) {
    const first = DIGITS[bytes[from + at] as number] as number;
    const second = DIGITS[bytes[from + at + 1] as number] as number;
    text.setInt32(to + 2 * at, first | (second << 16), true);
  }
}

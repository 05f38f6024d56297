/** The ids of traces and spans (W3C Trace Context 3.2.2), as bytes and as the text of a header. */
export const TRACE_BYTES = 16;
export const SPAN_BYTES = 8;
/** Of both, one behind the other. */
const IDS_BYTES = TRACE_BYTES + SPAN_BYTES;

/** Made at a time. An exchange keeps all of them alive, so they are few. */
const TOGETHER = 16;

/** `00-`, 32 digits, `-`, 16 digits, `-01`. */
const LENGTH = 55;
const TRACE_AT = 3;
const SPAN_AT = 36;
const BLANK = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`);
const DIGITS = Buffer.from('0123456789abcdef');

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
  return new TraceIds(Buffer.from(traceId + spanId, 'hex'), 0, `00-${traceId}-${spanId}-01`);
}

/** Ids at random, as the SDK draws them. Text is made for many at a time, and is cut. */
export class RandomIds {
  #bytes = Buffer.alloc(0);
  #text = '';
  #next = 0;

  next(): TraceIds {
    if (this.#next * IDS_BYTES === this.#bytes.length) this.#draw();
    const place = this.#next++;
    const traceparent = this.#text.slice(place * LENGTH, (place + 1) * LENGTH);
    return new TraceIds(this.#bytes, place * IDS_BYTES, traceparent);
  }

  #draw(): void {
    this.#bytes = Buffer.alloc(TOGETHER * IDS_BYTES);
    for (let at = 0; at < this.#bytes.length; at += 4) {
      this.#bytes.writeUInt32LE(Math.floor(Math.random() * 2 ** 32), at);
    }
    const text = Buffer.alloc(TOGETHER * LENGTH);
    for (let place = 0; place < TOGETHER; place++) {
      const [from, to] = [place * IDS_BYTES, place * LENGTH];
      text.set(BLANK, to);
      writeDigits(this.#bytes, from, TRACE_BYTES, text, to + TRACE_AT);
      writeDigits(this.#bytes, from + TRACE_BYTES, SPAN_BYTES, text, to + SPAN_AT);
    }
    this.#text = text.toString('latin1');
    this.#next = 0;
  }
}

function writeDigits(bytes: Buffer, from: number, length: number, text: Buffer, to: number): void {
  for (let at = 0; at < length; at++) {
    const byte = bytes[from + at] as number;
    text[to + 2 * at] = DIGITS[byte >> 4] as number;
    text[to + 2 * at + 1] = DIGITS[byte & 15] as number;
  }
}

import { GrowingBytes } from './growing.js';
import { LineSplitter } from './lines.js';

const SPACE = 32;
const COLON = 58;
const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const ID = Buffer.from('id');
const RETRY = Buffer.from('retry');
const LINE_FEED = Buffer.from('\n');
const DEFAULT_TYPE = 'message';

/** One event, valid during the call that hands it over: it views bytes that are reused after it. */
export interface SseEvent {
  /** The event type, `message` when the stream gave none. */
  readonly event: string;
  /** The data, decoded as UTF-8 when asked for. */
  readonly data: string;
  /** The data undecoded, as `bytes[start, end)`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface SseFramerOptions {
  onEvent(event: SseEvent): void;
  onComment?(): void;
  /** The reconnection time in milliseconds. */
  onRetry?(retryMs: number): void;
  /** A line or an event has passed its limit. Called once; the framer has given up for good. */
  onOverflow(): void;
  /** Bytes of one line, without its end. */
  lineBytesMax: number;
  /** Bytes of the data of one event, with the LF between its lines. */
  eventBytesMax: number;
}

/**
 * An event stream parser on bytes (WHATWG HTML 9.2.5 and 9.2.6), the same under every cutting into
 * chunks. An event that the end of the stream leaves without its blank line is discarded. Linear
 * time, and memory of at most one line and one event.
 */
export class SseFramer {
  readonly #options: SseFramerOptions;
  readonly #lines: LineSplitter;
  readonly #view = new EventView();
  /** Holds the data of an event that is not one line of one chunk. */
  readonly #joined: GrowingBytes;
  #chunk: Buffer | undefined;
  #dataLines = 0;
  #dataBytes = 0;
  #type = DEFAULT_TYPE;
  #lastType = { bytes: Buffer.alloc(0), text: '' };
  #id = '';
  #lastEventId = '';

  constructor(options: SseFramerOptions) {
    this.#options = options;
    this.#joined = new GrowingBytes(options.eventBytesMax);
    this.#lines = new LineSplitter(
      {
        onLine: (bytes, start, end) => this.#line(bytes, start, end),
        onOverflow: () => this.#overflow(),
      },
      options.lineBytesMax,
    );
  }

  /** Bytes of memory held between two chunks. */
  get bufferedBytes(): number {
    return this.#lines.bufferedBytes + this.#joined.allocated;
  }

  /** The id of the last event, as an EventSource would send it when it reconnects. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  push(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    this.#chunk = bytes;
    this.#lines.push(bytes);
    this.#chunk = undefined;
    // The one line of data of an open event lies in the chunk, which is not ours to keep.
    if (this.#dataLines === 1 && this.#view.bytes === bytes) this.#join(this.#view);
    this.#view.clear();
  }

  /** The stream ended: whatever has no blank line behind it is discarded. */
  end(): void {
    this.stop();
  }

  /** No further event is delivered, also of the chunk at hand. Memory is given back. */
  stop(): void {
    this.#lines.stop();
    this.#joined.release();
    this.#dataLines = 0;
  }

  #overflow(): void {
    this.stop();
    this.#options.onOverflow();
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (start === end) {
      this.#dispatch();
      return;
    }
    let at = start + 1;
    switch (bytes[start]) {
      case 0x64: // d
        at = fieldEnd(bytes, start, end, DATA);
        if (at > 0) this.#data(bytes, valueStart(bytes, at, end), end);
        return;
      case COLON:
        this.#options.onComment?.();
        return;
      case 0x65: // e
        at = fieldEnd(bytes, start, end, EVENT);
        if (at > 0) this.#type = this.#typeName(bytes, valueStart(bytes, at, end), end);
        return;
      case 0x69: // i
        at = fieldEnd(bytes, start, end, ID);
        if (at > 0) this.#setId(bytes, valueStart(bytes, at, end), end);
        return;
      case 0x72: // r
        at = fieldEnd(bytes, start, end, RETRY);
        if (at > 0) this.#retry(bytes, valueStart(bytes, at, end), end);
        return;
      default: // An unknown field is ignored; names are compared with their case.
    }
  }

  #data(bytes: Buffer, start: number, end: number): void {
    this.#dataBytes += end - start + (this.#dataLines > 0 ? 1 : 0);
    if (this.#dataBytes > this.#options.eventBytesMax) {
      this.#overflow();
      return;
    }
    const view = this.#view;
    if (this.#dataLines === 1 && view.bytes === this.#chunk) this.#join(view);
    if (this.#dataLines > 0) this.#joined.append(LINE_FEED, 0, 1);
    this.#dataLines++;
    view.set(bytes, start, end);
    // Only a line in the chunk outlives this call; the splitter reuses its store for the next one.
    if (this.#dataLines > 1 || bytes !== this.#chunk) this.#join(view);
  }

  #join(view: EventView): void {
    this.#joined.append(view.bytes, view.start, view.end);
    view.clear();
  }

  #dispatch(): void {
    this.#lastEventId = this.#id;
    if (this.#dataLines > 0) {
      const view = this.#view;
      if (view.bytes !== this.#chunk) view.set(this.#joined.store, 0, this.#joined.length);
      view.event = this.#type;
      this.#options.onEvent(view);
      view.clear();
      if (this.#joined.length > 0) this.#joined.clear();
    }
    this.#dataLines = this.#dataBytes = 0;
    this.#type = DEFAULT_TYPE;
  }

  #typeName(bytes: Buffer, start: number, end: number): string {
    if (start === end) return DEFAULT_TYPE;
    const last = this.#lastType;
    // A stream repeats the names of its deltas, so the last one saves most of the decoding.
    if (last.bytes.length === end - start && startsWith(bytes, start, last.bytes)) return last.text;
    const text = bytes.toString('utf8', start, end);
    if (end - start <= 64) {
      this.#lastType = { bytes: Buffer.from(bytes.subarray(start, end)), text };
    }
    return text;
  }

  #setId(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at++) if (bytes[at] === 0) return;
    this.#id = bytes.toString('utf8', start, end);
  }

  #retry(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    for (let at = start; at < end; at++) if (bytes[at]! < 48 || bytes[at]! > 57) return;
    this.#options.onRetry?.(Number(bytes.toString('latin1', start, end)));
  }
}

const NOTHING = Buffer.alloc(0);

class EventView implements SseEvent {
  event = DEFAULT_TYPE;
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;

  get data(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }

  set(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.start = this.end = 0;
  }
}

/** A Buffer on the same memory. */
export function asBuffer(chunk: Uint8Array): Buffer {
  if (chunk instanceof Buffer) return chunk;
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function startsWith(bytes: Buffer, start: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}

/** Where the name of the field ends if it is `name`, else 0. */
function fieldEnd(bytes: Buffer, start: number, end: number, name: Buffer): number {
  const at = start + name.length;
  if (at > end || (at < end && bytes[at] !== COLON)) return 0;
  return startsWith(bytes, start, name) ? at : 0;
}

/** The value starts behind the colon and at most one space. */
function valueStart(bytes: Buffer, fieldEnd: number, end: number): number {
  const at = Math.min(fieldEnd + 1, end);
  return at < end && bytes[at] === SPACE ? at + 1 : at;
}

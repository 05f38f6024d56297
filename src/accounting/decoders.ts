import { type BufferSizer, ResponseBuffer } from './buffer.js';
import type { UsageMerger } from './dialects.js';
import { type SseEvent, SseFramer } from './framer.js';
import { LineSplitter } from './lines.js';
import type { AccountingLimits } from './usage.js';

/** Reads the plain bytes of one body into a merger. */
export interface Decoder {
  /** True if the response has progressed: an event was completed, or bytes of JSON came. */
  write(bytes: Buffer): boolean;
  /** The body has ended. */
  end(): void;
  release(): void;
  readonly bufferedBytes: number;
}

/** An event stream. Comments are no progress: a stream of pings alone stands still. */
export class EventDecoder implements Decoder {
  readonly #framer: SseFramer;
  readonly #merger: UsageMerger;
  #progressed = false;
  /** The framer has given up, so nobody can tell a comment from progress any more. */
  #blind = false;

  constructor(merger: UsageMerger, limits: AccountingLimits) {
    this.#merger = merger;
    this.#framer = new SseFramer({
      onEvent: (event) => this.#event(event),
      onOverflow: () => {
        this.#blind = true;
        merger.lose('tap_overflow');
      },
      lineBytesMax: limits.lineBytesMax,
      eventBytesMax: limits.eventBytesMax,
    });
  }

  get bufferedBytes(): number {
    return this.#framer.bufferedBytes;
  }

  write(bytes: Buffer): boolean {
    this.#progressed = this.#blind;
    this.#framer.push(bytes);
    return this.#progressed;
  }

  end(): void {
    this.#framer.end();
  }

  release(): void {
    this.#framer.stop();
  }

  #event(event: SseEvent): void {
    this.#progressed = true;
    this.#merger.event(event.event, event.bytes, event.start, event.end);
    if (this.#merger.done) this.#framer.stop();
  }
}

/** One JSON text a line (Ollama's own API). The last line may lack its end. */
export class LineDecoder implements Decoder {
  readonly #lines: LineSplitter;
  #progressed = false;

  constructor(merger: UsageMerger, limits: AccountingLimits) {
    this.#lines = new LineSplitter(
      {
        onLine: (bytes, start, end) => {
          if (end > start) this.#progressed = true;
          merger.event('', bytes, start, end);
          if (merger.done) this.#lines.stop();
        },
        onOverflow: () => merger.lose('tap_overflow'),
      },
      Math.min(limits.lineBytesMax, limits.eventBytesMax),
    );
  }

  get bufferedBytes(): number {
    return this.#lines.bufferedBytes;
  }

  write(bytes: Buffer): boolean {
    this.#progressed = false;
    this.#lines.push(bytes);
    return this.#progressed;
  }

  end(): void {
    this.#lines.end();
  }

  release(): void {
    this.#lines.stop();
  }
}

/** One JSON text, read when it has ended: its end says so, not the mode it came in (field: A5). */
export class BodyDecoder implements Decoder {
  readonly #merger: UsageMerger;
  readonly #buffer: ResponseBuffer;
  readonly #sizer: BufferSizer | undefined;

  /** `toldBytes` is how long the body is to be, where its headers say so. */
  constructor(
    merger: UsageMerger,
    limits: AccountingLimits,
    sizer: BufferSizer | undefined,
    toldBytes: number | undefined,
  ) {
    this.#merger = merger;
    this.#sizer = sizer;
    this.#buffer = new ResponseBuffer(limits.bodyBytesMax, sizer, toldBytes);
  }

  get bufferedBytes(): number {
    return this.#buffer.bufferedBytes;
  }

  write(bytes: Buffer): boolean {
    const taken = this.#buffer.write(bytes);
    this.#tellLost();
    return taken;
  }

  end(): void {
    this.#buffer.end();
    this.#sizer?.learn(this.#buffer.receivedBytes);
    this.#buffer.process((bytes) => this.#merger.body(bytes));
    this.#tellLost();
    this.#buffer.release();
  }

  release(): void {
    this.#buffer.release();
  }

  /** Another's need may have cost this buffer its bytes too, so it is not told by `write` alone. */
  #tellLost(): void {
    const { lost } = this.#buffer;
    if (lost !== undefined) this.#merger.lose(lost === 'limit' ? 'tap_overflow' : 'budget');
  }
}

import type { BufferSizer } from './buffer.js';
import { BodyDecoder, type Decoder, EventDecoder, LineDecoder } from './decoders.js';
import { UsageMerger } from './dialects.js';
import { asBuffer } from './framer.js';
import { Inflater, isPlain } from './inflate.js';
import { type Format, formatOf, sniff } from './sniff.js';
import { type AccountingLimits, DEFAULT_LIMITS, type Usage, type Verdict } from './usage.js';

export interface AccountingOptions {
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** Bytes that the body is to have as it comes, where its headers say so. */
  contentLength?: number | undefined;
  limits?: Partial<AccountingLimits>;
  /** The route's sizer for JSON bodies; it learns from this response, and has the budget of all. */
  sizer?: BufferSizer;
  /** An event was completed that is no comment, or bytes came that are no event stream. Once a write. */
  onProgress(): void;
  /**
   * The response itself said that it is over, and how. At most once. Not the end of the bytes: a
   * usage may follow the last finish_reason, so go on writing. (field: H6)
   */
  onTerminal(verdict: Verdict): void;
}

/**
 * Counts what one response used, beside its data path: the bytes were forwarded before they are
 * shown here, and nothing that happens here can throw, wait or grow without bound. The usage is the
 * same however the bytes are cut into chunks.
 */
export class Accounting {
  readonly #options: AccountingOptions;
  readonly #limits: AccountingLimits;
  readonly #merger: UsageMerger;
  readonly #inflater: Inflater | undefined;
  #decoder: Decoder | undefined;
  /** The first bytes, while they do not show yet what the body is. */
  #head: Buffer | undefined;
  #unrecognised = false;
  #receivedAny = false;
  #decodedAny = false;
  #ended = false;
  #internalFault = false;
  #progressed = false;
  #verdictTold = false;
  #usage: Usage | undefined;
  #settling: Promise<Usage> | undefined;
  /** The reading of a compressed body whose end is still being inflated. */
  #reading: Promise<void> | undefined;

  constructor(options: AccountingOptions) {
    this.#options = options;
    this.#limits = options.limits ? { ...DEFAULT_LIMITS, ...options.limits } : DEFAULT_LIMITS;
    this.#merger = new UsageMerger(this.#limits.tokensMax);
    if (!isPlain(options.contentEncoding)) {
      this.#inflater = new Inflater(options.contentEncoding!, {
        limits: this.#limits,
        onData: (bytes) => this.#inflated(bytes),
      });
    }
  }

  /** Bytes of memory held for this exchange. */
  get bufferedBytes(): number {
    const head = this.#head?.length ?? 0;
    return head + (this.#decoder?.bufferedBytes ?? 0) + (this.#inflater?.bufferedBytes ?? 0);
  }

  /** Grows whenever `seen` may have come to say something else. */
  get revision(): number {
    return this.#merger.revision;
  }

  /** The usage as far as it was decoded, for whoever cannot wait until it is settled (field: I4). */
  get seen(): Usage {
    return this.#usage ?? this.#known();
  }

  /** Shows a chunk that was forwarded. What must outlive the call is copied. Never throws. */
  write(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    try {
      this.#receivedAny = true;
      if (this.#inflater === undefined) this.#decode(asBuffer(chunk));
      else this.#inflater.write(asBuffer(chunk));
    } catch {
      this.#internalFault = true;
    }
    // What cannot be read cannot be told from progress either, and must not look like a stall.
    if (this.#unreadable()) this.#progressed = true;
    this.#tell();
  }

  #unreadable(): boolean {
    return this.#unrecognised || this.#internalFault || this.#inflater?.failure !== undefined;
  }

  /** The body ended: what is there is parsed, once. Later calls and writes change nothing. */
  read(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inflater?.end();
    const settled = this.#inflater?.settled();
    if (settled === undefined) this.#finish();
    else this.#reading = settled.then(() => this.#finish());
  }

  /**
   * The usage, once all that was written is decoded; a promise only while a compressed body is
   * being inflated. It is committed once: writes from now on are ignored, later calls give the
   * same. Without a `read` before it the body counts as broken off.
   */
  settle(): Promise<Usage> | Usage {
    this.#ended = true;
    if (this.#usage !== undefined) return this.#usage;
    const pending = this.#reading ?? this.#inflater?.settled();
    if (pending === undefined) return this.#commit();
    this.#settling ??= pending.then(() => this.#commit());
    return this.#settling;
  }

  /** Frees all memory; idempotent. `settle` then gives what was decoded until now. */
  release(): void {
    this.#commit();
  }

  #commit(): Usage {
    if (this.#usage !== undefined) return this.#usage;
    this.#ended = true;
    this.#usage = this.#known();
    this.#inflater?.release();
    this.#decoder?.release();
    this.#decoder = this.#head = undefined;
    return this.#usage;
  }

  #known(): Usage {
    if (this.#internalFault) return { kind: 'unknown', reason: 'internal' };
    if (!this.#receivedAny) return { kind: 'unknown', reason: 'no_body' };
    const failure = this.#inflater?.failure;
    if (failure !== undefined) return { kind: 'unknown', reason: failure };
    if (!this.#decodedAny) return { kind: 'unknown', reason: 'no_body' };
    if (this.#unrecognised) return { kind: 'unknown', reason: 'not_recognised' };
    return this.#merger.usage();
  }

  /** Tells the caller what the bytes have shown, after they were decoded. */
  #tell(): void {
    const progressed = this.#progressed;
    this.#progressed = false;
    const verdict = this.#verdictTold ? undefined : this.#merger.verdict;
    if (verdict !== undefined) this.#verdictTold = true;
    try {
      if (progressed) this.#options.onProgress();
      if (verdict !== undefined) this.#options.onTerminal(verdict);
    } catch {
      // The caller's own handler threw; it must not reach the data path through us.
    }
  }

  #inflated(bytes: Buffer): void {
    try {
      this.#decode(bytes);
    } catch {
      this.#internalFault = true;
    }
    this.#tell();
  }

  #decode(bytes: Buffer): void {
    if (this.#usage !== undefined || this.#unrecognised) return;
    this.#decodedAny = true;
    if (this.#decoder === undefined) {
      this.#sniff(bytes);
      return;
    }
    this.#progressed = this.#decoder.write(bytes) || this.#progressed;
  }

  #sniff(bytes: Buffer): void {
    const head = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes]);
    const claimed = formatOf(this.#options.contentType);
    const shown = sniff(head, claimed);
    if (shown === 'undecided') {
      // Bounded: whatever is longer than the sniffing window is decided.
      this.#head = Buffer.from(head);
      return;
    }
    this.#head = undefined;
    this.#start(shown === 'none' ? claimed : shown, head);
  }

  #start(format: Format | undefined, head: Buffer): void {
    if (format === undefined) {
      this.#unrecognised = true;
      return;
    }
    this.#decoder = this.#decoderFor(format);
    this.#progressed = this.#decoder.write(head) || this.#progressed;
  }

  #decoderFor(format: Format): Decoder {
    switch (format) {
      case 'sse':
        return new EventDecoder(this.#merger, this.#limits);
      case 'ndjson':
        return new LineDecoder(this.#merger, this.#limits);
      case 'json':
        return new BodyDecoder(
          this.#merger,
          this.#limits,
          this.#options.sizer,
          this.#plainLength(),
        );
    }
  }

  /** What is inflated is as long as it is. */
  #plainLength(): number | undefined {
    return this.#inflater === undefined ? this.#options.contentLength : undefined;
  }

  #finish(): void {
    this.#reading = undefined;
    if (this.#usage !== undefined) return;
    try {
      if (this.#decoder === undefined && this.#head !== undefined) {
        this.#start(formatOf(this.#options.contentType), this.#head);
        this.#head = undefined;
      }
      // Half of a body that does not inflate is not a body; its failure is what is recorded.
      if (this.#inflater?.failure === undefined) this.#decoder?.end();
    } catch {
      this.#internalFault = true;
    }
    this.#tell();
  }
}

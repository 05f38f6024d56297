import { moveTornLine, openSink, type Sink } from './sink.js';
import { capped, PEER_TEXT_MAX, type Usage } from './usage.js';

/** One line of the ledger: one exchange. Times are in milliseconds, sizes in bytes. */
export interface UsageRecord {
  v: 1;
  exchange: string;
  /** ISO 8601, when the exchange was processed. */
  at: string;
  outcome: string;
  cause?: string | undefined;
  status?: number | undefined;
  method?: string | undefined;
  path?: string | undefined;
  route?: string | undefined;
  upstream?: string | undefined;
  model?: string | undefined;
  usage: Usage;
  requestBytes: number;
  responseBytes: number;
  durationMs: number;
  firstByteMs?: number | undefined;
  /** How often each kind of anomaly was absorbed. */
  anomalies?: Record<string, number> | undefined;
}

export type LedgerErrorCode =
  | 'INTERLOCK_LEDGER_OPEN'
  | 'INTERLOCK_LEDGER_WRITE'
  | 'INTERLOCK_LEDGER_FULL'
  | 'INTERLOCK_LEDGER_STUCK'
  | 'INTERLOCK_LEDGER_CLOSED';

/** What the ledger could not do. `cause` is the system's error, whose `code` is like `ENOSPC`. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The line of a record, with its LF. Peers' strings are cut to 256 UTF-16 code units. */
export function encodeRecord(record: UsageRecord): string {
  // A replacer triples the cost of a line, and hardly any line needs it.
  const text = JSON.stringify(record, hasLong(record) ? cappedValue : undefined);
  // JSON leaves these as they are, and terminals and log viewers obey them.
  return `${text.replace(/[\u007f-\u009f\u2028\u2029]/g, escaped)}\n`;
}

function hasLong(record: UsageRecord): boolean {
  for (const key in record) {
    const value = record[key as keyof UsageRecord];
    if (typeof value === 'string' && value.length > PEER_TEXT_MAX) return true;
  }
  return (record.usage.model?.length ?? 0) > PEER_TEXT_MAX;
}

function cappedValue(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? capped(value) : value;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

interface Waiting {
  line: string;
  resolve(): void;
  reject(error: LedgerError): void;
}

/** Characters of records that may wait for the sink, and that go out at once. */
const QUEUE_MAX = 16 * 1024 * 1024;
const BATCH_MAX = 1024 * 1024;
/** How long a sink may take for one write before it hangs, as a pipe does that nobody reads. */
const HANGS_MS = 3_000;
/** The least time between two writes; a record waits for the rest of it at the most. */
const GATHER_MS = 10;

/**
 * The usage records, one line of JSON each, appended to a file or written to stdout. Records of one
 * moment go out in one write, so that the lines of several processes on one file stay whole. A sink
 * that fails rejects the records it did not take and nothing else; the next write tries it again.
 */
export class Ledger {
  readonly #path: string;
  #tornBytes: number;
  #sink: Sink | undefined;
  #queue: Waiting[] = [];
  #queued = 0;
  /** Those that the sink has been given. */
  #writing: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  #writtenAt = Number.NEGATIVE_INFINITY;

  private constructor(path: string, sink: Sink, tornBytes: number) {
    this.#path = path;
    this.#sink = sink;
    this.#tornBytes = tornBytes;
  }

  /** Bytes of torn last lines that were moved to `<file>.torn`; 0 when the file was whole. */
  get tornBytes(): number {
    return this.#tornBytes;
  }

  /** Whether the sink refused the last records, or takes none. The next ones try it again. */
  get failing(): boolean {
    if (this.#closed) return false;
    const hangs = this.#writing.length > 0 && performance.now() - this.#writtenAt > HANGS_MS;
    return this.#sink === undefined || hangs;
  }

  /**
   * Opens the file for appending, or stdout for `-`. A last line without its end, as a crash leaves
   * it, is moved to `<file>.torn`. Rejects with INTERLOCK_LEDGER_OPEN.
   */
  static async open(path: string): Promise<Ledger> {
    try {
      const tornBytes = await moveTornLine(path);
      return new Ledger(path, await openSink(path), tornBytes);
    } catch (error) {
      throw new LedgerError(
        'INTERLOCK_LEDGER_OPEN',
        `The ledger ${path} cannot be opened: ${messageOf(error)}. Check the path and its rights.`,
        error,
      );
    }
  }

  /**
   * Resolves when the record was handed to the operating system. Rejects with a LedgerError: _WRITE
   * when the sink refused it, _FULL when too many wait, _CLOSED after `close`.
   */
  write(record: UsageRecord): Promise<void> {
    if (this.#closed) {
      return Promise.reject(
        new LedgerError('INTERLOCK_LEDGER_CLOSED', `The ledger ${this.#path} is closed.`),
      );
    }
    const line = encodeRecord(record);
    if (this.#queued + line.length > QUEUE_MAX) {
      return Promise.reject(
        new LedgerError(
          'INTERLOCK_LEDGER_FULL',
          `The ledger ${this.#path} is too slow: ${this.#queued} characters wait for it.`,
        ),
      );
    }
    this.#queued += line.length;
    return new Promise((resolve, reject) => {
      this.#queue.push({ line, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /**
   * Writes what waits, then gives the file back. Idempotent. Rejects with INTERLOCK_LEDGER_STUCK if
   * the sink takes nothing for `waitMs`; a thread may hang in it then, which `process.exit` waits for.
   */
  async close(waitMs = HANGS_MS): Promise<void> {
    this.#closed = true;
    // One that is slow is waited for as long as it goes on.
    for (let leftMs = waitMs; !(await endsWithin(leftMs, this.#flushing)); ) {
      leftMs = this.#writtenAt + waitMs - performance.now();
      if (leftMs <= 0) throw this.#stuck(waitMs);
    }
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.close();
  }

  #stuck(waitMs: number): LedgerError {
    const waiting = this.#writing.length + this.#queue.length;
    const error = new LedgerError(
      'INTERLOCK_LEDGER_STUCK',
      `The ledger ${this.#path} took nothing for ${waitMs} ms: of the last ${waiting} records ` +
        'some or all are not in it. Check who reads it, or the disk it is on.',
    );
    for (const one of [...this.#writing, ...this.#queue.splice(0)]) one.reject(error);
    this.#writing = [];
    return error;
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      // A write costs as much as a dozen records, so under load those of a moment go together.
      const wait = this.#closed ? 0 : this.#writtenAt + GATHER_MS - performance.now();
      await new Promise((resolve) =>
        wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve),
      );
      this.#writtenAt = performance.now();
      this.#writing = this.#nextBatch();
      await this.#writeBatch(this.#writing);
    }
    this.#writing = [];
    this.#flushing = undefined;
  }

  #nextBatch(): Waiting[] {
    let size = 0;
    let count = 0;
    while (count < this.#queue.length && size < BATCH_MAX) {
      size += this.#queue[count++]!.line.length;
    }
    this.#queued -= size;
    return this.#queue.splice(0, count);
  }

  async #writeBatch(batch: Waiting[]): Promise<void> {
    const bytes = Buffer.from(batch.map((one) => one.line).join(''));
    let written = 0;
    try {
      this.#sink ??= await this.#reopen();
      while (written < bytes.length) written += await this.#sink.write(bytes.subarray(written));
      for (const one of batch) one.resolve();
    } catch (failure) {
      await this.#sink?.close().catch(() => {});
      this.#sink = undefined;
      let end = 0;
      for (const one of batch) {
        end += Buffer.byteLength(one.line);
        if (end <= written) one.resolve();
        else one.reject(this.#refused(failure));
      }
    }
  }

  /** A sink that failed may be gone for good, or hold a half of a line: it is opened afresh. */
  async #reopen(): Promise<Sink> {
    this.#tornBytes += await moveTornLine(this.#path);
    return openSink(this.#path);
  }

  #refused(failure: unknown): LedgerError {
    return new LedgerError(
      'INTERLOCK_LEDGER_WRITE',
      `The ledger ${this.#path} took no record: ${messageOf(failure)}. The usage is not recorded.`,
      failure,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether it ends in that time. */
async function endsWithin(ms: number, what: Promise<unknown> | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const ended = Promise.resolve(what).then(() => true);
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

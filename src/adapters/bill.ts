/** What an exchange comes to: its counts and its usage, until they are one record in the ledger. */
import type { Anomaly, Outcome, Verdict } from '../../machines/events.js';
import { Accounting } from '../accounting/accounting.js';
import type { BufferSizer } from '../accounting/buffer.js';
import type { UsageRecord } from '../accounting/ledger.js';
import { formatOf } from '../accounting/sniff.js';
import type { AccountingLimits, Usage } from '../accounting/usage.js';
import type { Holder, Observation } from '../observe/observation.js';
import type { Watched } from '../observe/watch.js';

/** The type, the encoding and the length of a body, as its headers tell them. */
export interface Content {
  readonly type?: string;
  readonly encoding?: string;
  readonly length?: number;
}

/** What a content-length says; nothing where it is no number, or several. */
export function lengthOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export interface BillOptions {
  readonly limits: Partial<AccountingLimits>;
  readonly sizer: BufferSizer;
  onProgress(): void;
  onTerminal(verdict: Verdict): void;
}

/** What the adapter knows of an exchange and the bill does not. */
export type Origin = Pick<
  UsageRecord,
  'exchange' | 'cause' | 'method' | 'path' | 'route' | 'upstream' | 'model'
>;

export class Bill implements Holder {
  readonly #observation: Observation | undefined;
  readonly #row: Watched | undefined;
  readonly #startedAt: number;
  #accounting: Accounting | undefined;
  #firstByteMs: number | undefined;
  #anomalies: Record<string, number> | undefined;
  #toldRevision = 0;
  #streams = false;
  requestBytes = 0;
  /** Bytes of the response's body that were forwarded, and that were shown to accounting. */
  forwardedBytes = 0;
  bufferedBytes = 0;
  /** The upstream's status, and the gateway's own where it answered itself. */
  status: number | undefined;
  ownStatus: number | undefined;

  /** `observation` is told the record too, and `row` the bytes as they pass. */
  constructor(observation?: Observation, row?: Watched) {
    this.#observation = observation;
    this.#row = row;
    this.#startedAt = observation?.startedAt ?? performance.now();
    if (observation !== undefined) observation.holder = this;
  }

  /** Bytes of memory held to read the usage. */
  get heldBytes(): number {
    return this.#accounting?.bufferedBytes ?? 0;
  }

  /** Bytes of the response that were read and not forwarded. */
  get detachedBytes(): number {
    return this.bufferedBytes - this.forwardedBytes;
  }

  open({ type, encoding, length }: Content, options: BillOptions): void {
    const format = formatOf(type);
    this.#streams = format === 'sse' || format === 'ndjson';
    this.#accounting = new Accounting({
      contentType: type,
      contentEncoding: encoding,
      contentLength: length,
      ...options,
    });
  }

  /** A chunk of the request's body has come. */
  received(chunk: Uint8Array): void {
    this.requestBytes += chunk.length;
    this.#row?.request.take(chunk);
  }

  forwarded(chunk: Buffer): void {
    this.forwardedBytes += chunk.length;
    this.#row?.response.take(chunk);
    this.#firstByteMs ??= performance.now() - this.#startedAt;
  }

  buffer(chunk: Buffer): void {
    this.bufferedBytes += chunk.length;
    this.#accounting?.write(chunk);
  }

  /** The body has ended: reads what is there, and tells when there is no more to be read. */
  read(done: () => void): void {
    this.#accounting?.read();
    const settled = this.#accounting?.settle();
    if (settled instanceof Promise) void settled.then(done);
    else done();
  }

  /** The usage, if it says more now than when it was last asked for. */
  news(): Usage | undefined {
    const revision = this.#accounting?.revision ?? 0;
    if (revision === this.#toldRevision) return undefined;
    this.#toldRevision = revision;
    return this.#accounting?.seen;
  }

  release(): void {
    this.#accounting?.release();
  }

  /** What the machine absorbed, or an adapter before it: a message that says nothing. */
  count(anomaly: Anomaly | 'unrecognised'): void {
    this.#anomalies ??= {};
    this.#anomalies[anomaly] = (this.#anomalies[anomaly] ?? 0) + 1;
  }

  /** Gives the one record to `write`, once the usage is settled: at once where that is possible. */
  settle(outcome: Outcome, origin: Origin, write: (record: UsageRecord) => void): void {
    const usage = this.#accounting?.settle() ?? notRead(this.status);
    if (usage instanceof Promise) {
      void usage.then((settled) => write(this.#record(outcome, origin, settled)));
    } else write(this.#record(outcome, origin, usage));
  }

  #record(outcome: Outcome, origin: Origin, usage: Usage): UsageRecord {
    const now = performance.now();
    const record: UsageRecord = {
      v: 1,
      exchange: origin.exchange,
      at: new Date().toISOString(),
      outcome,
      cause: origin.cause ?? ownCause(outcome, this.status),
      status: this.ownStatus ?? this.status,
      method: origin.method,
      path: origin.path,
      route: origin.route,
      upstream: origin.upstream,
      model: usage.model ?? origin.model,
      usage,
      requestBytes: this.requestBytes,
      responseBytes: this.forwardedBytes,
      durationMs: rounded(now - this.#startedAt),
      firstByteMs: this.#firstByteMs === undefined ? undefined : rounded(this.#firstByteMs),
      anomalies: this.#anomalies,
    };
    const circumstances = { streams: this.#streams, requestModel: origin.model };
    this.#observation?.recorded(record, circumstances, now);
    return record;
  }
}

/** The usage of an exchange whose response was not one to read usage from. */
function notRead(status: number | undefined): Usage {
  return { kind: 'unknown', reason: status === undefined ? 'not_started' : 'error_body' };
}

/** The cause where nothing but the response itself told the outcome. */
function ownCause(outcome: Outcome, status: number | undefined): string | undefined {
  if (outcome === 'completed') return undefined;
  // Nobody told the end, and what there was of the body did not tell it either.
  if (outcome === 'unknown') return 'transport_closed';
  // The response of a client that had gone was read to its end.
  if (outcome === 'cancelled') return 'client_gone';
  return status !== undefined && status >= 400 ? 'error_status' : 'error_in_stream';
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

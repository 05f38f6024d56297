/**
 * Which exchanges a viewer is shown, and when. An exchange is followed whole or not at all.
 *
 * The data path only calls `sink`, which puts a record into a bounded queue and is done. A later
 * turn takes a few records from the queue and tells them; turns are spaced out, so that what they
 * cost stays a small share of the time however much traffic there is. What does not fit is left
 * out by whole exchanges, since half a story misleads, and is counted.
 */
import type { TraceRecord, TraceSink } from '../trace.js';

export interface SamplingLimits {
  /** Records that wait to be told. No new exchange is followed while half of them do. */
  readonly queuedMax: number;
  /** Exchanges that are followed: those in flight, and the latest that are over. */
  readonly followedMax: number;
  /** Records kept of one exchange, for a late viewer: its first and its newest. */
  readonly keptMax: number;
  readonly turnRecordsMax: number;
  readonly turnEveryMs: number;
  /** What was left out is said once in such a period. */
  readonly dropPeriodMs: number;
}

export const SAMPLING_LIMITS: SamplingLimits = {
  queuedMax: 2_000,
  followedMax: 50,
  keptMax: 200,
  turnRecordsMax: 100,
  turnEveryMs: 20,
  dropPeriodMs: 5_000,
};

export interface SamplingListener {
  /** The next record of an exchange; its first has `seq` 0. */
  told(record: TraceRecord): void;
  /** Nothing more will be told of the exchange whose last told record this is. */
  cut(last: TraceRecord): void;
  warn(message: string): void;
}

/** An exchange that is followed, with what was told of it. */
interface Followed {
  readonly told: TraceRecord[];
  /** It was told that the exchange is processed. It is followed on, since late events may come. */
  over: boolean;
  /** It is followed no longer, and what waits of it is not to be told. */
  cut: boolean;
}

export class Sampling {
  /** Exchanges of which nothing, or not everything, was told. */
  dropped = 0;
  readonly #limits: SamplingLimits;
  readonly #listener: SamplingListener;
  readonly #followed = new Map<string, Followed>();
  readonly #cut: Followed[] = [];
  #queue: { readonly record: TraceRecord; readonly exchange: Followed }[] = [];
  #turn: NodeJS.Timeout | undefined;
  #period: NodeJS.Timeout | undefined;
  #droppedInPeriod = 0;

  constructor(listener: SamplingListener, limits: Partial<SamplingLimits> = {}) {
    this.#listener = listener;
    this.#limits = { ...SAMPLING_LIMITS, ...limits };
  }

  /** Records that wait to be told; at most `queuedMax`. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Records that are kept for a late viewer; at most `followedMax * keptMax`. */
  get kept(): number {
    return this.replay.reduce((sum, { length }) => sum + length, 0);
  }

  readonly sink: TraceSink = (record) => {
    const exchange =
      record.seq === 0 ? this.#follow(record.exchange) : this.#followed.get(record.exchange);
    if (exchange === undefined) return;
    if (this.#queue.length >= this.#limits.queuedMax) {
      this.#leave(record.exchange, exchange);
      return;
    }
    this.#queue.push({ record, exchange });
    this.#turn ??= setTimeout(this.#tell, this.#limits.turnEveryMs).unref();
  };

  /** What was told so far of each exchange that is followed, in the order in which they began. */
  get replay(): (readonly TraceRecord[])[] {
    return [...this.#followed.values()].map(({ told }) => told).filter(({ length }) => length > 0);
  }

  /** Tells what still waits, and ends. */
  close(): void {
    while (this.#queue.length > 0) this.#tell();
    clearTimeout(this.#turn);
    this.#sayDropped();
    this.#followed.clear();
  }

  #follow(id: string): Followed | undefined {
    if (this.#queue.length * 2 >= this.#limits.queuedMax || !this.#makeRoom()) {
      this.#countDropped();
      return undefined;
    }
    const exchange: Followed = { told: [], over: false, cut: false };
    this.#followed.set(id, exchange);
    return exchange;
  }

  /** Whether one more can be followed; the oldest that is over is forgotten for it. */
  #makeRoom(): boolean {
    if (this.#followed.size < this.#limits.followedMax) return true;
    for (const [id, exchange] of this.#followed) {
      if (!exchange.over) continue;
      exchange.cut = true;
      return this.#followed.delete(id);
    }
    return false;
  }

  #leave(id: string, exchange: Followed): void {
    this.#followed.delete(id);
    exchange.cut = true;
    this.#cut.push(exchange);
    this.#countDropped();
  }

  readonly #tell = (): void => {
    this.#turn = undefined;
    for (const { told } of this.#cut.splice(0)) {
      const last = told.at(-1);
      if (last !== undefined) this.#listener.cut(last);
    }
    for (const { record, exchange } of this.#queue.splice(0, this.#limits.turnRecordsMax)) {
      if (exchange.cut) continue;
      // The first record stays: it is where a late viewer learns of the exchange.
      if (exchange.told.length >= this.#limits.keptMax) exchange.told.splice(1, 1);
      exchange.told.push(record);
      exchange.over = record.state.startsWith('processed.');
      this.#listener.told(record);
    }
    if (this.#queue.length > 0) {
      this.#turn ??= setTimeout(this.#tell, this.#limits.turnEveryMs).unref();
    }
  };

  #countDropped(): void {
    this.dropped++;
    this.#droppedInPeriod++;
    this.#period ??= setTimeout(this.#sayDropped, this.#limits.dropPeriodMs).unref();
  }

  readonly #sayDropped = (): void => {
    clearTimeout(this.#period);
    this.#period = undefined;
    if (this.#droppedInPeriod === 0) return;
    this.#listener.warn(`inspector: ${this.#droppedInPeriod} exchanges were too many to show`);
    this.#droppedInPeriod = 0;
  };
}

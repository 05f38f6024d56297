/** The metrics of one server, as instruments of whatever meter is given. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attributes, BatchObservableCallback, Meter, Observable } from '@opentelemetry/api';
import { growth } from '../accounting/growing.js';
import type { UsageRecord } from '../accounting/ledger.js';
import { UNKNOWN_REASONS } from '../accounting/usage.js';
import type { LabelSet } from './genai.js';
import { Interned, OTHER } from './labels.js';
import type { Counted, Lifecycle } from './lifecycle.js';
import type { Metric } from './metrics.js';
import { METRICS } from './metrics.js';
import { PHASES } from './phases.js';

/** Between two looks at the event loop. What Node tells of its delay has this in it. */
const RESOLUTION_MS = 20;
const DURATIONS_MAX = 200;
const OTHERS: Attributes = Object.freeze({ outcome: OTHER, route: OTHER });

/** Times of an exchange that are told when it is recorded, in seconds. */
export interface Times {
  readonly firstToken: number | undefined;
  readonly perOutputToken: number | undefined;
}

/** A histogram, for one of few label sets at a time. */
export interface Distribution {
  of(labels: Attributes): Series;
}

export interface Series {
  record(value: number): void;
}

/** What the records of exchanges with the same labels are told in. */
export interface RecordSeries {
  readonly usage: { count: number };
  readonly duration: Series;
  readonly operation: OperationSeries | undefined;
}

interface OperationSeries {
  readonly duration: Series;
  readonly timeToFirstToken: Series;
  readonly timePerOutputToken: Series;
  readonly inputTokens: Series;
  readonly outputTokens: Series;
}

/** What the instruments are read from. */
export interface Source {
  /** Called before they are read. */
  readonly before: () => void;
  /** Memory that the exchanges in flight hold. */
  readonly heldBytes: () => number;
}

export class Instruments {
  readonly #meter: Meter;
  readonly #lifecycle: Lifecycle;
  readonly #source: Source;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #usage = new Map<string, { count: number; labels: Record<string, string> }>();
  readonly #observed: readonly (readonly [Observable, () => readonly Counted[]])[];
  readonly #states: readonly Series[];
  readonly #duration: Distribution;
  readonly #requestDuration: Distribution;
  readonly #timeToFirstToken: Distribution;
  readonly #timePerOutputToken: Distribution;
  readonly #tokens: Distribution;
  readonly #durations = new Interned<Attributes>(DURATIONS_MAX);

  /** `histogram` makes each. */
  constructor(
    meter: Meter,
    lifecycle: Lifecycle,
    source: Source,
    histogram = (metric: Metric) => histogramOf(meter, metric),
  ) {
    this.#meter = meter;
    this.#lifecycle = lifecycle;
    this.#source = source;
    const stateDuration = histogram(METRICS.stateDuration);
    this.#states = PHASES.map((state) => stateDuration.of(Object.freeze({ state })));
    this.#duration = histogram(METRICS.duration);
    this.#requestDuration = histogram(METRICS.requestDuration);
    this.#timeToFirstToken = histogram(METRICS.timeToFirstToken);
    this.#timePerOutputToken = histogram(METRICS.timePerOutputToken);
    this.#tokens = histogram(METRICS.tokens);
    this.#usageOf('final');
    this.#usageOf('partial');
    for (const reason of UNKNOWN_REASONS) this.#usageOf('unknown', reason);
    this.#observed = this.#observables();
    meter.addBatchObservableCallback(
      this.#observe,
      this.#observed.map(([instrument]) => instrument),
    );
    this.#loopDelay.enable();
  }

  leftState(phase: number, seconds: number): void {
    (this.#states[phase] as Series).record(seconds);
  }

  /** `labels` are those of an operation of generative AI. */
  seriesOf({ outcome, cause, route = OTHER, usage }: UsageRecord, labels?: LabelSet): RecordSeries {
    const own = this.#durations.get([outcome, route], () => ({ outcome, route }));
    const reason = usage.kind === 'unknown' ? usage.reason : undefined;
    return {
      usage: this.#usageOf(usage.kind, reason),
      duration: this.#duration.of(own ?? OTHERS),
      operation: labels && {
        duration: this.#requestDuration.of(
          outcome === 'completed' ? labels.all : labels.failed(cause ?? outcome),
        ),
        timeToFirstToken: this.#timeToFirstToken.of(labels.all),
        timePerOutputToken: this.#timePerOutputToken.of(labels.all),
        inputTokens: this.#tokens.of(labels.input),
        outputTokens: this.#tokens.of(labels.output),
      },
    };
  }

  recorded(series: RecordSeries, { usage, durationMs }: UsageRecord, times: Times): void {
    const seconds = durationMs / 1_000;
    series.usage.count++;
    series.duration.record(seconds);
    const { operation } = series;
    if (operation === undefined) return;
    operation.duration.record(seconds);
    const { firstToken, perOutputToken } = times;
    if (firstToken !== undefined) operation.timeToFirstToken.record(firstToken);
    if (perOutputToken !== undefined) operation.timePerOutputToken.record(perOutputToken);
    // What is not known is not told as nothing, and a lower bound is no usage.
    if (usage.kind !== 'final') return;
    const { inputTokens, outputTokens } = usage;
    if (inputTokens !== undefined) operation.inputTokens.record(inputTokens);
    if (outputTokens !== undefined) operation.outputTokens.record(outputTokens);
  }

  close(): void {
    this.#loopDelay.disable();
    this.#meter.removeBatchObservableCallback(
      this.#observe,
      this.#observed.map(([instrument]) => instrument),
    );
  }

  #usageOf(kind: string, reason?: string): { count: number } {
    const key = reason ?? kind;
    let found = this.#usage.get(key);
    if (found === undefined) {
      found = { count: 0, labels: reason === undefined ? { kind } : { kind, reason } };
      this.#usage.set(key, found);
    }
    return found;
  }

  #observables(): (readonly [Observable, () => readonly Counted[]])[] {
    const lifecycle = this.#lifecycle;
    const of = (metric: Metric, read: () => readonly Counted[]) =>
      [observable(this.#meter, metric), read] as const;
    const one = (metric: Metric, read: () => number) =>
      of(metric, () => [{ count: read(), labels: {} }]);
    const delay = this.#loopDelay;
    return [
      of(METRICS.inFlight, () => lifecycle.inFlight()),
      of(METRICS.transitions, () => lifecycle.transitions()),
      of(METRICS.outcomes, () => lifecycle.ordered('recordUsage')),
      of(METRICS.anomalies, () => lifecycle.ordered('countAnomaly')),
      of(METRICS.deadlines, () => lifecycle.deadlines()),
      of(METRICS.heals, () => lifecycle.heals()),
      of(METRICS.usage, () => [...this.#usage.values()]),
      one(METRICS.bufferSize, this.#source.heldBytes),
      one(METRICS.bufferGrowths, () => growth.growths),
      one(METRICS.bufferCopied, () => growth.copiedBytes),
      one(METRICS.bufferRefusals, () => growth.refusals),
      one(METRICS.delayMedian, () => lateSeconds(delay.percentile(50))),
      one(METRICS.delayP99, () => lateSeconds(delay.percentile(99))),
      one(METRICS.delayMax, () => lateSeconds(delay.max)),
    ];
  }

  readonly #observe: BatchObservableCallback = (result) => {
    this.#source.before();
    for (const [instrument, read] of this.#observed) {
      for (const { count, labels } of read()) result.observe(instrument, count, labels);
    }
    // The delay is that since it was last asked for.
    this.#loopDelay.reset();
  };
}

function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) / 1_000;
}

function histogramOf(meter: Meter, { name, unit, description, buckets }: Metric): Distribution {
  const advice = { explicitBucketBoundaries: [...(buckets ?? [])] };
  const made = meter.createHistogram(name, { unit, description, advice });
  return { of: (labels) => ({ record: (value) => made.record(value, labels) }) };
}

function observable(meter: Meter, { name, kind, unit, description }: Metric): Observable {
  if (kind === 'counter') return meter.createObservableCounter(name, { unit, description });
  if (kind === 'sum') return meter.createObservableUpDownCounter(name, { unit, description });
  return meter.createObservableGauge(name, { unit, description });
}

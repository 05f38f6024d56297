/**
 * Histograms without the cost of an instrument: a value of ours costs a look-up and three sums, and
 * one of the SDK's more than all else that an exchange is told for. They are read as a producer of
 * metrics beside the SDK's own, so whoever exports sees no difference.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import type { CollectionResult, MetricData, MetricProducer } from '@opentelemetry/sdk-metrics';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { Distribution } from './instruments.js';
import type { Metric } from './metrics.js';
import { NAME } from './spans.js';

interface Series {
  readonly counts: number[];
  sum: number;
  count: number;
  min: number;
  max: number;
}

/** Label sets must be the same objects for the same labels, and of a bounded number. */
class Histogram implements Distribution {
  readonly #metric: Metric;
  readonly #bounds: readonly number[];
  readonly #series = new Map<Attributes, Series>();

  constructor(metric: Metric) {
    this.#metric = metric;
    this.#bounds = metric.buckets ?? [];
  }

  record(value: number, labels: Attributes): void {
    let series = this.#series.get(labels);
    if (series === undefined) {
      const counts = new Array<number>(this.#bounds.length + 1).fill(0);
      series = { counts, sum: 0, count: 0, min: Infinity, max: -Infinity };
      this.#series.set(labels, series);
    }
    // An upper bound is a part of its bucket.
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    series.counts[bucket]!++;
    series.sum += value;
    series.count++;
    if (value < series.min) series.min = value;
    if (value > series.max) series.max = value;
  }

  collect(startTime: HrTime, endTime: HrTime): MetricData | undefined {
    if (this.#series.size === 0) return undefined;
    const { name, description, unit } = this.#metric;
    return {
      descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [...this.#series].map(([attributes, { counts, ...sums }]) => ({
        startTime,
        endTime,
        attributes,
        value: { ...sums, buckets: { boundaries: [...this.#bounds], counts: [...counts] } },
      })),
    };
  }
}

export class Distributions implements MetricProducer {
  readonly #startTime = now();
  readonly #all: Histogram[] = [];
  /** Called before they are read: whoever has values to record yet does so now. */
  before: () => void = () => {};

  readonly of = (metric: Metric): Distribution => {
    const made = new Histogram(metric);
    this.#all.push(made);
    return made;
  };

  async collect(): Promise<CollectionResult> {
    this.before();
    const endTime = now();
    const metrics = this.#all
      .map((histogram) => histogram.collect(this.#startTime, endTime))
      .filter((metric) => metric !== undefined);
    const scopeMetrics = [{ scope: { name: NAME }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

function now(): HrTime {
  const ms = Date.now();
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1e6];
}

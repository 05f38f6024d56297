/**
 * Histograms without the cost of an instrument: a value of ours costs a few sums, and one of the
 * SDK's more than all else that an exchange is told for. They are read as a producer of metrics
 * beside the SDK's own, so whoever exports sees no difference.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import type {
  CollectionResult,
  Histogram as HistogramValue,
  MetricData,
  MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { Distribution, Series } from './instruments.js';
import type { Metric } from './metrics.js';
import { NAME } from './spans.js';

class Values implements Series {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;
  #min = Infinity;
  #max = -Infinity;

  /** `bounds` are the upper ones: each is a part of its bucket. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Undefined where there was no value yet. */
  read(): HistogramValue | undefined {
    if (this.#count === 0) return undefined;
    return {
      buckets: { boundaries: [...this.#bounds], counts: [...this.#counts] },
      sum: this.#sum,
      count: this.#count,
      min: this.#min,
      max: this.#max,
    };
  }
}

/** Label sets must be the same objects for the same labels, and of a bounded number. */
class Histogram implements Distribution {
  readonly #metric: Metric;
  readonly #series = new Map<Attributes, Values>();

  constructor(metric: Metric) {
    this.#metric = metric;
  }

  of(labels: Attributes): Series {
    let series = this.#series.get(labels);
    if (series === undefined) {
      series = new Values(this.#metric.buckets ?? []);
      this.#series.set(labels, series);
    }
    return series;
  }

  collect(startTime: HrTime, endTime: HrTime): MetricData | undefined {
    const { name, description, unit } = this.#metric;
    const dataPoints = [...this.#series].flatMap(([attributes, series]) => {
      const value = series.read();
      return value === undefined ? [] : [{ startTime, endTime, attributes, value }];
    });
    if (dataPoints.length === 0) return undefined;
    return {
      descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
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

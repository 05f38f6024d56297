/**
 * Metrics and spans to an OpenTelemetry collector, as OTLP over HTTP. What the collector does not
 * take is told and lost: queues are bounded, and no exchange waits for it.
 */
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporterBase } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  JsonMetricsSerializer,
  JsonTraceSerializer,
  MetricsExporterMetricsHelper,
  ProtobufMetricsSerializer,
  TraceExporterMetricsHelper,
} from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import type { MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace-base';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { told } from './answers.js';
import { ApiSpans } from './apispans.js';
import { collectorAt } from './collectors.js';
import type { Endpoints, Environment, Protocol } from './endpoints.js';
import { bad, wholeOf } from './endpoints.js';
import type { OtlpSpansOptions } from './otlpspans.js';
import { OtlpSpans } from './otlpspans.js';
import { TOGETHER_MAX } from './spanbytes.js';
import { ProtobufSpanExporter } from './spanexporter.js';
import type { SpanMaker } from './spans.js';
import { NAME } from './spans.js';

const TIMEOUT_MS = 3_000;
const EXPORT_EVERY_MS = 60_000;

const METRIC_SERIALIZERS = {
  'http/protobuf': ProtobufMetricsSerializer,
  'http/json': JsonMetricsSerializer,
} satisfies Record<Protocol, unknown>;

export interface Otlp {
  readonly reader: MetricReader | undefined;
  readonly spans: SpanMaker | undefined;
  /** Sends what waits, for a moment at the most, and lets go of the collector. */
  close(): Promise<void>;
}

/** Throws `INTERLOCK_BAD_OPTION` for a variable of the environment that says nothing of use. */
export function openOtlp(
  { traces, metrics }: Endpoints,
  resource: Resource,
  metricProducers: MetricProducer[],
  warn: (message: string) => void,
  env: Environment = process.env,
): Otlp {
  const { sampler, allRoots } = samplerOf(env);
  for (const of of ['SCHEDULE_DELAY', 'EXPORT_TIMEOUT']) {
    const name = `OTEL_BSP_${of}`;
    wholeOf({ name, value: env[name] }, 0);
  }
  const collectors: { destroy(): void }[] = [];
  let queue: BatchSpanProcessor | undefined;
  let spans: SpanMaker | undefined;
  if (traces?.protocol === 'http/json') {
    const serializer = JsonTraceSerializer;
    const counter = TraceExporterMetricsHelper;
    const collector = collectorAt('traces', traces, serializer, counter, env, warn);
    collectors.push(collector);
    const exporter = new OTLPExporterBase(collector.delegate);
    queue = new BatchSpanProcessor(told(exporter, traces.url, warn));
    const provider = new BasicTracerProvider({ resource, sampler, spanProcessors: [queue] });
    spans = new ApiSpans(provider.getTracer(NAME), new W3CTraceContextPropagator());
  } else if (traces !== undefined) {
    const exporter = new ProtobufSpanExporter(traces, env, warn);
    collectors.push(exporter);
    // The queue looks at no more of a span than `WrittenSpans` have, and hands it on as it is.
    const sink = told(exporter, traces.url, warn) as unknown as SpanExporter;
    queue = new BatchSpanProcessor(sink, sizesOfQueue(env));
    const ended = queue as unknown as OtlpSpansOptions['queue'];
    spans = new OtlpSpans({ resource, sampler, allRoots, queue: ended });
  }
  let reader: MetricReader | undefined;
  if (metrics !== undefined) {
    const serializer = METRIC_SERIALIZERS[metrics.protocol];
    const counter = MetricsExporterMetricsHelper;
    const collector = collectorAt('metrics', metrics, serializer, counter, env, warn);
    collectors.push(collector);
    const exporter = new OTLPMetricExporterBase(collector.delegate);
    reader = new PeriodicExportingMetricReader({
      exporter: told(exporter, metrics.url, warn),
      metricProducers,
      exportIntervalMillis: everyMs(env),
      exportTimeoutMillis: Math.min(timeoutMs(env), everyMs(env)),
    });
  }
  const close = async () => {
    const closed = Promise.allSettled([queue?.shutdown(), reader?.shutdown()]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, TIMEOUT_MS);
    });
    await Promise.race([closed, late]);
    clearTimeout(timer);
    for (const collector of collectors) collector.destroy();
  };
  return { reader, spans, close };
}

/** The SDK's own, of what waits in its queue many together. */
function sizesOfQueue(env: Environment) {
  const togetherOf = (name: string, spans: number) =>
    Math.ceil((wholeOf({ name, value: env[name] }, 1) ?? spans) / TOGETHER_MAX);
  return {
    maxExportBatchSize: togetherOf('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
    maxQueueSize: togetherOf('OTEL_BSP_MAX_QUEUE_SIZE', 2_048),
  };
}

function everyMs(env: Environment): number {
  const name = 'OTEL_METRIC_EXPORT_INTERVAL';
  return wholeOf({ name, value: env[name] }, 100, 'milliseconds') ?? EXPORT_EVERY_MS;
}

function timeoutMs(env: Environment): number {
  const name = 'OTEL_METRIC_EXPORT_TIMEOUT';
  return wholeOf({ name, value: env[name] }, 1, 'milliseconds') ?? TIMEOUT_MS;
}

const SAMPLERS: Readonly<Record<string, (share: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (share) => new TraceIdRatioBasedSampler(share),
};
const PARENT_BASED = 'parentbased_';

/** The SDK leaves out what it does not know, and tells nobody. */
function samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: Environment): {
  readonly sampler: Sampler;
  /** It records whatever nobody called for. */
  readonly allRoots: boolean;
} {
  const name = OTEL_TRACES_SAMPLER || `${PARENT_BASED}always_on`;
  const text = OTEL_TRACES_SAMPLER_ARG || '1';
  const share = Number(text);
  if (!(share >= 0 && share <= 1)) {
    throw bad('OTEL_TRACES_SAMPLER_ARG', text, 'a share from 0 to 1');
  }
  const byParent = name.startsWith(PARENT_BASED);
  const bare = byParent ? name.slice(PARENT_BASED.length) : name;
  if (!Object.hasOwn(SAMPLERS, bare)) {
    const known = Object.keys(SAMPLERS);
    const accepted = [...known, ...known.map((item) => PARENT_BASED + item)];
    throw bad('OTEL_TRACES_SAMPLER', name, `one of ${accepted.join(', ')}`);
  }
  const root = (SAMPLERS[bare] as (share: number) => Sampler)(share);
  const sampler = byParent ? new ParentBasedSampler({ root }) : root;
  return { sampler, allRoots: bare === 'always_on' };
}

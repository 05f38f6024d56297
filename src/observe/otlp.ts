/**
 * Metrics and spans to an OpenTelemetry collector, as OTLP over HTTP. What the collector does not
 * take is told and lost: queues are bounded, and no exchange waits for it.
 */
import type { Agent } from 'node:http';
import type { MetricProducer, MetricReader, PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Endpoint, Endpoints, Environment, Protocol } from './endpoints.js';
import { bad } from './endpoints.js';
import { shown } from './text.js';

const TIMEOUT_MS = 3_000;
const EXPORT_EVERY_MS = 60_000;
/** A failure is told at once, and again after so long. */
const TOLD_EVERY_MS = 60_000;

/** The SDK's exporters. Spans cost half as much as protobuf, and a third of the bytes, as in JSON. */
const EXPORTERS = {
  'http/protobuf': {
    spans: async () => (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter,
    metrics: async () =>
      (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter,
  },
  'http/json': {
    spans: async () => (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter,
    metrics: async () =>
      (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter,
  },
} satisfies Record<Protocol, unknown>;

export interface Otlp {
  readonly reader: MetricReader | undefined;
  readonly processor: SpanProcessor | undefined;
  /** Sends what waits, for a moment at the most, and lets go of the collector. */
  close(): Promise<void>;
}

/** Rejects with `INTERLOCK_BAD_OPTION` for a variable of the environment that says nothing known. */
export async function openOtlp(
  { traces, metrics }: Endpoints,
  metricProducers: MetricProducer[],
  warn: (message: string) => void,
  env: Environment = process.env,
): Promise<Otlp> {
  expectSampler(env);
  const agents: Agent[] = [];
  const options = ({ url }: Endpoint) => ({
    url,
    // The environment's own time, where it has one, is read by the exporter.
    ...(env.OTEL_EXPORTER_OTLP_TIMEOUT === undefined && { timeoutMillis: TIMEOUT_MS }),
    httpAgentOptions: async (protocol: string) => {
      const { Agent } = await (protocol === 'http:' ? import('node:http') : import('node:https'));
      const agent = new Agent({ keepAlive: true });
      agents.push(agent);
      return agent;
    },
  });
  let processor: SpanProcessor | undefined;
  if (traces !== undefined) {
    const exporter: SpanExporter = new (await EXPORTERS[traces.protocol].spans())(options(traces));
    processor = new BatchSpanProcessor(told(exporter, traces.url, warn));
  }
  let reader: MetricReader | undefined;
  if (metrics !== undefined) {
    const Exporter = await EXPORTERS[metrics.protocol].metrics();
    const exporter: PushMetricExporter = new Exporter(options(metrics));
    reader = new PeriodicExportingMetricReader({
      exporter: told(exporter, metrics.url, warn),
      metricProducers,
      exportIntervalMillis: everyMs(env),
      exportTimeoutMillis: Math.min(TIMEOUT_MS, everyMs(env)),
    });
  }
  const close = async () => {
    const closed = Promise.allSettled([processor?.shutdown(), reader?.shutdown()]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, TIMEOUT_MS);
    });
    await Promise.race([closed, late]);
    clearTimeout(timer);
    for (const agent of agents) agent.destroy();
  };
  return { reader, processor, close };
}

function everyMs(env: Environment): number {
  const text = env.OTEL_METRIC_EXPORT_INTERVAL;
  if (text === undefined || text === '') return EXPORT_EVERY_MS;
  const ms = Number(text);
  if (Number.isSafeInteger(ms) && ms >= 100) return ms;
  throw bad('OTEL_METRIC_EXPORT_INTERVAL', text, 'milliseconds, from 100');
}

const SAMPLERS = ['always_on', 'always_off', 'traceidratio'];

/** The SDK reads these itself. What it does not know it leaves out, and tells nobody. */
function expectSampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share }: Environment) {
  const accepted = [...SAMPLERS, ...SAMPLERS.map((sampler) => `parentbased_${sampler}`)];
  if (name !== undefined && name !== '' && !accepted.includes(name)) {
    throw bad('OTEL_TRACES_SAMPLER', name, `one of ${accepted.join(', ')}`);
  }
  if (share !== undefined && share !== '' && !(Number(share) >= 0 && Number(share) <= 1)) {
    throw bad('OTEL_TRACES_SAMPLER_ARG', share, 'a share from 0 to 1');
  }
}

/** As the SDK's `ExportResult`: 0 is success. */
interface Result {
  readonly code: number;
  readonly error?: Error;
}
interface Exporter<Items> {
  export(items: Items, done: (result: Result) => void): void;
}

/** The exporter, which tells people of what is not taken: the first time, and then now and again. */
function told<Items, E extends Exporter<Items>>(
  exporter: E & Exporter<Items>,
  url: string,
  warn: (message: string) => void,
): E {
  const send = exporter.export.bind(exporter);
  let failures = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  exporter.export = (items, done) => {
    send(items, (result) => {
      if (result.code === 0) {
        if (failures > 0) warn(`OTLP ${url}: taken again, after ${failures} batches were not`);
        failures = 0;
        toldAt = Number.NEGATIVE_INFINITY;
      } else {
        failures++;
        if (performance.now() - toldAt >= TOLD_EVERY_MS) {
          toldAt = performance.now();
          warn(`OTLP ${url}: not taken: ${whyOf(result.error)}; exchanges go on`);
        }
      }
      done(result);
    });
  };
  return exporter;
}

function whyOf(error: Error | undefined): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: string };
  return shown([code, message].filter(Boolean).join(' ') || 'no answer');
}

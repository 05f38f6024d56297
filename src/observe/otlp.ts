/**
 * Metrics and spans to an OpenTelemetry collector, as OTLP over HTTP. What the collector does not
 * take is told and lost: queues are bounded, and no exchange waits for it.
 */
import type { Agent } from 'node:http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Endpoints, Environment } from './endpoints.js';
import { bad } from './endpoints.js';
import { requestOf } from './spans.js';
import { shown } from './text.js';

const TIMEOUT_MS = 3_000;
const EXPORT_EVERY_MS = 60_000;
/** A failure is told at once, and again after so long. */
const TOLD_EVERY_MS = 60_000;

export interface Otlp {
  readonly reader: MetricReader | undefined;
  readonly processor: SpanProcessor | undefined;
  /** The processor takes spans of `Spans`. */
  readonly written: boolean;
  /** Sends what waits, for a moment at the most, and lets go of the collector. */
  close(): Promise<void>;
}

export function openOtlp(
  { traces, metrics }: Endpoints,
  metricProducers: MetricProducer[],
  warn: (message: string) => void,
  env: Environment = process.env,
): Otlp {
  const agents: Agent[] = [];
  const options = (url: string) => ({
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
  const exporter = traces === undefined ? undefined : new OTLPTraceExporter(options(traces));
  const written = exporter !== undefined && byDefault(env) && sendsWritten(exporter);
  const processor = exporter && new BatchSpanProcessor(told(exporter, traces as string, warn));
  const reader =
    metrics === undefined
      ? undefined
      : new PeriodicExportingMetricReader({
          exporter: told(new OTLPMetricExporter(options(metrics)), metrics, warn),
          metricProducers,
          exportIntervalMillis: everyMs(env),
          exportTimeoutMillis: Math.min(TIMEOUT_MS, everyMs(env)),
        });
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
  return { reader, processor, written, close };
}

function everyMs(env: Environment): number {
  const text = env.OTEL_METRIC_EXPORT_INTERVAL;
  if (text === undefined || text === '') return EXPORT_EVERY_MS;
  const ms = Number(text);
  if (Number.isSafeInteger(ms) && ms >= 100) return ms;
  throw bad('OTEL_METRIC_EXPORT_INTERVAL', text, 'milliseconds, from 100');
}

/** What the SDK reads of the environment to sample, and to bound what a span holds. */
const OF_SPANS = /^OTEL_(TRACES_SAMPLER|(SPAN|ATTRIBUTE)_\w+_LIMIT)/;

/** Whether spans are treated by default. What else the SDK knows is left to the SDK's spans. */
function byDefault(env: Environment): boolean {
  return !Object.keys(env).some((name) => OF_SPANS.test(name) && env[name] !== '');
}

/** Makes the bytes of a request. */
interface Serializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
}

/**
 * Makes the exporter send our spans as they are written, and says whether it does. It has no option
 * for that and is reached into, since all else of it is wanted: its variables, retries and limits.
 */
function sendsWritten(exporter: OTLPTraceExporter): boolean {
  const { _delegate } = exporter as unknown as { _delegate?: { _serializer?: Serializer } };
  const serializer = _delegate?._serializer;
  if (_delegate === undefined || typeof serializer?.serializeRequest !== 'function') return false;
  _delegate._serializer = {
    ...serializer,
    serializeRequest: (spans) => requestOf(spans) ?? serializer.serializeRequest(spans),
  };
  return true;
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

/**
 * The SDK behind the telemetry of a server that we start ourselves: who reads the metrics, where
 * spans go, where the log is. An embedder has providers of its own, and no need of this.
 */
import type { Resource } from '@opentelemetry/resources';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Distributions } from './distributions.js';
import type { Endpoints } from './endpoints.js';
import { warnOfUnused } from './environment.js';
import type { Log, LogLevel } from './log.js';
import { Telemetry } from './telemetry.js';

export interface OpenOptions {
  /** Binds the port of `/metrics` by what it is given; it tells of what is refused. */
  readonly metrics?: ((listen: Listen) => Promise<void>) | undefined;
  readonly endpoints: Endpoints;
  readonly log?: LogLevel | undefined;
  /** Models that metrics are to tell by name. */
  readonly models: readonly string[];
  /** Told, for people, what goes wrong, where there is no log. */
  readonly warn: (message: string) => void;
}

type Listen = (at: { readonly host: string; readonly port: number }) => Promise<void>;

export interface Opened {
  readonly telemetry: Telemetry;
  /** Where `/metrics` is. */
  readonly metricsUrl: string | undefined;
  /** Where it is sent. */
  readonly endpoints: Endpoints;
  /** To the log, where there is one. */
  readonly warn: (message: string) => void;
  /** Sends and writes what waits, for a moment at the most. After the server. */
  close(): Promise<void>;
}

/** Rejects with what `metrics` rejects with, and leaves nothing open then. */
export async function openTelemetry(options: OpenOptions): Promise<Opened> {
  const closings: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closing of closings.splice(0).reverse()) await closing();
  };
  try {
    return await openAll(options, closings, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openAll(
  options: OpenOptions,
  closings: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Opened> {
  const { endpoints, models } = options;
  const log = await openLog(options.log);
  if (log !== undefined) closings.push(() => log.close());
  const warn = log?.warn ?? options.warn;

  const distributions = new Distributions();
  const readers: MetricReader[] = [];
  let metricsUrl: string | undefined;
  if (options.metrics !== undefined) {
    const { Scrape } = await import('./scrape.js');
    const scrape = new Scrape([distributions]);
    await options.metrics(({ host, port }) => scrape.listen(host, port));
    closings.push(() => scrape.close());
    readers.push(scrape.reader);
    metricsUrl = scrape.url;
  }
  const named = resourceFromAttributes({ 'service.name': 'interlock' });
  const resource = named.merge(detectResources({ detectors: [envDetector] }));
  const otlp = await openOtlp(endpoints, resource, distributions, warn);
  if (otlp !== undefined) warnOfUnused(resource, warn);
  if (otlp?.reader !== undefined) readers.push(otlp.reader);

  const telemetry = new Telemetry({
    meterProvider: new MeterProvider({ resource, readers }),
    tracerProvider: null,
    spans: otlp?.spans,
    histogram: distributions.of,
    log: log?.exchange,
    models,
    warn,
  });
  distributions.before = () => telemetry.flush();
  // What is sent last is read from the instruments, so they go after it.
  closings.push(async () => telemetry.close());
  if (otlp !== undefined) {
    closings.push(() => {
      telemetry.flush();
      return otlp.close();
    });
  }
  return { telemetry, metricsUrl, endpoints, warn, close };
}

async function openLog(level: LogLevel | undefined): Promise<Log | undefined> {
  return level === undefined ? undefined : (await import('./log.js')).openLog(level);
}

async function openOtlp(
  endpoints: Endpoints,
  resource: Resource,
  distributions: Distributions,
  warn: (message: string) => void,
) {
  if (Object.keys(endpoints).length === 0) return undefined;
  return (await import('./otlp.js')).openOtlp(endpoints, resource, [distributions], warn);
}

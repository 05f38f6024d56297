/**
 * `GET /metrics` for Prometheus, on a port of its own. The text is the exporter's; the server is
 * ours, since the exporter's takes any Host, any method and any number of connections (SEC-26).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type {
  MetricData,
  MetricProducer,
  MetricReader,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { PATIENCE } from './door.js';

const CONNECTIONS_MAX = 32;

/** The words for units behind a Prometheus name, as every OTLP to Prometheus writer puts them. */
const UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };

export class Scrape {
  readonly #exporter: PrometheusExporter;
  // Without the scope and without what the resource says, which would be in each line.
  readonly #serializer = new PrometheusSerializer('', false, undefined, false, true);
  readonly #server: Server;
  #names: RegExp | undefined;
  #rendering: Promise<string> | undefined;

  /** `producers` are read beside whatever meter provider is given the reader. */
  constructor(metricProducers: MetricProducer[]) {
    this.#exporter = new PrometheusExporter({ preventServerStart: true, metricProducers });
    this.#server = createServer(PATIENCE, this.#serve);
    this.#server.maxConnections = CONNECTIONS_MAX;
    // Whoever scrapes is no reason to stay.
    this.#server.unref();
  }

  /** What a meter provider is to be read by. */
  get reader(): MetricReader {
    return this.#exporter;
  }

  /** Rejects with the system's error, such as a port that is taken. */
  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const { address } = this.#server.address() as AddressInfo;
    // On this machine only this machine is meant, whatever name a web page gives it.
    const local = address === '::1' || address.startsWith('127.');
    this.#names = local ? /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/ : undefined;
  }

  /** With the port that was bound. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}/metrics`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse): void => {
    const status = this.#statusFor(request);
    if (status !== 200) {
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`);
      return;
    }
    // Those who ask at once are told the same.
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined;
    });
    this.#rendering.then(
      (text) => {
        const type = 'text/plain; version=0.0.4; charset=utf-8';
        response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
      },
      () => response.writeHead(500).end('the metrics could not be read\n'),
    );
  };

  #statusFor({ method, url = '', headers: { host = '' } }: IncomingMessage): number {
    if (this.#names !== undefined && !this.#names.test(host)) return 403;
    if (url.split('?', 1)[0] !== '/metrics') return 404;
    return method === 'GET' || method === 'HEAD' ? 200 : 405;
  }

  async #render(): Promise<string> {
    const { resourceMetrics } = await this.#exporter.collect();
    return this.#serializer.serialize(withUnits(resourceMetrics));
  }
}

function withUnits({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  return {
    resource,
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric): MetricData => {
        const unit = UNITS[metric.descriptor.unit];
        if (unit === undefined) return metric;
        const name = `${metric.descriptor.name}_${unit}`;
        return { ...metric, descriptor: { ...metric.descriptor, name } };
      }),
    })),
  };
}

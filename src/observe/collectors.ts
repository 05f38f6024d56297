/** The SDK's exporters, of every signal and encoding, over a transport of our own. */
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base';
import { createOtlpNetworkExportDelegate } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExporterMetrics,
} from '@opentelemetry/otlp-exporter-base/node-http';
import type { IExporterMetricsHelper, ISerializer } from '@opentelemetry/otlp-transformer';
import type { Answer } from './answers.js';
import { Answers } from './answers.js';
import { certificatesOf } from './certificates.js';
import { checkHeaders } from './credentials.js';
import type { Endpoint, Environment, Protocol, Signal } from './endpoints.js';
import { bad, variableOf, wholeOf } from './endpoints.js';
import { UndiciTransport } from './transport.js';

const TIMEOUT_MS = 3_000;
const TYPES = {
  'http/protobuf': 'application/x-protobuf',
  'http/json': 'application/json',
} satisfies Record<Protocol, string>;
/** As the SDK's exporters call the signals, and themselves. */
const CALLED = {
  traces: ['TRACES', 'otlp_http_span_exporter'],
  metrics: ['METRICS', 'otlp_http_metric_exporter'],
} as const satisfies Record<Signal, unknown>;

export interface Collector<Items> {
  /** Sends what an exporter is given. */
  readonly delegate: IOtlpExportDelegate<Items>;
  /** Lets go of the collector, whatever is on its way there. */
  destroy(): void;
}

/** Throws `INTERLOCK_BAD_OPTION` for a variable of the environment that says nothing of use. */
export function collectorAt<Items, A extends Answer>(
  signal: Signal,
  { url, protocol }: Endpoint,
  serializer: ISerializer<Items, A>,
  counter: IExporterMetricsHelper<Items>,
  env: Environment,
  warn: (message: string) => void,
): Collector<Items> {
  const certificates = certificatesOf(signal, env);
  checkRest(signal, env);
  const [named, component] = CALLED[signal];
  // The environment's own time, where it has one, is read by the SDK.
  const timed = variableOf(signal, 'TIMEOUT', env) === undefined;
  const options = { url, ...(timed && { timeoutMillis: TIMEOUT_MS }) };
  const headers = { 'Content-Type': TYPES[protocol] };
  const http = convertLegacyHttpOptions(options, named, `v1/${signal}`, headers);
  const transport = new UndiciTransport(http, certificates);
  const metrics = createOtlpHttpExporterMetrics(component, counter, url, undefined);
  const answers = new Answers(signal, protocol, (what) => {
    warn(`OTLP ${url}: ${what}; exchanges go on`);
  });
  const heeding: ISerializer<Items, A> = {
    serializeRequest: (items) => serializer.serializeRequest(items),
    deserializeResponse: (data) => answers.read(data, serializer.deserializeResponse),
  };
  return {
    delegate: createOtlpNetworkExportDelegate(http, heeding, metrics, transport),
    destroy: () => transport.shutdown(),
  };
}

/** What the SDK reads by itself, and leaves out if it does not understand it. */
function checkRest(signal: Signal, env: Environment): void {
  wholeOf(variableOf(signal, 'TIMEOUT', env), 1, 'milliseconds');
  const compression = variableOf(signal, 'COMPRESSION', env);
  if (compression !== undefined && !/^(gzip|none)$/.test(compression.value)) {
    throw bad(compression.name, compression.value, 'gzip, or none');
  }
  checkHeaders(signal, env);
}

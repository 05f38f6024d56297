/** Where telemetry is sent, as a flag or the environment says. It loads nothing of what sends it. */
import { InterlockError } from '../errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Signal = 'traces' | 'metrics';

const ENDPOINTS = {
  traces: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  metrics: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  both: 'OTEL_EXPORTER_OTLP_ENDPOINT',
} as const;

/** Where each signal goes; undefined where it goes nowhere. */
export type Endpoints = Readonly<Partial<Record<Signal, string>>>;

/**
 * Where the signals go: to the URL of a flag, or where the environment says. Throws
 * `INTERLOCK_BAD_OPTION` for a variable that is no URL, or a protocol that is not spoken.
 */
export function endpointsOf(url: string | undefined, env: Environment = process.env): Endpoints {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' && url === undefined) return {};
  const endpoints: Partial<Record<Signal, string>> = {};
  for (const signal of ['traces', 'metrics'] as const) {
    if (env[`OTEL_${signal.toUpperCase()}_EXPORTER`] === 'none') continue;
    const own = url === undefined ? variable(env, ENDPOINTS[signal]) : undefined;
    const base = url ?? variable(env, ENDPOINTS.both);
    if (own !== undefined) endpoints[signal] = own;
    else if (base !== undefined) endpoints[signal] = `${base.replace(/\/+$/, '')}/v1/${signal}`;
  }
  const protocol = env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === 'grpc' && url === undefined && Object.keys(endpoints).length > 0) {
    throw bad('OTEL_EXPORTER_OTLP_PROTOCOL', protocol, 'http/json, which is what is sent');
  }
  return endpoints;
}

/** What is accepted as the URL of a collector, or why a text is none. */
export function isCollector(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.search === '';
}

function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  if (isCollector(value)) return value;
  throw bad(name, value, 'the http:// or https:// URL of a collector');
}

export function bad(name: string, found: string, accepted: string): InterlockError {
  const message = `${name}: found ${JSON.stringify(found.slice(0, 120))}; accepted: ${accepted}`;
  return new InterlockError('INTERLOCK_BAD_OPTION', message);
}

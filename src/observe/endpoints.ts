/** Where telemetry is sent, as a flag or the environment says. It loads nothing of what sends it. */
import { InterlockError } from '../errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Signal = 'traces' | 'metrics';

const ENDPOINTS = {
  traces: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  metrics: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  both: 'OTEL_EXPORTER_OTLP_ENDPOINT',
} as const;

/** The encodings of OTLP that are spoken, the default first (OpenTelemetry's own default, too). */
export const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Endpoint {
  readonly url: string;
  readonly protocol: Protocol;
}

/** Where each signal goes; undefined where it goes nowhere. */
export type Endpoints = Readonly<Partial<Record<Signal, Endpoint>>>;

/**
 * Where the signals go: to the URL of a flag, or where the environment says. Throws
 * `INTERLOCK_BAD_OPTION` for a variable that is no URL, or a protocol that is not spoken.
 */
export function endpointsOf(url: string | undefined, env: Environment = process.env): Endpoints {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' && url === undefined) return {};
  const endpoints: Partial<Record<Signal, Endpoint>> = {};
  for (const signal of ['traces', 'metrics'] as const) {
    const own = url === undefined ? variable(env, ENDPOINTS[signal]) : undefined;
    const base = url ?? variable(env, ENDPOINTS.both);
    const at = own ?? (base && `${base.replace(/\/+$/, '')}/v1/${signal}`);
    if (at === undefined || !isWanted(signal, env)) continue;
    endpoints[signal] = { url: at, protocol: protocolOf(signal, env) };
  }
  return endpoints;
}

/** Whether the environment has the signal for a collector. It may have it for several. */
function isWanted(signal: Signal, env: Environment): boolean {
  const name = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  const text = env[name] || 'otlp';
  const named = text.split(',').map((item) => item.trim());
  if (named.includes('otlp')) return true;
  if (text.trim() === 'none') return false;
  throw bad(name, text, 'otlp, or none');
}

function protocolOf(signal: Signal, env: Environment): Protocol {
  const variable = variableOf(signal, 'PROTOCOL', env);
  if (variable === undefined) return PROTOCOLS[0];
  const protocol = PROTOCOLS.find((known) => known === variable.value);
  if (protocol === undefined) throw bad(variable.name, variable.value, PROTOCOLS.join(', '));
  return protocol;
}

/** The exporters' variable of this name: the signal's own, or that of both. Empty is as not there. */
export function variableOf(
  signal: Signal,
  of: string,
  env: Environment,
): { readonly name: string; readonly value: string } | undefined {
  for (const part of [`_${signal.toUpperCase()}`, '']) {
    const name = `OTEL_EXPORTER_OTLP${part}_${of}`;
    const value = env[name];
    if (value !== undefined && value !== '') return { name, value };
  }
  return undefined;
}

export const COLLECTOR = 'the http:// or https:// URL of a collector, without user, query or hash';

/** A signal's path goes behind such a text. What `URL` has read does not show an empty part. */
const BARE = /^https?:\/\/[^/?#@\\\s]+(?:\/[^?#\\\s]*)?$/i;

/** Whether a text is what `COLLECTOR` says. */
export function isCollector(text: string): boolean {
  return BARE.test(text) && URL.canParse(text);
}

function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  if (isCollector(value)) return value;
  throw bad(name, value, COLLECTOR);
}

/** The whole number that a variable says; undefined where it says nothing. */
export function wholeOf(
  variable: { readonly name: string; readonly value: string | undefined } | undefined,
  least: number,
  what = 'a whole number',
): number | undefined {
  if (variable?.value === undefined || variable.value === '') return undefined;
  const number = Number(variable.value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw bad(variable.name, variable.value, `${what}, from ${least}`);
}

/** What was found is told without the password, or the key in a query, that a URL may have. */
export function bad(name: string, found: string, accepted: string): InterlockError {
  const safe = found.replace(/\/\/.*@/, '//***@').replace(/(:\/\/[^?#]*[?#]).+/s, '$1***');
  const message = `${name}: found ${JSON.stringify(safe.slice(0, 120))}; accepted: ${accepted}`;
  return new InterlockError('INTERLOCK_BAD_OPTION', message);
}

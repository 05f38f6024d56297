/** What a span tells of its exchange, whoever records it. */
import type { Context, SpanContext } from '@opentelemetry/api';
import type { Outcome } from '../../machines/events.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Operation } from './genai.js';
import { shown } from './text.js';

/** What a span is called until it is known what was asked for. */
export const EXCHANGE = 'exchange';
/** Who tells it: the scope of spans and metrics. */
export const NAME = 'interlock';

/** Times are milliseconds since 1970. */
export interface SpanMaker {
  /** The span of an exchange that begins; undefined where nobody records it. */
  begin(id: string, parent: Context, time: number): ExchangeSpan | undefined;
}

export interface ExchangeSpan {
  readonly context: SpanContext;
  /** The exchange has come into this one of its phases. */
  entered(phase: number, time: number): void;
  /** The exchange is over. Once. */
  end(facts: SpanFacts | undefined, time: number): void;
}

export interface SpanFacts {
  readonly record: UsageRecord;
  /** What was asked for, and of which model, where it was generative AI. */
  readonly operation: Operation | undefined;
  readonly model: string | undefined;
  /** The attribute that names the provider. */
  readonly providerKey: string;
}

/** What is undefined is left out. */
export type AttributeValue = string | number | undefined;

/** Takes attributes, each once. */
export interface AttributeSink {
  put(name: string, value: AttributeValue): void;
}

/** Outcomes that are nobody's choice: a client that leaves, or is refused, has got what it asked. */
const FAULTS: ReadonlySet<string> = new Set<Outcome>([
  'upstreamFailed',
  'timedOut',
  'drained',
  'violated',
  'unknown',
]);

export function isFault(outcome: string): boolean {
  return FAULTS.has(outcome);
}

export function nameOf({ operation, model }: SpanFacts): string {
  if (operation === undefined) return EXCHANGE;
  return model === undefined ? operation.operation : `${operation.operation} ${model}`;
}

/**
 * What many exchanges have in common: outcomes, names of the configuration, models. Whatever is left
 * out in between is told as undefined, so that the values say which is which by their places.
 */
export function tellCommon(
  { record, operation, model, providerKey }: SpanFacts,
  to: AttributeSink,
): void {
  const { outcome, cause, usage, method } = record;
  to.put('interlock.outcome', outcome);
  to.put('interlock.usage.kind', usage.kind);
  to.put('interlock.usage.reason', usage.kind === 'unknown' ? usage.reason : undefined);
  to.put('error.type', outcome === 'completed' ? undefined : (cause ?? outcome));
  to.put('http.response.status_code', record.status);
  to.put('http.request.method', method && shown(method));
  to.put('interlock.route', record.route);
  to.put('interlock.upstream', record.upstream);
  if (operation === undefined) return;
  to.put('gen_ai.operation.name', operation.operation);
  to.put(providerKey, operation.provider);
  to.put('gen_ai.request.model', model);
  to.put('gen_ai.response.model', usage.model && shown(usage.model));
}

/** What each exchange has a value of its own for. */
export function tellOwn({ record, operation }: SpanFacts, to: AttributeSink): void {
  const { usage, anomalies, path } = record;
  to.put('interlock.request.size', record.requestBytes);
  to.put('interlock.response.size', record.responseBytes);
  to.put('url.path', path && shown(path));
  for (const name in anomalies) to.put(`interlock.anomaly.${name}`, anomalies[name]);
  if (operation === undefined || usage.kind === 'unknown') return;
  to.put('gen_ai.usage.input_tokens', usage.inputTokens);
  to.put('gen_ai.usage.output_tokens', usage.outputTokens);
}

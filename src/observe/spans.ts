/** What a span tells of its exchange, whoever records it. */
import type { SpanContext } from '@opentelemetry/api';
import type { Outcome } from '../../machines/events.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Course, Moves } from './courses.js';
import type { Operation } from './genai.js';
import { OTHER } from './labels.js';
import { shown } from './text.js';

/** What a span is called until it is known what was asked for. */
export const EXCHANGE = 'exchange';
/** Who tells it: the scope of spans and metrics. */
export const NAME = 'interlock';

/** The value of a request's header, by its name in lower case; the fields of a `tracestate` are one. */
export type HeaderOf = (name: string) => string | undefined;

/** The headers that name a trace to whoever is called next. */
export interface Baton {
  /** In lower case: what the caller had written there is not true any more. */
  readonly replaced: readonly string[];
  /** Name, value, name, value … */
  readonly headers: readonly string[];
}

/** Times are milliseconds of a clock that never jumps; `epoch`, in milliseconds since 1970, is its zero. */
export interface SpanMaker {
  /**
   * The span of an exchange that begins; undefined where nobody records it. It joins the caller's
   * trace where the request's headers name one. A client chooses that, and two exchanges may have
   * the same, so nothing is looked up by it: the exchange keeps its span itself (field: D17).
   */
  begin(id: string, headerOf: HeaderOf, time: number, epoch: number): ExchangeSpan | undefined;
}

export interface ExchangeSpan {
  readonly context: SpanContext;
  /** What tells an upstream that it works for this span. */
  readonly baton: Baton;
  /** The exchange is over. Once. `course` is that of its moves. */
  end(facts: SpanFacts | undefined, time: number, course: Course, moves: Moves): void;
}

export interface SpanFacts {
  readonly record: UsageRecord;
  /** The model that was asked for, where that was read. */
  readonly requestModel: string | undefined;
  readonly group: SpanGroup;
}

/** Exchanges that `tellCommon` tells the same of. */
export interface SpanGroup {
  /** What was asked for, and of which model, where it was generative AI. */
  readonly operation: Operation | undefined;
  /** As metrics tell it: a name, or `other`. */
  readonly model: string | undefined;
  /** The attribute that names the provider. */
  readonly providerKey: string;
  /** What is common, as bytes: for whoever writes them. */
  bytes: Uint8Array | undefined;
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

export function nameOf({ operation, model }: SpanGroup): string {
  if (operation === undefined) return EXCHANGE;
  // There may be any number of names of models, and of spans there should not.
  const told = model !== undefined && model !== OTHER;
  return told ? `${operation.operation} ${model}` : operation.operation;
}

/** What many exchanges have in common: outcomes, names of the configuration, models. */
export function tellCommon({ record, group }: SpanFacts, to: AttributeSink): void {
  const { operation, model, providerKey } = group;
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
  to.put('gen_ai.request.model', model === OTHER ? undefined : model);
  to.put('gen_ai.response.model', usage.model && shown(usage.model));
}

/** What each exchange has a value of its own for. */
export function tellOwn({ record, requestModel, group }: SpanFacts, to: AttributeSink): void {
  const { usage, anomalies, path } = record;
  to.put('interlock.request.size', record.requestBytes);
  to.put('interlock.response.size', record.responseBytes);
  to.put('url.path', path && shown(path));
  for (const name in anomalies) to.put(`interlock.anomaly.${name}`, anomalies[name]);
  if (group.operation === undefined) return;
  const asked = group.model === OTHER ? (requestModel ?? usage.model) : undefined;
  to.put('gen_ai.request.model', asked && shown(asked));
  if (usage.kind === 'unknown') return;
  to.put('gen_ai.usage.input_tokens', usage.inputTokens);
  to.put('gen_ai.usage.output_tokens', usage.outputTokens);
}

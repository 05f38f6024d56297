/**
 * One span per exchange, with its phases as events. It joins the caller's trace where the request
 * names one, and is kept by the exchange itself: a client chooses its trace id, and two exchanges
 * with the same are two spans, so nothing is looked up by it (field: D17).
 */
import type { Attributes, HrTime, Span, TextMapPropagator, Tracer } from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Outcome } from '../../machines/events.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Operation } from './genai.js';
import { shown } from './text.js';

/** The value of a request's header, by its name in lower case. */
export type HeaderOf = (name: string) => string | undefined;

const getter = {
  keys: () => [],
  get: (headerOf: HeaderOf, name: string) => headerOf(name),
};

const setter = {
  set: (headers: string[], name: string, value: string) => headers.push(name, value),
};

/** What extracts the caller's trace from headers, and writes ours into them. */
export type Propagator = Pick<TextMapPropagator, 'extract' | 'inject' | 'fields'>;

/** The headers that name a trace to whoever is called next. */
export interface Baton {
  /** In lower case: what the caller had written there is not true any more. */
  readonly replaced: readonly string[];
  /** Name, value, name, value … */
  readonly headers: readonly string[];
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

export class Tracing {
  readonly #tracer: Tracer;
  readonly #propagator: Propagator;
  readonly #providerKey: string;

  constructor(tracer: Tracer, propagator: Propagator, providerKey: string) {
    this.#tracer = tracer;
    this.#propagator = propagator;
    this.#providerKey = providerKey;
  }

  /** The span of an exchange that begins; undefined where nobody records it. */
  begin(id: string, headerOf: HeaderOf, startTime: HrTime): Span | undefined {
    const context = this.#propagator.extract(ROOT_CONTEXT, headerOf, getter);
    const options = { kind: SpanKind.SERVER, startTime };
    const span = this.#tracer.startSpan('exchange', options, context);
    return span.isRecording() ? span.setAttribute('interlock.exchange', id) : undefined;
  }

  /** What tells the upstream that it works for this span. */
  batonOf(span: Span): Baton {
    const headers: string[] = [];
    this.#propagator.inject(trace.setSpan(ROOT_CONTEXT, span), headers, setter);
    return { replaced: this.#propagator.fields(), headers };
  }

  /** Ends the span with what is known of its exchange. */
  end(
    span: Span,
    record: UsageRecord,
    operation: Operation | undefined,
    model: string | undefined,
    endTime: HrTime,
  ): void {
    const attributes = attributesOf(record);
    if (operation !== undefined) {
      span.updateName(
        model === undefined ? operation.operation : `${operation.operation} ${model}`,
      );
      this.#addGenAi(attributes, record, operation, model);
    }
    span.setAttributes(attributes);
    if (isFault(record.outcome)) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  }

  #addGenAi(
    to: Attributes,
    { usage }: UsageRecord,
    { operation, provider }: Operation,
    model: string | undefined,
  ): void {
    to['gen_ai.operation.name'] = operation;
    to[this.#providerKey] = provider;
    to['gen_ai.request.model'] = model;
    to['gen_ai.response.model'] = usage.model && shown(usage.model);
    if (usage.kind === 'unknown') return;
    to['gen_ai.usage.input_tokens'] = usage.inputTokens;
    to['gen_ai.usage.output_tokens'] = usage.outputTokens;
  }
}

/** A span leaves out what is undefined. */
function attributesOf(record: UsageRecord): Attributes {
  const { outcome, cause, status, method, path, route, upstream, usage, anomalies } = record;
  const attributes: Attributes = {
    'interlock.outcome': outcome,
    'interlock.usage.kind': usage.kind,
    'interlock.usage.reason': usage.kind === 'unknown' ? usage.reason : undefined,
    'interlock.request.size': record.requestBytes,
    'interlock.response.size': record.responseBytes,
    'error.type': outcome === 'completed' ? undefined : (cause ?? outcome),
    'http.response.status_code': status,
    'http.request.method': method && shown(method),
    'url.path': path && shown(path),
    'interlock.route': route,
    'interlock.upstream': upstream,
  };
  for (const name in anomalies) attributes[`interlock.anomaly.${name}`] = anomalies[name];
  return attributes;
}

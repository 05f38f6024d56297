/**
 * One span per exchange, with its phases as events. It joins the caller's trace where the request
 * names one, and is kept by the exchange itself: a client chooses its trace id, and two exchanges
 * with the same are two spans, so nothing is looked up by it (field: D17).
 */
import type { Attributes, Context, Span, SpanStatus, TextMapPropagator } from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Outcome } from '../../machines/events.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Operation } from './genai.js';
import { shown } from './text.js';

/** The value of a request's header, by its name in lower case. */
export type HeaderOf = (name: string) => string | undefined;

/** What a span is asked for here: of the API's, only this. */
export interface TracedSpan extends Pick<Span, 'spanContext' | 'isRecording' | 'end'> {
  /** `time` is of `performance.now`. */
  addEvent(name: string, time: number): unknown;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: SpanStatus): unknown;
  updateName(name: string): unknown;
}

export interface SpanStart {
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

/** Any provider of the API is one. */
export interface SpanSource {
  getTracer(name: string): ExchangeTracer;
}

interface ExchangeTracer {
  startSpan(name: string, options: SpanStart, context: Context): TracedSpan | undefined;
}

/** Kinds of exchanges whose attributes are kept. When there are more, all are made anew. */
const USUALS_MAX = 500;

const getter = {
  keys: () => [],
  get: (headerOf: HeaderOf, name: string) => headerOf(name),
};

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
  readonly #tracer: ExchangeTracer;
  readonly #propagator: Pick<TextMapPropagator, 'extract'>;
  readonly #providerKey: string;
  readonly #usuals = new Map<string, Attributes>();

  constructor(
    source: SpanSource,
    propagator: Pick<TextMapPropagator, 'extract'>,
    providerKey: string,
  ) {
    this.#tracer = source.getTracer('interlock');
    this.#propagator = propagator;
    this.#providerKey = providerKey;
  }

  /** The span of an exchange that begins; undefined where nobody records it. */
  begin(id: string, headerOf: HeaderOf): TracedSpan | undefined {
    const context = this.#propagator.extract(ROOT_CONTEXT, headerOf, getter);
    const options = { kind: SpanKind.SERVER, attributes: { 'interlock.exchange': id } };
    return this.#tracer.startSpan('exchange', options, context);
  }

  /** Ends the span with what is known of its exchange. */
  end(
    span: TracedSpan,
    record: UsageRecord,
    operation: Operation | undefined,
    model: string | undefined,
  ): void {
    if (span.isRecording()) {
      if (operation !== undefined) {
        span.updateName(`${operation.operation} ${model ?? ''}`.trimEnd());
      }
      span.setAttributes(this.#usual(record, operation, model));
      span.setAttributes(ownOf(record, operation));
      if (isFault(record.outcome)) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  /** What many exchanges have in common: made once, and frozen for whoever makes text of it. */
  #usual(record: UsageRecord, operation?: Operation, model?: string): Attributes {
    const { outcome, cause, status, method = '', path = '', route, upstream, usage } = record;
    const reason = usage.kind === 'unknown' ? usage.reason : '';
    // Texts of peers are last, and their lengths tell where each begins.
    const key =
      `${outcome} ${cause} ${status} ${usage.kind}${reason} ${operation?.operation} ` +
      `${operation?.provider} ${model} ${route} ${upstream} ${method.length} ${path.length} ` +
      `${method}${path}${usage.model}`;
    let found = this.#usuals.get(key);
    if (found === undefined) {
      found = Object.freeze(usualOf(record, this.#providerKey, operation, model));
      if (this.#usuals.size >= USUALS_MAX) this.#usuals.clear();
      this.#usuals.set(key, found);
    }
    return found;
  }
}

function usualOf(
  { outcome, cause, status, method, path, route, upstream, usage }: UsageRecord,
  providerKey: string,
  operation: Operation | undefined,
  model: string | undefined,
): Attributes {
  return {
    'interlock.outcome': outcome,
    'interlock.usage.kind': usage.kind,
    'interlock.usage.reason': usage.kind === 'unknown' ? usage.reason : undefined,
    'interlock.route': route,
    'interlock.upstream': upstream,
    'error.type': outcome === 'completed' ? undefined : (cause ?? outcome),
    'http.response.status_code': status,
    'http.request.method': method && shown(method),
    'url.path': path && shown(path),
    ...(operation !== undefined && {
      'gen_ai.operation.name': operation.operation,
      [providerKey]: operation.provider,
      'gen_ai.request.model': model,
      'gen_ai.response.model': usage.model && shown(usage.model),
    }),
  };
}

/** What every exchange has for itself. */
function ownOf(record: UsageRecord, operation: Operation | undefined): Attributes {
  const { usage, requestBytes, responseBytes, anomalies } = record;
  const known = operation === undefined || usage.kind === 'unknown' ? undefined : usage;
  const attributes: Attributes = {
    'interlock.request.size': requestBytes,
    'interlock.response.size': responseBytes,
    'gen_ai.usage.input_tokens': known?.inputTokens,
    'gen_ai.usage.output_tokens': known?.outputTokens,
  };
  for (const name in anomalies) attributes[`interlock.anomaly.${name}`] = anomalies[name];
  return attributes;
}

/**
 * One span per exchange, with its phases as events. It joins the caller's trace where the request
 * names one, and is kept by the exchange itself: a client chooses its trace id, and two exchanges
 * with the same are two spans, so nothing is looked up by it (field: D17).
 */
import type { TextMapPropagator } from '@opentelemetry/api';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { ExchangeSpan, SpanMaker } from './spans.js';

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

export class Tracing {
  readonly #spans: SpanMaker;
  readonly #propagator: Propagator;

  constructor(spans: SpanMaker, propagator: Propagator) {
    this.#spans = spans;
    this.#propagator = propagator;
  }

  /** The span of an exchange that begins, in milliseconds since 1970. */
  begin(id: string, headerOf: HeaderOf, time: number): ExchangeSpan | undefined {
    return this.#spans.begin(id, this.#propagator.extract(ROOT_CONTEXT, headerOf, getter), time);
  }

  /** What tells the upstream that it works for this span. */
  batonOf({ context }: ExchangeSpan): Baton {
    const headers: string[] = [];
    this.#propagator.inject(trace.setSpanContext(ROOT_CONTEXT, context), headers, setter);
    return { replaced: this.#propagator.fields(), headers };
  }
}

/** Spans by the tracer of whoever brings one. */
import type {
  Attributes,
  HrTime,
  Span,
  SpanContext,
  TextMapPropagator,
  Tracer,
} from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Course, Moves } from './courses.js';
import { PHASES } from './phases.js';
import type {
  AttributeSink,
  AttributeValue,
  Baton,
  ExchangeSpan,
  HeaderOf,
  SpanFacts,
  SpanMaker,
} from './spans.js';
import { EXCHANGE, isFault, nameOf, tellCommon, tellOwn } from './spans.js';

/** What extracts the caller's trace from headers, and writes ours into them. */
export type Propagator = Pick<TextMapPropagator, 'extract' | 'inject' | 'fields'>;

export const getter = {
  keys: () => [],
  get: (headerOf: HeaderOf, name: string) => {
    const value = headerOf(name);
    // Two that were joined on the way are none, of whatever version they are.
    return name === 'traceparent' && value?.includes(',') === true ? undefined : value;
  },
};

const setter = {
  set: (headers: string[], name: string, value: string) => headers.push(name, value),
};

export class ApiSpans implements SpanMaker {
  readonly #tracer: Tracer;
  readonly #propagator: Propagator;

  constructor(tracer: Tracer, propagator: Propagator) {
    this.#tracer = tracer;
    this.#propagator = propagator;
  }

  begin(id: string, headerOf: HeaderOf, time: number, epoch: number): ExchangeSpan | undefined {
    const options = {
      kind: SpanKind.SERVER,
      startTime: timeOf(time + epoch),
      attributes: { 'interlock.exchange': id },
    };
    const parent = this.#propagator.extract(ROOT_CONTEXT, headerOf, getter);
    const span = this.#tracer.startSpan(EXCHANGE, options, parent);
    return span.isRecording() ? new ApiSpan(span, this.#propagator, epoch) : undefined;
  }
}

class ApiSpan implements ExchangeSpan {
  readonly #span: Span;
  readonly #propagator: Propagator;
  readonly #epoch: number;

  constructor(span: Span, propagator: Propagator, epoch: number) {
    this.#span = span;
    this.#propagator = propagator;
    this.#epoch = epoch;
  }

  get context(): SpanContext {
    return this.#span.spanContext();
  }

  get baton(): Baton {
    const headers: string[] = [];
    this.#propagator.inject(trace.setSpan(ROOT_CONTEXT, this.#span), headers, setter);
    return { replaced: this.#propagator.fields(), headers };
  }

  end(facts: SpanFacts | undefined, time: number, { told }: Course, moves: Moves): void {
    for (const { phase, at } of told) {
      const entered = (moves[at + 1] as number) + this.#epoch;
      this.#span.addEvent(PHASES[phase] as string, timeOf(entered));
    }
    if (facts !== undefined) {
      const to = new Told();
      tellCommon(facts, to);
      tellOwn(facts, to);
      this.#span.setAttributes(to.attributes).updateName(nameOf(facts.group));
      if (isFault(facts.record.outcome)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(timeOf(time + this.#epoch));
  }
}

class Told implements AttributeSink {
  readonly attributes: Attributes = {};

  put(name: string, value: AttributeValue): void {
    if (value !== undefined) this.attributes[name] = value;
  }
}

/** A number would be taken for one of `performance.now()` where the day's clock is behind it. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}

/** Spans by the tracer of whoever brings one. */
import type { Attributes, Context, HrTime, Span, SpanContext, Tracer } from '@opentelemetry/api';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { PHASES } from './phases.js';
import type { AttributeSink, AttributeValue, ExchangeSpan, SpanFacts, SpanMaker } from './spans.js';
import { EXCHANGE, isFault, nameOf, tellCommon, tellOwn } from './spans.js';

export class ApiSpans implements SpanMaker {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin(id: string, parent: Context, time: number): ExchangeSpan | undefined {
    const options = {
      kind: SpanKind.SERVER,
      startTime: timeOf(time),
      attributes: { 'interlock.exchange': id },
    };
    const span = this.#tracer.startSpan(EXCHANGE, options, parent);
    return span.isRecording() ? new ApiSpan(span) : undefined;
  }
}

class ApiSpan implements ExchangeSpan {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  get context(): SpanContext {
    return this.#span.spanContext();
  }

  entered(phase: number, time: number): void {
    this.#span.addEvent(PHASES[phase] as string, timeOf(time));
  }

  end(facts: SpanFacts | undefined, time: number): void {
    if (facts !== undefined) {
      const told = new Told();
      tellCommon(facts, told);
      tellOwn(facts, told);
      this.#span.setAttributes(told.attributes).updateName(nameOf(facts));
      if (isFault(facts.record.outcome)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(timeOf(time));
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

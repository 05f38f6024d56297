/**
 * Spans that are written as OTLP when they end, without the objects that the SDK makes of a span:
 * those cost more than all else that is told of an exchange. They are queued and sent as the SDK's.
 */
import type { Context, SpanContext } from '@opentelemetry/api';
import { isSpanContextValid, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { IdGenerator, Sampler } from '@opentelemetry/sdk-trace-base';
import { RandomIdGenerator, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import type { WrittenSpan } from './spanbytes.js';
import { SpanWriter } from './spanbytes.js';
import type { ExchangeSpan, SpanFacts, SpanMaker } from './spans.js';
import { EXCHANGE } from './spans.js';

/** An exchange comes into some ten phases; what goes in circles must not fill memory. */
const PHASES_MAX = 128;

export interface OtlpSpansOptions {
  /** Whose spans they are. */
  readonly resource: Resource;
  readonly sampler: Sampler;
  readonly queue: { onEnd(span: WrittenSpan): void };
  readonly ids?: IdGenerator;
}

export class OtlpSpans implements SpanMaker {
  readonly #options: OtlpSpansOptions;
  readonly #ids: IdGenerator;
  readonly #writer: SpanWriter;

  constructor(options: OtlpSpansOptions) {
    this.#options = options;
    this.#writer = new SpanWriter(options.resource);
    this.#ids = options.ids ?? new RandomIdGenerator();
  }

  begin(id: string, context: Context, time: number): ExchangeSpan | undefined {
    const found = trace.getSpanContext(context);
    const parent = found !== undefined && isSpanContextValid(found) ? found : undefined;
    const traceId = parent?.traceId ?? this.#ids.generateTraceId();
    const { sampler } = this.#options;
    const { decision, traceState = parent?.traceState } = sampler.shouldSample(
      context,
      traceId,
      EXCHANGE,
      SpanKind.SERVER,
      {},
      [],
    );
    if (decision !== SamplingDecision.RECORD_AND_SAMPLED) return undefined;
    const spanId = this.#ids.generateSpanId();
    const ours: SpanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    if (traceState !== undefined) ours.traceState = traceState;
    return new OtlpSpan(this.#options, this.#writer, id, ours, parent, time);
  }
}

class OtlpSpan implements ExchangeSpan {
  readonly #options: OtlpSpansOptions;
  readonly #writer: SpanWriter;
  readonly trail: number[];

  constructor(
    options: OtlpSpansOptions,
    writer: SpanWriter,
    readonly id: string,
    readonly context: SpanContext,
    readonly parent: SpanContext | undefined,
    beginTime: number,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.trail = [beginTime];
  }

  entered(phase: number, time: number): void {
    if (this.trail.length <= 2 * PHASES_MAX) this.trail.push(phase, time);
  }

  end(facts: SpanFacts | undefined, time: number): void {
    this.#options.queue.onEnd(this.#writer.write(this, facts, time));
  }
}

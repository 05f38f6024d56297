/**
 * Spans that are written as OTLP when they end, without the objects that the SDK makes of a span:
 * those cost more than all else that is told of an exchange. They are queued and sent as the SDK's,
 * and join the caller's trace, and name themselves to the upstream, by W3C Trace Context.
 */
import type { SpanContext, TraceState } from '@opentelemetry/api';
import { isSpanContextValid, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { Sampler } from '@opentelemetry/sdk-trace-base';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { getter } from './apispans.js';
import type { WrittenSpan } from './spanbytes.js';
import { SpanWriter } from './spanbytes.js';
import type { Baton, ExchangeSpan, HeaderOf, SpanFacts, SpanMaker } from './spans.js';
import { EXCHANGE } from './spans.js';
import type { TraceIds } from './traceids.js';
import { idsOf, RandomIds } from './traceids.js';

const REPLACED = Object.freeze(['traceparent', 'tracestate']);

export interface OtlpSpansOptions {
  /** Whose spans they are. */
  readonly resource: Resource;
  readonly sampler: Sampler;
  readonly queue: { onEnd(span: WrittenSpan): void };
  readonly ids?: { next(): TraceIds };
}

export class OtlpSpans implements SpanMaker {
  readonly #options: OtlpSpansOptions;
  readonly #ids: { next(): TraceIds };
  readonly #writer: SpanWriter;
  readonly #propagator = new W3CTraceContextPropagator();

  constructor(options: OtlpSpansOptions) {
    this.#options = options;
    this.#writer = new SpanWriter(options.resource);
    this.#ids = options.ids ?? new RandomIds();
  }

  begin(id: string, headerOf: HeaderOf, time: number, epoch: number): ExchangeSpan | undefined {
    const context = this.#propagator.extract(ROOT_CONTEXT, headerOf, getter);
    const found = trace.getSpanContext(context);
    const parent = found !== undefined && isSpanContextValid(found) ? found : undefined;
    let ids = this.#ids.next();
    if (parent !== undefined) ids = idsOf(parent.traceId, ids.spanId);
    const { sampler, queue } = this.#options;
    const { decision, traceState = parent?.traceState } = sampler.shouldSample(
      context,
      ids.traceId,
      EXCHANGE,
      SpanKind.SERVER,
      {},
      [],
    );
    if (decision !== SamplingDecision.RECORD_AND_SAMPLED) return undefined;
    return new OtlpSpan(queue, this.#writer, id, ids, parent, traceState, time, epoch);
  }
}

class OtlpSpan implements ExchangeSpan {
  readonly #queue: OtlpSpansOptions['queue'];
  readonly #writer: SpanWriter;

  constructor(
    queue: OtlpSpansOptions['queue'],
    writer: SpanWriter,
    readonly id: string,
    readonly ids: TraceIds,
    readonly parent: SpanContext | undefined,
    readonly traceState: TraceState | undefined,
    readonly begunAt: number,
    readonly epoch: number,
  ) {
    this.#queue = queue;
    this.#writer = writer;
  }

  get context(): SpanContext {
    const { traceId, spanId } = this.ids;
    return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  }

  get baton(): Baton {
    const headers = ['traceparent', this.ids.traceparent];
    if (this.traceState !== undefined) headers.push('tracestate', this.traceState.serialize());
    return { replaced: REPLACED, headers };
  }

  end(facts: SpanFacts | undefined, time: number, moves: readonly number[]): void {
    this.#queue.onEnd(this.#writer.write(this, facts, time, moves));
  }
}

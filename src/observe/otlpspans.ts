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
import type { PbfWriter } from 'pbf';
import { getter } from './apispans.js';
import type { Course, Moves } from './courses.js';
import type { SpanToWrite } from './spanbytes.js';
import { SpanWriter, WrittenSpans } from './spanbytes.js';
import type { Baton, ExchangeSpan, HeaderOf, SpanFacts, SpanMaker } from './spans.js';
import { EXCHANGE } from './spans.js';
import type { TraceIds } from './traceids.js';
import { idsOf, RandomIds } from './traceids.js';

const REPLACED = Object.freeze(['traceparent', 'tracestate']);

export interface OtlpSpansOptions {
  /** Whose spans they are. */
  readonly resource: Resource;
  readonly sampler: Sampler;
  /** It records whatever nobody called for, and is not asked. */
  readonly allRoots?: boolean;
  readonly queue: { onEnd(spans: WrittenSpans): void };
  readonly ids?: { next(): TraceIds };
}

export class OtlpSpans implements SpanMaker {
  readonly #options: OtlpSpansOptions;
  readonly #ids: { next(): TraceIds };
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #writer = new SpanWriter();
  #last: WrittenSpans | undefined;

  constructor(options: OtlpSpansOptions) {
    this.#options = options;
    this.#ids = options.ids ?? new RandomIds();
  }

  begin(id: string, headerOf: HeaderOf, time: number, epoch: number): ExchangeSpan | undefined {
    const drawn = this.#ids.next();
    if (headerOf('traceparent') === undefined && this.#options.allRoots === true) {
      return new OtlpSpan(this, id, drawn, undefined, undefined, time, epoch);
    }
    const context = this.#propagator.extract(ROOT_CONTEXT, headerOf, getter);
    const found = trace.getSpanContext(context);
    const parent = found !== undefined && isSpanContextValid(found) ? found : undefined;
    const { decision, traceState = parent?.traceState } = this.#options.sampler.shouldSample(
      context,
      parent?.traceId ?? drawn.traceId,
      EXCHANGE,
      SpanKind.SERVER,
      {},
      [],
    );
    if (decision !== SamplingDecision.RECORD_AND_SAMPLED) return undefined;
    const ids = parent === undefined ? drawn : idsOf(parent.traceId, drawn.spanId);
    return new OtlpSpan(this, id, ids, parent, traceState, time, epoch);
  }

  /** Queues the span. What waits in the queue already takes it, as long as it may. */
  ended(
    span: SpanToWrite,
    facts: SpanFacts | undefined,
    time: number,
    course: Course,
    moves: Moves,
  ): void {
    let into = this.#last;
    let room = into?.room;
    if (into === undefined || room === undefined) {
      into = new WrittenSpans(this.#options.resource);
      room = into.room as PbfWriter;
    }
    this.#writer.write(span, facts, time, course, moves, room);
    into.count++;
    if (into !== this.#last) this.#options.queue.onEnd(into);
    this.#last = into;
  }
}

class OtlpSpan implements ExchangeSpan, SpanToWrite {
  readonly #spans: OtlpSpans;

  constructor(
    spans: OtlpSpans,
    readonly id: string,
    readonly ids: TraceIds,
    readonly parent: SpanContext | undefined,
    readonly traceState: TraceState | undefined,
    readonly begunAt: number,
    readonly epoch: number,
  ) {
    this.#spans = spans;
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

  end(facts: SpanFacts | undefined, time: number, course: Course, moves: Moves): void {
    this.#spans.ended(this, facts, time, course, moves);
  }
}

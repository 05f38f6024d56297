/** Spans that we write as OTLP ourselves, beside the same spans as the SDK makes and writes them. */
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANOMALIES, OUTCOMES } from '../machines/events.js';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { UNKNOWN_REASONS } from '../src/accounting/usage.js';
import { ApiSpans } from '../src/observe/apispans.js';
import { courseOf } from '../src/observe/courses.js';
import { operationOf } from '../src/observe/genai.js';
import { OtlpSpans } from '../src/observe/otlpspans.js';
import { cellOf } from '../src/observe/phases.js';
import type { WrittenSpans } from '../src/observe/spanbytes.js';
import { TOGETHER_MAX } from '../src/observe/spanbytes.js';
import { RequestWriter } from '../src/observe/spanexporter.js';
import type { SpanMaker } from '../src/observe/spans.js';
import { NAME } from '../src/observe/spans.js';
import type { TraceIds } from '../src/observe/traceids.js';
import { idsOf, RandomIds } from '../src/observe/traceids.js';
import { table } from '../src/step.js';
import { TRACES } from './otlp.js';

interface Exchanged {
  readonly record: UsageRecord;
  readonly model: string | undefined;
  readonly providerKey: string;
  /** Headers of the request. */
  readonly caller: Readonly<Record<string, string>>;
  /** The cells of its steps. */
  readonly cells: readonly number[];
  /** Without a record, as where telling it has failed. */
  readonly unrecorded: boolean;
}

const RESOURCE = resourceFromAttributes({ 'service.name': 'interlock', 'host.name': 'höst' });
const SAMPLER = new ParentBasedSampler({ root: new AlwaysOnSampler() });
const EPOCH = 1_764_323_854_123.25;
const BEGUN = 1_234.5;
const STEP_MS = 1.7;

/** The same on both sides. */
const TRACE = '0123456789abcdef0f1e2d3c4b5a6978';
const SPAN = 'fedcba9876543210';

/** Gives what each says to its upstream. */
function tell(spans: SpanMaker, exchanged: readonly Exchanged[]): unknown[] {
  const batons: unknown[] = [];
  for (const { record, model, providerKey, caller, cells, unrecorded } of exchanged) {
    const span = spans.begin(record.exchange, (name) => caller[name], BEGUN, EPOCH);
    batons.push(span?.baton);
    let time = BEGUN;
    const moves: number[] = [];
    for (const cell of cells) {
      time += STEP_MS;
      moves.push(cell, time);
    }
    const group = { operation: operationOf(record), model, providerKey, bytes: undefined };
    const facts = { record, requestModel: record.model, group };
    span?.end(unrecorded ? undefined : facts, time + STEP_MS, courseOf(moves), moves);
  }
  return batons;
}

/** Ours, and what waits to be sent of them. */
function ours(allRoots = true): { spans: SpanMaker; waiting: WrittenSpans[] } {
  const waiting: WrittenSpans[] = [];
  const queue = { onEnd: (spans: WrittenSpans) => waiting.push(spans) };
  const ids = { next: () => idsOf(TRACE, SPAN) };
  const options = { resource: RESOURCE, sampler: SAMPLER, allRoots, queue, ids };
  return { spans: new OtlpSpans(options), waiting };
}

function told(exchanged: readonly Exchanged[], allRoots = true): unknown {
  const { spans, waiting } = ours(allRoots);
  return { batons: tell(spans, exchanged), request: read(new RequestWriter().write(waiting)) };
}

function toldBySdk(exchanged: readonly Exchanged[]): unknown {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: RESOURCE,
    sampler: SAMPLER,
    idGenerator: { generateTraceId: () => TRACE, generateSpanId: () => SPAN },
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const spans = new ApiSpans(provider.getTracer(NAME), new W3CTraceContextPropagator());
  const batons = tell(spans, exchanged);
  const bytes = ProtobufTraceSerializer.serializeRequest(exporter.getFinishedSpans());
  return { batons, request: read(bytes as Uint8Array) };
}

/** What a collector reads; the order of attributes, and a status that is not told, mean nothing. */
function read(bytes: Uint8Array) {
  const options = { defaults: true, longs: Number, bytes: String, arrays: true } as const;
  const request = TRACES.toObject(TRACES.decode(bytes), options);
  for (const { scopeSpans, resource } of request.resourceSpans) {
    resource.attributes.sort(byKey);
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        span.attributes.sort(byKey);
        span.status ??= { code: 0, message: '' };
      }
    }
  }
  return request;
}

const byKey = (one: { key: string }, other: { key: string }) => (one.key < other.key ? -1 : 1);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', 'interlock-small', '\ud800', 'a\0b', 'x'.repeat(300)),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const tokens = maybe(fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 40)));
const dialect = fc.constantFrom('chat', 'embeddings', 'messages', 'ollama');
const known = fc.constantFrom('final', 'partial');
const usage = fc.oneof(
  fc.record({
    kind: known,
    dialect,
    model: maybe(text),
    inputTokens: tokens,
    outputTokens: tokens,
  }),
  fc.record({ kind: fc.constant('unknown'), reason: fc.constantFrom(...UNKNOWN_REASONS) }),
) as fc.Arbitrary<UsageRecord['usage']>;
const record = fc.record({
  v: fc.constant(1 as const),
  exchange: fc.string({ minLength: 1, maxLength: 30 }),
  at: fc.constant(''),
  outcome: fc.constantFrom(...OUTCOMES),
  cause: maybe(fc.constantFrom('client_gone', 'connection_lost')),
  status: maybe(fc.integer({ min: 100, max: 599 })),
  method: maybe(fc.constantFrom('GET', 'POST', '')),
  path: maybe(text),
  route: maybe(fc.constantFrom('a', 'b')),
  upstream: maybe(fc.constantFrom('a', 'bench')),
  model: maybe(text),
  usage,
  requestBytes: fc.nat(),
  responseBytes: fc.constantFrom(0, 127, 128, 2 ** 35),
  durationMs: fc.nat(),
  anomalies: maybe(fc.dictionary(fc.constantFrom(...Object.keys(ANOMALIES)), fc.nat())),
}) as fc.Arbitrary<UsageRecord>;
const caller = fc.record(
  {
    traceparent: fc.constantFrom(
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
      'not one',
    ),
    tracestate: fc.constantFrom('vendor=1,other=a b', ''),
  },
  { requiredKeys: [] },
);
const exchanged: fc.Arbitrary<Exchanged> = fc.record({
  record,
  model: maybe(fc.constantFrom('interlock-small', 'other')),
  providerKey: fc.constantFrom('gen_ai.system', 'gen_ai.provider.name'),
  caller,
  cells: fc.array(fc.nat({ max: cellOf(table.states.length, 0) - 1 }), { maxLength: 40 }),
  unrecorded: fc.boolean(),
});

it('are read by a collector as those of the SDK are, whatever peers have sent', () => {
  fc.assert(
    fc.property(fc.array(exchanged, { minLength: 1, maxLength: 8 }), fc.boolean(), (all, asked) => {
      fc.pre(all.some(({ caller }) => caller.traceparent?.endsWith('-00') !== true));
      expect(told(all, !asked)).toEqual(toldBySdk(all));
    }),
  );
});

it('stay as they were written while others are, thousands at a time', () => {
  const all = fc.sample(exchanged, { numRuns: 3_000, seed: 7 });
  expect(told(all)).toEqual(toldBySdk(all));
});

it('name the provider as they are told to, also where all else is as before', () => {
  const [one] = fc.sample(exchanged, { numRuns: 1, seed: 1 }) as [Exchanged];
  const usage = { kind: 'final', dialect: 'chat' } as UsageRecord['usage'];
  const all = ['gen_ai.system', 'gen_ai.provider.name'].map((providerKey) => ({
    ...one,
    record: { ...one.record, usage },
    caller: {},
    unrecorded: false,
    providerKey,
  }));
  expect(told(all)).toEqual(toldBySdk(all));
});

describe('spans that wait to be sent', () => {
  const [one] = fc.sample(exchanged, { numRuns: 1, seed: 1 }) as [Exchanged];
  const each = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...one,
      record: { ...one.record, exchange: `e${at}` },
      caller: {},
    }));
  const namesIn = (waiting: readonly WrittenSpans[]) =>
    read(new RequestWriter().write(waiting)).resourceSpans[0].scopeSpans[0].spans.map(
      ({ attributes }: { attributes: { key: string; value: { stringValue: string } }[] }) =>
        attributes.find(({ key }) => key === 'interlock.exchange')?.value.stringValue,
    );

  it('take more to them, in order, until they are sent, and then no more', () => {
    const { spans, waiting } = ours();
    tell(spans, each(3));
    expect(waiting.length).toBe(1);
    expect(namesIn(waiting)).toEqual(['e0', 'e1', 'e2']);
    tell(spans, each(2));
    expect(waiting.map(({ count }) => count)).toEqual([3, 2]);
    expect(namesIn(waiting.slice(1))).toEqual(['e0', 'e1']);
  });

  it('are so many together, and no more', () => {
    const { spans, waiting } = ours();
    tell(spans, each(2 * TOGETHER_MAX + 1));
    expect(waiting.map(({ count }) => count)).toEqual([TOGETHER_MAX, TOGETHER_MAX, 1]);
  });

  it('are as they were where the next cannot be written', () => {
    const { spans, waiting } = ours();
    const [first, bad, last] = each(3) as [Exchanged, Exchanged, Exchanged];
    Object.defineProperty(bad.record, 'requestBytes', {
      get: () => {
        throw new Error('no');
      },
    });
    tell(spans, [{ ...first, unrecorded: false }]);
    expect(() => tell(spans, [{ ...bad, unrecorded: false }])).toThrow('no');
    tell(spans, [last]);
    expect(namesIn(waiting)).toEqual(['e0', 'e2']);
  });
});

describe('requests to a collector', () => {
  const [one] = fc.sample(exchanged, { numRuns: 1, seed: 1 }) as [Exchanged];
  const written = (writer: RequestWriter, exchange: string): Uint8Array => {
    const { spans, waiting } = ours();
    tell(spans, [{ ...one, record: { ...one.record, exchange }, caller: {} }]);
    return writer.write(waiting);
  };

  it('are written in the memory of the one before, once that is taken', () => {
    const writer = new RequestWriter();
    const first = written(writer, 'a');
    writer.answered(true);
    expect(written(writer, 'b').buffer).toBe(first.buffer);
  });

  it.each([true, false])('leave alone what is on its way, or may be (taken: %s)', (taken) => {
    const writer = new RequestWriter();
    const all = [written(writer, 'a'), written(writer, 'b')];
    const before = all.map(read);
    // One of the two has its answer.
    writer.answered(taken);
    all.push(written(writer, 'c'));
    writer.answered(false);
    writer.answered(true);
    all.push(written(writer, 'd'));
    expect(all.slice(0, 2).map(read)).toEqual(before);
    expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(4);
  });
});

it('ids are the same as bytes and as a header, no two alike, and stay as they are', () => {
  const ids = new RandomIds();
  const all = Array.from({ length: 2_000 }, () => ids.next());
  const hex = ({ bytes, at }: TraceIds) => Buffer.from(bytes.subarray(at, at + 24)).toString('hex');
  for (const one of all) {
    expect(one.traceparent).toBe(`00-${one.traceId}-${one.spanId}-01`);
    expect(hex(one)).toMatch(/^[0-9a-f]{48}$/);
    expect(hex(one)).toBe(one.traceId + one.spanId);
  }
  expect(new Set(all.map(({ traceId }) => traceId)).size).toBe(all.length);
  expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(all.length);
});

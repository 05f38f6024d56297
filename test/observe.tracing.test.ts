/** Spans: one per exchange, in the caller's trace, kept apart whatever ids a client chooses. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Telemetry } from '../src/observe/telemetry.js';
import { JSON_BODY, RB, RH, SB, SH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { ask, CHAT, Client, chat } from './faults.js';
import { World } from './harness.js';
import { CALLER, TRACE, tracing } from './tracing.js';

const TRACEPARENT = `00-${TRACE}-${CALLER}-01`;

async function gateway(telemetry?: Telemetry, url?: string): Promise<World> {
  const world = await World.start({
    ...(telemetry && { telemetry }),
    ...(url && { upstreams: [{ id: 'a', url }] }),
  });
  onTestFinished(() => world.close());
  return world;
}

/** An upstream that answers anything, and keeps the headers that it was asked with. */
async function listening(): Promise<{ url: string; asked: Headers[] }> {
  const asked: Headers[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headersDistinct);
    request.resume().on('end', () => response.end('{}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

type Headers = IncomingMessage['headersDistinct'];

describe('an exchange', () => {
  it('is one span in its caller’s trace, with its phases, its outcome and its usage', async () => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    const asked = JSON.parse(chat('interlock-small')) as object;
    const body = JSON.stringify({ ...asked, stream_options: { include_usage: true } });
    await ask(world.port, { headers: [`traceparent: ${TRACEPARENT}`], body });
    const [record] = await world.recorded();
    const [span, ...more] = spans() as [ReadableSpan];
    expect(more).toEqual([]);
    expect(span.spanContext().traceId).toBe(TRACE);
    expect(span.parentSpanContext?.spanId).toBe(CALLER);
    expect(span.kind).toBe(SpanKind.SERVER);
    expect(span.name).toBe('chat interlock-small');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    const usage = record?.usage as { inputTokens: number; outputTokens: number };
    expect(span.attributes).toMatchObject({
      'interlock.exchange': record?.exchange,
      'interlock.outcome': 'completed',
      'interlock.usage.kind': 'final',
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'url.path': CHAT,
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'openai',
      'gen_ai.response.model': 'interlock-small',
      'gen_ai.usage.input_tokens': usage.inputTokens,
      'gen_ai.usage.output_tokens': usage.outputTokens,
    });
    const phases = span.events.map(({ name }) => name);
    expect(phases).toEqual([
      'request.awaitingRoute.receiving',
      'request.awaitingRoute.received',
      'request.ended',
      'response.started.body.awaitingFirstByte',
      'response.started.body.awaitingBody',
      'response.started.body.awaitingEnd.succeeded',
      'settling',
    ]);
  });

  it('is what its upstream works for: our span in place of the caller’s, once', async () => {
    const { telemetry, spans } = tracing();
    const upstream = await listening();
    const world = await gateway(telemetry, upstream.url);
    const headers = [`traceparent: ${TRACEPARENT}`, 'TraceState: vendor=1', 'baggage: a=b'];
    await ask(world.port, { headers, body: chat('interlock-small') });
    await ask(world.port, { headers: ['tracestate: vendor=1'], body: chat('interlock-small') });
    await world.recorded(2);
    const [first, second] = spans() as [ReadableSpan, ReadableSpan];
    expect(upstream.asked.map(({ traceparent, tracestate }) => [traceparent, tracestate])).toEqual([
      [[`00-${TRACE}-${first.spanContext().spanId}-01`], ['vendor=1']],
      // A state without its parent is nobody's (W3C Trace Context 3.3).
      [[`00-${second.spanContext().traceId}-${second.spanContext().spanId}-01`], undefined],
    ]);
    expect(upstream.asked[0]?.baggage).toEqual(['a=b']);
  });

  // W3C Trace Context 3.3: they are one list, in their order.
  const STATES = ['vendor=1,other=2', 'third=3'];

  it('hands on a tracestate that came in several fields as one', async () => {
    const { telemetry } = tracing();
    const upstream = await listening();
    const world = await gateway(telemetry, upstream.url);
    const states = STATES.map((state, at) => `${at === 0 ? 'tracestate' : 'TraceState'}: ${state}`);
    const headers = [`traceparent: ${TRACEPARENT}`, ...states];
    await ask(world.port, { headers, body: chat('interlock-small') });
    expect(upstream.asked.map(({ tracestate }) => tracestate)).toEqual([
      ['vendor=1,other=2,third=3'],
    ]);
  });

  it('over ext_proc has a tracestate that came in several fields as one', async () => {
    const { telemetry, spans } = tracing();
    const world = await EnvoyWorld.start({}, telemetry);
    onTestFinished(() => world.close());
    const first = RH({ traceparent: TRACEPARENT }).requestHeaders?.headers?.headers ?? [];
    const states = STATES.map((value) => ({ key: 'tracestate', rawValue: Buffer.from(value) }));
    const requestHeaders = { headers: { headers: [...first, ...states] }, endOfStream: true };
    await world.say([{ requestHeaders }, SH(), SB(JSON_BODY, true)]);
    await world.recorded();
    const [span] = spans() as [ReadableSpan];
    expect(span.spanContext().traceState?.serialize()).toBe('vendor=1,other=2,third=3');
  });

  it('that nobody records leaves its caller’s trace as it came', async () => {
    const upstream = await listening();
    const world = await gateway(undefined, upstream.url);
    await ask(world.port, { headers: [`traceparent: ${TRACEPARENT}`], body: chat('any') });
    expect(upstream.asked.map(({ traceparent }) => traceparent)).toEqual([[TRACEPARENT]]);
  });

  it('that fails is a span that says why', async () => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    await ask(world.port, { body: chat('fault:F05') });
    await world.recorded();
    const [span] = spans() as [ReadableSpan];
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(span.attributes).toMatchObject({
      'interlock.outcome': 'upstreamFailed',
      'error.type': 'connection_lost',
      'interlock.usage.reason': 'truncated',
    });
  });

  it('of a model that metrics do not name is a span that names it, and is not called by it', async () => {
    const { telemetry, spans } = tracing();
    const record = {
      ...({ v: 1, exchange: 'a', at: '', outcome: 'upstreamFailed', path: CHAT } as const),
      ...({ usage: { kind: 'unknown', reason: 'truncated' }, durationMs: 1 } as const),
      ...{ requestBytes: 1, responseBytes: 1 },
    };
    const asked = { streams: false, requestModel: 'any one can\nask' };
    telemetry.begin('a', () => undefined).recorded(record, asked);
    telemetry.flush();
    const [span] = spans() as [ReadableSpan];
    expect(span.name).toBe('chat');
    expect(span.attributes).toMatchObject({ 'gen_ai.request.model': 'any one can\\u000aask' });
  });

  it('over ext_proc is a span in the trace that Envoy shows', async () => {
    const { telemetry, spans } = tracing();
    const world = await EnvoyWorld.start({}, telemetry);
    onTestFinished(() => world.close());
    await world.say([
      RH({ traceparent: TRACEPARENT, ':path': `${CHAT}\u001b[2J?key=hunter2` }),
      RB('{}', true),
      SH(),
      SB(JSON_BODY, true),
    ]);
    await world.recorded();
    const [span, ...more] = spans() as [ReadableSpan];
    expect(more).toEqual([]);
    expect(span.spanContext().traceId).toBe(TRACE);
    expect(span.attributes['url.path']).toBe(`${CHAT}\\u001b[2J`);
  });
});

describe('ids that a client chooses', () => {
  it('two exchanges at once with one traceparent are two spans, each with its own facts (D17)', async () => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    const headers = [`traceparent: ${TRACEPARENT}`];
    const slow = await Client.connect(world.port);
    slow.ask({ headers, body: chat('fault:F15') });
    await slow.until((text) => text.includes('data:'));
    await ask(world.port, { headers, body: chat('interlock-small') });
    await world.recorded(1);
    slow.socket.destroy();
    const records = await world.recorded(2);
    const all = spans();
    expect(all.map((span) => span.spanContext().traceId)).toEqual([TRACE, TRACE]);
    expect(new Set(all.map((span) => span.spanContext().spanId)).size).toBe(2);
    const facts = (exchange: unknown, outcome: unknown) => `${exchange} ${outcome}`;
    expect(
      all.map(({ attributes }) =>
        facts(attributes['interlock.exchange'], attributes['interlock.outcome']),
      ),
    ).toEqual(records.map(({ exchange, outcome }) => facts(exchange, outcome)));
    expect(telemetry.live.size).toBe(0);
  });

  it.each([
    ['of zeros', `00-${'0'.repeat(32)}-${CALLER}-01`],
    ['too long', `${TRACEPARENT}${'0'.repeat(5_000)}`],
    ['no traceparent', '"; drop'],
    ['two of them', `${TRACEPARENT}, ${TRACEPARENT}`],
    ['two of them, of a version to come', `cc${TRACEPARENT.slice(2)}-x, cc${TRACEPARENT.slice(2)}`],
  ])('a traceparent %s begins a trace of its own', async (_, value) => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    await ask(world.port, { headers: [`traceparent: ${value}`], body: chat('interlock-small') });
    await world.recorded();
    const [span] = spans() as [ReadableSpan];
    expect(span.spanContext().traceId).not.toBe(TRACE);
    expect(span.parentSpanContext).toBeUndefined();
  });

  it('several traceparents begin a trace of its own', async () => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    const headers = [`traceparent: ${TRACEPARENT}`, `Traceparent: ${TRACEPARENT}`];
    await ask(world.port, { headers, body: chat('interlock-small') });
    await world.recorded();
    expect(spans().map(({ parentSpanContext }) => parentSpanContext)).toEqual([undefined]);
  });

  it('a caller that does not want its trace kept has no span', async () => {
    const { telemetry, spans } = tracing();
    const world = await gateway(telemetry);
    const headers = [`traceparent: ${TRACEPARENT.slice(0, -2)}00`];
    await ask(world.port, { headers, body: chat('interlock-small') });
    await world.recorded();
    expect(spans()).toEqual([]);
  });

  it('late events change no span that has ended', async () => {
    const { telemetry, spans } = tracing();
    const world = await EnvoyWorld.start({}, telemetry);
    onTestFinished(() => world.close());
    await world.say([RH({}, true), SH(), SB(JSON_BODY, true), SB('', true), SB('', true)]);
    await world.recorded();
    const [span, ...more] = spans() as [ReadableSpan];
    expect(more).toEqual([]);
    expect(span.ended).toBe(true);
    expect(span.events.at(-1)?.name).toBe('settling');
  });
});

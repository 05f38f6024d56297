/** When an exchange is told of: once, when it is over, many together, however much it has done. */
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import { codeOf, events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import { cellOf, isProcessed } from '../src/observe/phases.js';
import type { ExchangeSpan } from '../src/observe/spans.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { start, table } from '../src/step.js';
import { CALLER, TRACE, tracing } from './tracing.js';

describe('exchanges that are over', () => {
  const over = (telemetry: Telemetry, id: string) => {
    const exchange = new Exchange({ id, observer: telemetry.begin(id, () => undefined) });
    for (const event of [events.requestHeaders, events.requestRefused, events.usageRecorded]) {
      exchange.receive(event);
    }
  };
  const ending = () => {
    const ended: string[] = [];
    let heard = () => {};
    const first = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const onEnd = ({ attributes }: ReadableSpan) => {
      ended.push(attributes['interlock.exchange'] as string);
      heard();
    };
    const spanProcessors = [
      { onStart: () => {}, onEnd } as Partial<SpanProcessor> as SpanProcessor,
    ];
    const tracerProvider = new BasicTracerProvider({ spanProcessors });
    const telemetry = new Telemetry({ tracerProvider });
    onTestFinished(() => telemetry.close());
    return { telemetry, ended, first };
  };

  it('are told of by themselves, many together', async () => {
    const { telemetry, ended, first } = ending();
    over(telemetry, 'a');
    over(telemetry, 'b');
    expect(ended).toEqual([]);
    await first;
    expect(ended).toEqual(['a', 'b']);
  });

  it('do not wait in any number', () => {
    const { telemetry, ended } = ending();
    for (let at = 0; at < 1_000; at++) over(telemetry, `${at}`);
    expect(ended.length).toBeGreaterThan(900);
    telemetry.close();
    expect(ended).toEqual(Array.from({ length: 1_000 }, (_, at) => `${at}`));
  });
});

describe('an exchange of many moves', () => {
  const RECORDED = codeOf(events.usageRecorded);
  const states = table.states.map((_, state) => state);
  const next = (state: number, event: number) => table.step(state, event).state;

  it('tells its phases once, also where metrics were read meanwhile', () => {
    const { telemetry, spans } = tracing();
    const observation = telemetry.begin('a', () => undefined);
    const exchange = new Exchange({ id: 'a', observer: observation });
    for (const event of [events.requestHeaders, events.requestRefused, events.usageRecorded]) {
      exchange.receive(event);
      telemetry.flush();
    }
    const [span, ...more] = spans();
    expect(more).toEqual([]);
    expect(span?.events.map(({ name }) => name)).toEqual([
      'request.awaitingRoute.receiving',
      'settling',
    ]);
  });

  it('keeps what its span tells, if its client blocks and reads in turns, and counts all of it', () => {
    const ended: (readonly number[])[] = [];
    const context = { traceId: TRACE, spanId: CALLER, traceFlags: 1 };
    const end: ExchangeSpan['end'] = (_facts, _time, _course, moves) => void ended.push(moves);
    const begin = () => ({ context, baton: { replaced: [], headers: [] }, end });
    const [headers, blocked, ready] = [
      codeOf(events.requestHeaders),
      codeOf(events.downstreamBlocked),
      codeOf(events.downstreamReady),
    ];
    const flowing = states.find((state) => next(state, blocked) !== state) as number;
    const last = states.find((state) => isProcessed[next(state, RECORDED)] === 1) as number;
    const counted = [{ begin }, undefined].map((spans) => {
      let count = 0;
      const histogram = () => ({ of: () => ({ record: () => void count++ }) });
      const telemetry = new Telemetry({ tracerProvider: null, spans, histogram });
      const observation = telemetry.begin('a', () => undefined);
      const step = (state: number, event: number) =>
        observation.stepped(event, state, next(state, event));
      step(start(), headers);
      for (let at = 0; at < 10_000; at++) {
        step(flowing, blocked);
        step(next(flowing, blocked), ready);
      }
      step(last, RECORDED);
      telemetry.close();
      return count;
    });
    const [moves = [], ...more] = ended;
    expect(more).toEqual([]);
    const cells = moves.filter((_, at) => at % 2 === 0);
    expect(cells[0]).toBe(cellOf(start(), headers));
    expect(cells.at(-1)).toBe(cellOf(last, RECORDED));
    expect(moves.length).toBeLessThan(200);
    expect(counted[0]).toBeGreaterThan(10_000);
    expect(counted[0]).toBe(counted[1]);
  });
});

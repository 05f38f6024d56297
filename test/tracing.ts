/** Spans as they are recorded in memory, for a test, and a caller's trace. */
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';
import { Telemetry } from '../src/observe/telemetry.js';

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const CALLER = '00f067aa0ba902b7';

/** Closed when the test is over. */
export function tracing(): { telemetry: Telemetry; spans(): ReadableSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const telemetry = new Telemetry({
    tracerProvider: provider,
    propagator: new W3CTraceContextPropagator(),
  });
  onTestFinished(() => provider.shutdown());
  onTestFinished(() => telemetry.close());
  const spans = () => {
    telemetry.flush();
    return exporter.getFinishedSpans();
  };
  return { telemetry, spans };
}

/** The README's examples of embedding are programs: here they run, word for word. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside the project, so that the example is compiled as our own files are. */
const folder = mkdtempSync(join(root, 'node_modules', '.interlock-embed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The programs under the heading: those TypeScript blocks that say what they print. */
function examplesIn(readme: string): string[] {
  const [, section = ''] = readme.split(/^## Embed it$/m);
  const blocks = (section.split(/^## /m)[0] as string).matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  return [...blocks]
    .map(([, block]) => block as string)
    .filter((block) => /console\.log/.test(block));
}

/** Runs it as a program of somebody who has installed the package. Gives what it printed. */
async function run(example: string, name: string): Promise<string[]> {
  const file = join(folder, name);
  const from = (place: string) => JSON.stringify(join(root, 'src', place, 'index.ts'));
  const local = example.replaceAll("'interlock/observe'", from('observe'));
  writeFileSync(file, local.replaceAll("'interlock'", from('')));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import(file);
  const printed = log.mock.calls.map((words) => words.join(' '));
  log.mockRestore();
  return printed;
}

const promisedBy = (example: string) =>
  [...example.matchAll(/^.*console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => text);

describe('the examples of embedding in the README', () => {
  const examples = examplesIn(readFileSync(join(root, 'README.md'), 'utf8'));
  const [driving = '', observing = ''] = examples;

  it('are two, of some twenty lines, and import the library by its name', () => {
    expect(examples).toHaveLength(2);
    expect(driving).toMatch(/from 'interlock'/);
    expect(observing).toMatch(/from 'interlock\/observe'/);
    for (const example of examples) {
      expect(example.trim().split('\n').length).toBeLessThanOrEqual(30);
    }
  });

  it('drive an exchange, and print what they say that they print', async () => {
    const promised = promisedBy(driving);
    expect(promised.length).toBeGreaterThan(0);
    expect((await run(driving, 'driving.ts')).slice(-promised.length)).toEqual(promised);
  });

  it('tell of an exchange to the providers that are set', async () => {
    const exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    onTestFinished(() => {
      trace.disable();
      propagation.disable();
    });
    expect(await run(observing, 'observing.ts')).toEqual(promisedBy(observing));
    const [span] = exporter.getFinishedSpans() as [ReadableSpan];
    expect(span.name).toBe('chat');
    expect(span.spanContext().traceId).toBe('a1'.repeat(16));
    expect(span.attributes).toMatchObject({
      'interlock.outcome': 'rejected',
      'gen_ai.request.model': 'gpt-small',
    });
  });
});

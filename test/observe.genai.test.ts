/** The metrics of OpenTelemetry's conventions for generative AI. */
import type { Attributes } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { METRICS } from '../src/observe/metrics.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { ask, CHAT, WITH_USAGE } from './faults.js';
import { gateway, observed, samplesIn, sumOf } from './observing.js';

describe('generative AI', () => {
  const record = (model: string, more: Partial<UsageRecord> = {}): UsageRecord => ({
    v: 1,
    exchange: 'a',
    at: '',
    outcome: 'completed',
    status: 200,
    path: CHAT,
    upstream: 'a',
    usage: { kind: 'final', dialect: 'chat', model, inputTokens: 3, outputTokens: 5 },
    requestBytes: 1,
    responseBytes: 1,
    durationMs: 2_000,
    ...more,
  });
  const tell = (telemetry: Telemetry, told: UsageRecord, requestModel?: string) =>
    telemetry.begin('a', () => undefined).recorded(told, { streams: false, requestModel });

  it('has duration, first token, time per token and tokens of a stream, in seconds', async () => {
    const seen = await observed();
    const world = await gateway(seen);
    await ask(world.port, { body: WITH_USAGE });
    const [told] = await world.recorded();
    const usage = told?.usage as { inputTokens: number; outputTokens: number };
    const samples = await seen.samples();
    const labels = { gen_ai_operation_name: 'chat', gen_ai_system: 'openai' };
    for (const name of ['request_duration', 'time_to_first_token', 'time_per_output_token']) {
      expect([name, sumOf(samples, `gen_ai_server_${name}_seconds_count`, labels)]).toEqual([
        name,
        1,
      ]);
    }
    const seconds = sumOf(samples, 'gen_ai_server_request_duration_seconds_sum', labels);
    expect(seconds).toBeCloseTo((told?.durationMs as number) / 1_000, 6);
    const first = sumOf(samples, 'gen_ai_server_time_to_first_token_seconds_sum', labels);
    const each = sumOf(samples, 'gen_ai_server_time_per_output_token_seconds_sum', labels);
    expect(first + each * (usage.outputTokens - 1)).toBeCloseTo(seconds, 6);
    const tokens = (type: string) =>
      sumOf(samples, 'gen_ai_client_token_usage_sum', { gen_ai_token_type: type });
    expect([tokens('input'), tokens('output')]).toEqual([usage.inputTokens, usage.outputTokens]);
    const bounds = samples
      .filter(({ name }) => name === 'gen_ai_server_time_per_output_token_seconds_bucket')
      .map(({ labels: { le } }) => le);
    expect(bounds).toEqual([...METRICS.timePerOutputToken.buckets.map(String), '+Inf']);
  });

  it('tells no usage that is not known, and why an exchange failed', async () => {
    const seen = await observed();
    const usage = { kind: 'partial', dialect: 'chat', inputTokens: 3 } as const;
    tell(
      seen.telemetry,
      record('m', { outcome: 'upstreamFailed', cause: 'connection_lost', usage }),
    );
    const samples = await seen.samples();
    expect(sumOf(samples, 'gen_ai_client_token_usage_count')).toBe(0);
    const failed = { error_type: 'connection_lost' };
    expect(sumOf(samples, 'gen_ai_server_request_duration_seconds_count', failed)).toBe(1);
    expect(sumOf(samples, 'interlock_usage_total', { kind: 'partial' })).toBe(1);
  });

  it('has the newer names where OTEL_SEMCONV_STABILITY_OPT_IN asks for them, and not both', async () => {
    for (const [semconvOptIn, provider] of [
      ['', 'gen_ai.system'],
      ['http, gen_ai_latest_experimental', 'gen_ai.provider.name'],
    ]) {
      const keys = new Set<string>();
      const histogram = () => ({
        of: (labels: Attributes) => {
          for (const key of Object.keys(labels)) keys.add(key);
          return { record: () => {} };
        },
      });
      const telemetry = new Telemetry({ semconvOptIn, tracerProvider: null, histogram });
      onTestFinished(() => telemetry.close());
      tell(telemetry, record('m'), 'm');
      telemetry.flush();
      expect([...keys].filter((key) => /system|provider/.test(key))).toEqual([provider]);
    }
  });

  it('of 100 000 model names tells those of the routes, 100 others, and "other"', async () => {
    const seen = await observed({ models: ['in-the-config'] });
    const { telemetry } = seen;
    for (let at = 0; at < 100_000; at++) {
      // Half of them are only asked for, and half have an upstream that says what it is told.
      const answered = at % 2 === 0 ? `model-${at}` : undefined;
      tell(telemetry, record(answered ?? 'the-same'), `asked-${at}`);
    }
    tell(telemetry, record('in-the-config'), 'in-the-config');
    const text = await seen.text();
    const models = new Set(
      samplesIn(text)
        .flatMap(({ labels }) => [labels.gen_ai_request_model, labels.gen_ai_response_model])
        .filter((model) => model !== undefined),
    );
    expect(models.size).toBe(102);
    expect(models).toContain('other');
    expect(models).toContain('in-the-config');
    expect([...models].filter((model) => model.startsWith('asked-'))).toEqual([]);
    expect(text.length).toBeLessThan(4 * 1024 * 1024);
    const count = sumOf(samplesIn(text), 'gen_ai_server_request_duration_seconds_count');
    expect(count).toBe(100_001);
  });

  it('tells the models of the routes whatever clients ask for, and operation and upstream of all', async () => {
    const seen = await observed({ models: ['in-the-config'] });
    const { telemetry, warnings } = seen;
    const upstreams = ['a', 'b', 'c', 'd'];
    for (let at = 0; at < 100; at++) {
      for (const upstream of upstreams) tell(telemetry, record(`m${at}`, { upstream }), `m${at}`);
    }
    for (let times = 0; times < 20; times++) {
      tell(telemetry, record('in-the-config', { upstream: 'e' }), 'in-the-config');
    }
    const samples = await seen.samples();
    const count = (labels: Record<string, string>) =>
      sumOf(samples, 'gen_ai_server_request_duration_seconds_count', labels);
    expect(count({ gen_ai_request_model: 'in-the-config', interlock_upstream: 'e' })).toBe(20);
    // There was room for 300 of the 400.
    expect(count({ gen_ai_request_model: 'other', gen_ai_operation_name: 'chat' })).toBe(100);
    for (const upstream of upstreams) expect(count({ interlock_upstream: upstream })).toBe(100);
    expect(warnings).toEqual([expect.stringMatching(/too many models .* is told as "other"/)]);
  });

  it('tells a model by its name from when an upstream first answers in it, also what failed before', async () => {
    const seen = await observed();
    const failed = record('m', { outcome: 'upstreamFailed', cause: 'connection_lost' });
    for (const told of [failed, failed, record('m'), failed]) {
      tell(seen.telemetry, told);
      seen.telemetry.flush();
    }
    const samples = await seen.samples();
    const count = (model: string) =>
      sumOf(samples, 'gen_ai_server_request_duration_seconds_count', {
        gen_ai_response_model: model,
      });
    expect([count('other'), count('m')]).toEqual([2, 2]);
  });

  it('takes no name for a label that is not plain', async () => {
    const seen = await observed();
    const names = ['a\nb{c="d"} 1', 'x'.repeat(101), '\u001b[2J', 'a"b', '"} 1\ninjected 1'];
    for (const name of names) tell(seen.telemetry, record(name), name);
    const samples = await seen.samples();
    const models = new Set(samples.map(({ labels }) => labels.gen_ai_response_model));
    expect(models).toEqual(new Set([undefined, 'other']));
  });
});

/** Metrics: what `/metrics` tells of the exchanges of both servers, and what no peer can make it do. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Attributes } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';
import type { Command } from '../machines/events.js';
import { ANOMALIES, DEADLINES, EVENTS, events, OUTCOMES } from '../machines/events.js';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { UNKNOWN_REASONS } from '../src/accounting/usage.js';
import { Exchange } from '../src/exchange.js';
import { METRICS } from '../src/observe/metrics.js';
import { PHASES } from '../src/observe/phases.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { start, step, table } from '../src/step.js';
import { RH, SB, SH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { ask, CHAT, Client, chat } from './faults.js';
import { World } from './harness.js';
import { Observed, samplesIn, sumOf } from './observing.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function observed(options: Parameters<typeof Observed.open>[0] = {}): Promise<Observed> {
  const opened = await Observed.open(options);
  closing.push(() => opened.close());
  return opened;
}

async function gateway(seen: Observed, config: Record<string, unknown> = {}): Promise<World> {
  const world = await World.start({ telemetry: seen.telemetry, config });
  closing.push(() => world.close());
  return world;
}

async function extProc(seen: Observed): Promise<EnvoyWorld> {
  const world = await EnvoyWorld.start({}, seen.telemetry);
  closing.push(() => world.close());
  return world;
}

/** A chat whose stream tells its usage. */
const WITH_USAGE = JSON.stringify({
  ...JSON.parse(chat('interlock-small')),
  stream_options: { include_usage: true },
});

/** The Prometheus name of a metric. */
function promNameOf({ name, unit, kind }: (typeof METRICS)[keyof typeof METRICS]): string {
  const units: Record<string, string> = { s: '_seconds', By: '_bytes' };
  const total = kind === 'counter' ? '_total' : '';
  return `${name.replaceAll('.', '_')}${units[unit] ?? ''}${total}`;
}

/** One exchange of each outcome, over the server that can have it. */
async function oneOfEach(seen: Observed): Promise<void> {
  const world = await gateway(seen, {
    routes: [{ path: '/v1/', upstreams: ['scripted'] }],
    deadlines: { responseHeaders: 100 },
  });
  await ask(world.port, { body: WITH_USAGE });
  await ask(world.port, { path: '/elsewhere', body: '{}' });
  await ask(world.port, { body: chat('fault:F05') });
  await ask(world.port, { body: chat('fault:F14') });
  const leaving = await Client.connect(world.port);
  leaving.ask({ body: chat('fault:F15') });
  await leaving.until((text) => text.includes('data:'));
  leaving.socket.destroy();
  await world.recorded(5);
  const staying = await Client.connect(world.port);
  staying.ask({ body: chat('fault:F15') });
  await staying.until((text) => text.includes('data:'));
  const drained = world.gateway.drain();
  world.gateway.cut();
  await drained;
  const envoy = await extProc(seen);
  await envoy.say([SB('{}')], 'wait');
  await envoy.say([RH({}, true), SH(200, 'text/event-stream')]);
  await envoy.recorded(2);
}

describe('after one exchange of each outcome', () => {
  it('/metrics counts each once, leaves none in flight, and has every metric of the table', async () => {
    const seen = await observed();
    await oneOfEach(seen);
    const text = await seen.text();
    const samples = samplesIn(text);
    const outcomes = OUTCOMES.map((outcome) =>
      sumOf(samples, 'interlock_outcomes_total', { outcome }),
    );
    expect(outcomes).toEqual(OUTCOMES.map(() => 1));
    for (const outcome of OUTCOMES) {
      expect(sumOf(samples, 'interlock_exchange_duration_seconds_count', { outcome })).toBe(1);
    }
    const states = PHASES.filter((phase) => phase !== 'processed');
    const inFlight = states.map((state) =>
      sumOf(samples, 'interlock_exchanges_in_flight', { state }),
    );
    expect(inFlight).toEqual(states.map(() => 0));
    expect(sumOf(samples, 'interlock_deadlines_fired_total', { deadline: 'responseHeaders' })).toBe(
      1,
    );
    for (const metric of Object.values(METRICS)) {
      const type = metric.kind === 'sum' ? 'gauge' : metric.kind;
      expect(text).toContain(`# TYPE ${promNameOf(metric)} ${type}\n`);
    }
    expect(seen.warnings).toEqual([]);
  });

  it('each label has one of the values that its metric may have', async () => {
    const seen = await observed();
    await oneOfEach(seen);
    const known: Record<string, readonly string[]> = {
      state: PHASES,
      event: [...new Set(EVENTS.map(({ type }) => type))],
      answer: ['taken', 'absorbed', 'violation'],
      outcome: OUTCOMES,
      anomaly: Object.keys(ANOMALIES),
      deadline: DEADLINES,
      kind: ['final', 'partial', 'unknown'],
      reason: UNKNOWN_REASONS,
    };
    const names = new Map(Object.values(METRICS).map((metric) => [promNameOf(metric), metric]));
    for (const { name, labels } of await seen.samples()) {
      const metric = names.get(name) ?? names.get(name.replace(/_(count|sum|bucket)$/, ''));
      if (name === 'target_info') continue;
      const may = metric?.labels.map((label) => label.replaceAll('.', '_')) ?? [];
      for (const [label, value] of Object.entries(labels)) {
        if (label === 'le') continue;
        expect(may, name).toContain(label);
        if (known[label] !== undefined) expect(known[label], name).toContain(value);
      }
    }
  });
});

describe('the dashboard', () => {
  const text = readFileSync(new URL('../src/observe/dashboard.json', import.meta.url), 'utf8');
  const { panels } = JSON.parse(text) as {
    panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[];
  };
  const targets = panels.flatMap(({ targets: found = [] }) => found);
  /** The words of an expression that are metrics: what stands before a selector. */
  const namesIn = (expr: string) => [...expr.matchAll(/([a-z_]\w*)\{/g)].map(([, name]) => name);

  it('asks for nothing that a live /metrics does not have, by name or by label', async () => {
    const seen = await observed();
    await oneOfEach(seen);
    const labels = new Map<string, Set<string>>();
    for (const { name, labels: found } of await seen.samples()) {
      const known = labels.get(name) ?? new Set(['job']);
      for (const label of Object.keys(found)) known.add(label);
      labels.set(name, known);
    }
    for (const { expr, legendFormat } of targets) {
      const names = namesIn(expr);
      expect(names, expr).not.toEqual([]);
      for (const name of names) {
        const known = labels.get(name as string);
        expect(known, name).toBeDefined();
        const asked = [
          ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
          ...[...expr.matchAll(/[{,](\w+)(?:=~?|!~|!=)"/g)].map(([, label]) => label as string),
          ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label as string),
        ];
        for (const label of asked) expect([...(known ?? [])], expr).toContain(label);
      }
    }
  });

  it('shows every metric of the table', () => {
    const shown = targets.flatMap(({ expr }) => namesIn(expr));
    for (const metric of Object.values(METRICS)) {
      const name = promNameOf(metric);
      expect(shown.map((item) => item?.replace(/_(bucket|count|sum)$/, ''))).toContain(name);
    }
  });
});

describe('while exchanges are in flight', () => {
  it('they are told by each state that they are in, with the memory that they hold', async () => {
    const seen = await observed();
    const world = await gateway(seen);
    const client = await Client.connect(world.port);
    client.ask({ body: chat('fault:F15-event') });
    await client.until((text) => text.includes('data:'));
    await world.event('response.progress');
    const samples = await seen.samples();
    const inState = (state: string) => sumOf(samples, 'interlock_exchanges_in_flight', { state });
    expect(inState('request.ended')).toBe(1);
    expect(inState('response.started.body.awaitingBody')).toBe(1);
    expect(inState('response.started.flow.flowing')).toBe(1);
    expect(inState('response.awaitingHeaders')).toBe(0);
    expect(sumOf(samples, 'interlock_buffer_size_bytes')).toBeGreaterThan(0);
    client.socket.destroy();
    await world.recorded();
    await world.gateway.close();
    const after = await seen.samples();
    expect(sumOf(after, 'interlock_exchanges_in_flight')).toBe(0);
    expect(sumOf(after, 'interlock_buffer_size_bytes')).toBe(0);
  });

  it('a chunk costs a counter: it makes no series and records no time', async () => {
    const seen = await observed();
    const observation = seen.telemetry.begin('a', () => undefined);
    const exchange = new Exchange({ id: 'a', observer: observation });
    const opening = [events.requestHeaders, events.requestEnd, events.requestRouted];
    for (const event of [...opening, events.responseHeaders('success'), events.responseBody]) {
      exchange.receive(event);
    }
    const before = await seen.samples();
    for (let chunk = 0; chunk < 1_000; chunk++) exchange.receive(events.responseBody);
    const after = await seen.samples();
    const body = { event: 'response.body' };
    // An exchange need not be over for the states that it left to be told.
    const left = { state: 'response.awaitingHeaders' };
    expect(sumOf(before, 'interlock_state_duration_seconds_count', left)).toBe(1);
    expect(sumOf(before, 'interlock_transitions_total', body)).toBe(1);
    expect(sumOf(after, 'interlock_transitions_total', body)).toBe(1_001);
    const others = ({ name, labels }: (typeof before)[number]) =>
      !name.startsWith('nodejs_') && labels.event !== 'response.body';
    expect(after.filter(others)).toEqual(before.filter(others));
  });

  it('each state that is left is told once, however often, and whenever somebody asks', async () => {
    const seen = await observed();
    const exchange = new Exchange({
      id: 'a',
      observer: seen.telemetry.begin('a', () => undefined),
    });
    const opening = [events.requestHeaders, events.requestEnd, events.requestRouted];
    for (const event of [...opening, events.responseHeaders('success')]) exchange.receive(event);
    const turns = 150;
    for (let turn = 1; turn <= turns; turn++) {
      exchange.receive(events.downstreamBlocked);
      exchange.receive(events.downstreamReady);
      if (turn % 40 > 0) continue;
      const state = 'response.started.flow.blocked';
      const told = sumOf(await seen.samples(), 'interlock_state_duration_seconds_count', { state });
      expect(told).toBe(turn);
    }
  });
});

describe('what is counted of the life of exchanges', () => {
  it('is what their traces say', async () => {
    const seen = await observed();
    const world = await gateway(seen);
    for (const model of ['interlock-small', 'fault:F17', 'fault:F03', 'fault:F23', 'fault:F18']) {
      await ask(world.port, { body: chat(model) });
    }
    await world.recorded(5);
    await world.gateway.close();
    const samples = await seen.samples();
    const told = new Map<string, number>();
    for (const { event } of world.traces) {
      const type = event.replace(/\(.*/, '');
      told.set(type, (told.get(type) ?? 0) + 1);
    }
    for (const [event, count] of told) {
      expect([event, sumOf(samples, 'interlock_transitions_total', { event })]).toEqual([
        event,
        count,
      ]);
    }
    const orders = world.traces.flatMap(({ commands }) => commands);
    for (const anomaly of Object.keys(ANOMALIES)) {
      const count = orders.filter((order) => order === `countAnomaly(${anomaly})`).length;
      expect(sumOf(samples, 'interlock_anomalies_total', { anomaly })).toBe(count);
    }
    expect(sumOf(samples, 'interlock_anomalies_total')).toBeGreaterThan(0);
  });

  it('is right in every state: whatever happens to an exchange, it is in one phase of a region', () => {
    const telemetry = new Telemetry({ tracerProvider: null });
    closing.push(async () => telemetry.close());
    for (const first of EVENTS) {
      for (const second of EVENTS) {
        const observation = telemetry.begin('a', () => undefined);
        const exchange = new Exchange({ id: 'a', observer: observation });
        let state = start();
        for (const event of [events.requestHeaders, first, second]) {
          exchange.receive(event);
          state = step(state, event).state;
        }
        expect(exchange.state).toBe(table.states[state]);
      }
    }
    telemetry.flush();
    const counts = telemetry.lifecycle.inFlight();
    expect(Math.min(...counts.map(({ count }) => count))).toBe(0);
    const live = [...telemetry.live].length;
    const tops = /^(settling|reading\..*|detached\..*|shutdown\..*)$/;
    const sum = counts
      .filter(({ labels }) => tops.test(labels.state as string))
      .reduce((total, { count }) => total + count, 0);
    expect(sum).toBe(live);
  });

  it('is right where a histogram throws: what was counted is counted, and it is told once', () => {
    const told: string[] = [];
    const record = () => {
      throw new Error('no histogram');
    };
    const telemetry = new Telemetry({
      tracerProvider: null,
      histogram: () => ({ of: () => ({ record }) }),
      warn: (message) => told.push(message),
    });
    closing.push(async () => telemetry.close());
    for (const id of ['a', 'b']) {
      const exchange = new Exchange({ id, observer: telemetry.begin(id, () => undefined) });
      for (const event of [events.requestHeaders, events.requestRefused, events.usageRecorded]) {
        exchange.receive(event);
      }
    }
    telemetry.flush();
    expect(telemetry.lifecycle.inFlight().filter(({ count }) => count !== 0)).toEqual([]);
    expect(told).toEqual([expect.stringContaining('no histogram')]);
  });

  it('goes through the API alone: an embedder with a meter provider has it all', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter });
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    closing.push(async () => metrics.disable());
    closing.push(() => provider.shutdown());
    const telemetry = new Telemetry({ tracerProvider: null });
    closing.push(async () => telemetry.close());
    const observer = telemetry.begin('mine', () => undefined);
    const exchange = new Exchange({ id: 'mine', observer });
    const orders: Command[] = [];
    for (const event of [events.requestHeaders, events.requestRefused, events.usageRecorded]) {
      orders.push(...exchange.receive(event));
    }
    expect(exchange.processed).toBe(true);
    telemetry.flush();
    expect(telemetry.lifecycle.ordered('recordUsage')).toContainEqual({
      count: 1,
      labels: { outcome: 'rejected' },
    });
    expect(telemetry.live.size).toBe(0);
    await reader.forceFlush();
    const told = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: found }) => found));
    const names = told.map(({ descriptor }) => descriptor.name);
    expect(names).toEqual(
      expect.arrayContaining(['interlock.outcomes', 'interlock.state.duration']),
    );
    const rejected = told
      .find(({ descriptor }) => descriptor.name === 'interlock.outcomes')
      ?.dataPoints.find(({ attributes }) => attributes.outcome === 'rejected');
    expect(rejected?.value).toBe(1);
  });
});

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
      closing.push(async () => telemetry.close());
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

describe('the port of /metrics', () => {
  const statusOf = (url: string, init: RequestInit = {}) =>
    fetch(url, init).then(({ status }) => status);

  it('answers GET and HEAD of one path, and nothing else', async () => {
    const { url } = await observed();
    expect(await statusOf(url, { method: 'HEAD' })).toBe(200);
    expect(await statusOf(url, { method: 'POST' })).toBe(405);
    expect(await statusOf(url.replace('/metrics', '/'))).toBe(404);
  });

  it('on this machine is not what a page of elsewhere calls by another name', async () => {
    const { url } = await observed();
    const { port } = new URL(url);
    const reply = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end('GET /metrics HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    expect(reply).toMatch(/^HTTP\/1\.1 403 /);
    expect(reply).not.toContain('interlock_');
  });

  it('that is taken is an error, and leaves nothing open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    closing.push(async () => taken.close());
    const { port } = taken.address() as AddressInfo;
    const opening = Observed.open({ metrics: (listen) => listen({ host: '127.0.0.1', port }) });
    await expect(opening).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('is let go of at the end, whoever still asks', async () => {
    const seen = await Observed.open();
    const { port } = new URL(seen.url);
    const asking = connect(Number(port), '127.0.0.1');
    asking.write('GET /metrics HTTP/1.1\r\n');
    await new Promise((resolve) => asking.once('connect', resolve));
    asking.on('error', () => {});
    const gone = new Promise((resolve) => asking.once('close', resolve));
    await seen.close();
    await gone;
    await expect(fetch(seen.url)).rejects.toThrow();
  });
});

describe('a provider that throws', () => {
  it('is told once, and costs no exchange', async () => {
    const warnings: string[] = [];
    const broken = () => {
      throw new Error('broken\u001b[2J');
    };
    const telemetry = new Telemetry({
      tracerProvider: null,
      log: broken,
      warn: (message) => warnings.push(message),
    });
    closing.push(async () => telemetry.close());
    const world = await World.start({ telemetry });
    closing.push(() => world.close());
    for (const _ of [1, 2]) await ask(world.port, { body: chat('interlock-small') });
    const records = await world.recorded(2);
    expect(records.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(warnings).toEqual([
      'telemetry: Error: broken\\u001b[2J; some of what happens is not told',
    ]);
  });
});

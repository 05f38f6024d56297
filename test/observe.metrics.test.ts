/** Metrics: what `/metrics` tells of the exchanges of both servers, and what no peer can make it do. */
import { readFileSync } from 'node:fs';
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
import { UNKNOWN_REASONS } from '../src/accounting/usage.js';
import { Exchange } from '../src/exchange.js';
import { METRICS } from '../src/observe/metrics.js';
import { PHASES } from '../src/observe/phases.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { start, step, table } from '../src/step.js';
import { RH, SB, SH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { ask, Client, chat, WITH_USAGE } from './faults.js';
import { World } from './harness.js';
import { gateway, type Observed, observed, samplesIn, sumOf } from './observing.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function extProc(seen: Observed): Promise<EnvoyWorld> {
  const world = await EnvoyWorld.start({}, seen.telemetry);
  closing.push(() => world.close());
  return world;
}

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

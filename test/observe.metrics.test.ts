/** Metrics: what `/metrics` tells of the exchanges of both servers, and what no peer can make it do. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ANOMALIES, DEADLINES, EVENTS, events, OUTCOMES } from '../machines/events.js';
import { UNKNOWN_REASONS } from '../src/accounting/usage.js';
import { Exchange } from '../src/exchange.js';
import { METRICS } from '../src/observe/metrics.js';
import { PHASES } from '../src/observe/phases.js';
import { RH, SB, SH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { ask, Client, chat, WITH_USAGE } from './faults.js';
import { gateway, type Observed, observed, samplesIn, sumOf } from './observing.js';

async function extProc(seen: Observed): Promise<EnvoyWorld> {
  const world = await EnvoyWorld.start({}, seen.telemetry);
  onTestFinished(() => world.close());
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

/** What is counted of the life of exchanges, whoever asks, and whatever fails that it is told to. */
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Command } from '../machines/events.js';
import { ANOMALIES, EVENTS, events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { start, step, table } from '../src/step.js';
import { ask, chat } from './faults.js';
import { World } from './harness.js';
import { gateway, observed, sumOf } from './observing.js';

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
    onTestFinished(() => telemetry.close());
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
    onTestFinished(() => telemetry.close());
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
    onTestFinished(() => void metrics.disable());
    onTestFinished(() => provider.shutdown());
    const telemetry = new Telemetry({ tracerProvider: null });
    onTestFinished(() => telemetry.close());
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
    onTestFinished(() => telemetry.close());
    const world = await World.start({ telemetry });
    onTestFinished(() => world.close());
    for (const _ of [1, 2]) await ask(world.port, { body: chat('interlock-small') });
    const records = await world.recorded(2);
    expect(records.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(warnings).toEqual([
      'telemetry: Error: broken\\u001b[2J; some of what happens is not told',
    ]);
  });
});

/** How long exchanges were where, and how often what came, whenever somebody asks in between. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EVENTS } from '../machines/events.js';
import { METRICS } from '../src/observe/metrics.js';
import { PHASES, phasesOf, REGIONS } from '../src/observe/phases.js';
import type { ExchangeSpan } from '../src/observe/spans.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { start, table } from '../src/step.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const SPAN: ExchangeSpan = {
  context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 },
  baton: { replaced: [], headers: [] },
  end: () => {},
};

interface Step {
  readonly event: number;
  readonly afterMs: number;
  /** Somebody reads the metrics then. */
  readonly read: boolean;
}

const step = fc.record({
  event: fc.nat({ max: EVENTS.length - 1 }),
  afterMs: fc.integer({ min: 1, max: 1_000 }),
  read: fc.boolean(),
});

/** Mostly what moves the exchange: of events at random few do. */
function walked(steps: readonly Step[]): { from: number; event: number; to: number; step: Step }[] {
  let from = start();
  return steps.map((step) => {
    const moving = EVENTS.findIndex((_, shift) => {
      const { state } = table.step(from, (step.event + shift) % EVENTS.length);
      return state !== from && !table.states[state]?.startsWith('settling');
    });
    const event = (step.event + Math.max(0, moving)) % EVENTS.length;
    const to = table.step(from, event).state;
    const walked = { from, event, to, step };
    from = to;
    return walked;
  });
}

it('of each exchange is what its steps say, also of one that goes in circles', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.boolean(), (steps, traced) => {
      const stays: [phase: string, seconds: number][] = [];
      const telemetry = new Telemetry({
        tracerProvider: null,
        // What a span tells yet is kept when the rest is forgotten.
        spans: traced ? { begin: () => SPAN } : undefined,
        histogram: (metric) => ({
          of: ({ state }) => ({
            record: (value) => {
              if (metric === METRICS.stateDuration) stays.push([String(state), value]);
            },
          }),
        }),
      });
      const observation = telemetry.begin('a', () => undefined);
      const expected: typeof stays = [];
      const counts = new Float64Array(telemetry.lifecycle.cells.length);
      let now = 0;
      const since = new Array<number>(REGIONS).fill(0);
      for (const { from, event, to, step } of walked(steps)) {
        vi.advanceTimersByTime(step.afterMs);
        now += step.afterMs;
        observation.stepped(event, from, to);
        counts[from * EVENTS.length + event]!++;
        for (let region = 0; region < REGIONS; region++) {
          const [left, entered] = [from, to].map((state) => phasesOf[state * REGIONS + region]);
          if (left === entered) continue;
          const seconds = (now - (since[region] as number)) / 1_000;
          if (left !== -1) expected.push([PHASES[left as number] as string, seconds]);
          since[region] = now;
        }
        if (step.read) telemetry.flush();
      }
      telemetry.close();
      const rounded = (all: typeof stays) => all.map(([phase, s]) => `${phase} ${s.toFixed(3)}`);
      expect(rounded(stays)).toEqual(rounded(expected));
      expect(telemetry.lifecycle.cells).toEqual(counts);
    }),
  );
});

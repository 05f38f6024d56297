/** The wall clock may jump: deadlines, durations and histograms are measured by a clock that cannot. */
import { afterEach, expect, it, vi } from 'vitest';
import { Telemetry } from '../src/observe/telemetry.js';
import { ask, chat, inWorld } from './faults.js';

const HOUR_MS = 3_600_000;
afterEach(() => {
  vi.useRealTimers();
});

it.each([-5 * HOUR_MS, 5 * HOUR_MS])(
  'a wall clock that jumps by %i ms hurts nobody',
  async (by) => {
    const seconds: number[] = [];
    const record = (value: number) => seconds.push(value);
    const telemetry = new Telemetry({
      tracerProvider: null,
      histogram: () => ({ of: () => ({ record }) }),
    });
    await inWorld({ telemetry, upstream: { tokenDelayMs: 2 } }, async (world) => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
      const asked = ask(world.port, { body: chat('interlock-small') });
      await world.event('response.body(false)');
      vi.setSystemTime(Date.now() + by);
      expect(await asked).toMatchObject({ status: 200, whole: true });
      const [usage] = await world.recorded();
      expect(usage).toMatchObject({ outcome: 'completed' });
      expect(usage?.durationMs).toBeGreaterThan(0);
      expect(usage?.durationMs).toBeLessThan(HOUR_MS);
    });
    telemetry.close();
    expect(seconds.length).toBeGreaterThan(0);
    // Token counts are told by the same histograms, and are far below an hour of seconds, too.
    for (const value of seconds) expect(value >= 0 && value < HOUR_MS / 1_000).toBe(true);
  },
);

/** What mended itself is counted by the rule that did it, whatever machine the rule is of. */
import { expect, it } from 'vitest';
import { DEADLINES, EVENTS, events } from '../machines/events.js';
import { HEALS, healBy } from '../machines/heals.js';
import { Exchange } from '../src/exchange.js';
import { Lifecycle } from '../src/observe/lifecycle.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { World } from './harness.js';

const heals = (lifecycle: Lifecycle) =>
  Object.fromEntries(lifecycle.heals().map(({ count, labels }) => [labels.rule, count]));
const none = Object.fromEntries(Object.keys(HEALS).map((rule) => [rule, 0]));

it('each rule has its number from the start', () => {
  expect(heals(new Lifecycle())).toEqual(none);
});

it('an exchange that a deadline led on is counted by the rule of that deadline, once', () => {
  const telemetry = new Telemetry({ tracerProvider: null });
  const exchange = new Exchange({ id: 'a', observer: telemetry.begin('a', () => undefined) });
  const said = [
    events.requestHeaders,
    events.requestEnd,
    events.requestRouted,
    events.responseHeaders('success'),
    events.responseBody,
    events.responseTerminal('succeeded'),
    events.deadlineExpired('linger'),
    events.deadlineExpired('settle'),
    events.deadlineExpired('idle'),
  ];
  for (const event of said) exchange.receive(event);
  expect(exchange.state).toBe('processed.completed');
  telemetry.flush();
  expect(heals(telemetry.lifecycle)).toEqual({ ...none, missingEnd: 1, unsettledUsage: 1 });
  telemetry.close();
});

it('every deadline has a rule, but the one of a shutdown', () => {
  const ruled = EVENTS.filter((event) => healBy(event) !== undefined);
  expect(ruled).toEqual(
    DEADLINES.filter((deadline) => deadline !== 'drain').map(events.deadlineExpired),
  );
});

it('a count that drifted and an upstream that fails are counted by theirs', async () => {
  const telemetry = new Telemetry({ tracerProvider: null });
  const upstreams = ['a', 'b'].map((id) => ({ id, url: 'http://127.0.0.1:9' }));
  const ejection = { failures: 1, forMs: 60_000, forMsMax: 60_000 };
  const world = await World.start({ upstreams, telemetry, config: { auditMs: 5, ejection } });
  try {
    world.gateway.upstreams.all[0]!.inFlight += 3;
    await world.until(() => heals(telemetry.lifecycle).driftedAccounting === 1);
    await fetch(world.url);
    await world.gateway.drain();
    expect(heals(telemetry.lifecycle)).toEqual({
      ...none,
      driftedAccounting: 1,
      failingUpstream: 1,
    });
  } finally {
    await world.close();
    telemetry.close();
  }
});

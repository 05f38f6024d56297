/** The same machine runs as an ordinary XState actor, and XState's own test model walks it. */
import { createTestModel } from '@xstate/test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorScope, AnyMachineSnapshot, EventObject } from 'xstate';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { Event } from '../machines/events.js';
import { EVENTS, textOf } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { Exchange } from '../src/exchange.js';
import { nameOf } from '../src/names.js';
import { table } from '../src/step.js';

describe('as an XState actor', () => {
  it('stands where the exchange stands, whatever comes, and never stops', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (walk) => {
        const actor = createActor(exchange).start();
        const live = new Exchange({ id: 'walk' });
        for (const event of walk) {
          actor.send(event);
          live.receive(event);
          expect(nameOf(actor.getSnapshot().value)).toBe(live.state);
        }
        expect(actor.getSnapshot().status).toBe('active');
        actor.stop();
      }),
    );
  });
});

/**
 * `@xstate/test` 1.0.0-beta.5 gives `transition` a scope without `actionExecutor`, which xstate 5.33
 * calls for every action. Our actions do nothing, so nothing is lost with an executor that is empty.
 */
const walkable: typeof exchange = Object.assign(Object.create(exchange), {
  transition: (snapshot: AnyMachineSnapshot, event: Event, scope: ActorScope<never, Event>) =>
    exchange.transition(
      snapshot as never,
      event,
      Object.assign({ ...scope }, { actionExecutor: () => {} }) as never,
    ),
});

/** Every path starts with XState's own first event, which nobody delivers. */
const delivered = (step: { event: EventObject }) => step.event.type !== 'xstate.init';

describe("XState's test model", () => {
  it('covers every state, and every change of state, with paths that the exchange follows', async () => {
    const model = createTestModel(walkable, { events: EVENTS as Event[] });
    const paths = model.getShortestPaths();
    const reached = new Set<string>();
    for (const path of paths) {
      const live = new Exchange({ id: 'path' });
      await path.test({
        events: Object.fromEntries(
          EVENTS.map(({ type }) => [
            type,
            ({ event }: { event: EventObject }) => void live.receive(event as Event),
          ]),
        ),
        states: {
          '*': (snapshot: AnyMachineSnapshot) => {
            reached.add(live.state);
            expect(nameOf(snapshot.value)).toBe(live.state);
          },
        },
      });
    }
    expect([...reached].sort()).toEqual([...table.states].sort());
    expect(paths.length).toBe(2009);
  }, 60_000);

  it('agrees with our search on how far each state is', () => {
    const paths = getShortestPaths(exchange, { events: EVENTS as Event[] });
    expect(paths.length).toBe(table.states.length);
    const depth = depths();
    for (const path of paths) {
      const events = path.steps.filter(delivered).map(({ event }) => event as Event);
      const live = new Exchange({ id: 'path' });
      for (const event of events) live.receive(event);
      expect(live.state).toBe(nameOf((path.state as AnyMachineSnapshot).value));
      expect(events.length, events.map(textOf).join(', ')).toBe(depth.get(live.state));
    }
  });
});

/** How many events each state is from the start, found on the table alone. */
function depths(): Map<string, number> {
  const found = new Map([[0, 0]]);
  for (const [state, depth] of found) {
    for (const code of EVENTS.keys()) {
      const { state: to } = table.step(state, code);
      if (!found.has(to)) found.set(to, depth + 1);
    }
  }
  return new Map([...found].map(([state, depth]) => [table.states[state] as string, depth]));
}

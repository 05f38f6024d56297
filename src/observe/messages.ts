/**
 * An exchange in the words of `@statelyai/inspect`: an actor of its machine, its events, and the
 * snapshots that they lead to. The package makes the messages; its own adapter for WebSockets is
 * not used, since it keeps what it cannot send without a bound.
 *
 * What is told are names: of events, states and commands. Nobody here has headers or bodies.
 */
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import { stateValueOf } from '../names.js';
import { start } from '../step.js';
import type { Table } from '../table.js';
import { wordOf } from '../trace.js';
import { optional } from './optional.js';
import type { KeptStep, Watched } from './watch.js';

export interface Messages {
  /** That there is such an actor, which comes before all else of it. */
  actor(row: Watched): string;
  /** The event of a step, then the snapshot that it led to. */
  step(row: Watched, step: KeptStep): string[];
}

/** Throws `INTERLOCK_BAD_CONFIG` if the package is missing. */
export async function makeMessages(table: Table): Promise<Messages> {
  const { createInspector } = await optional(
    '@statelyai/inspect',
    () => import('@statelyai/inspect'),
  );
  // Not left to the package: it would make it anew for each actor, and cut it off at ten levels.
  const definition = await definitionOf(table.machine);
  const values = table.states.map(stateValueOf);
  let texts: string[] = [];
  let at = 0;

  const complete = (message: StatelyInspectionEvent): StatelyInspectionEvent => ({
    ...message,
    ...(message.type === '@xstate.actor' ? { definition } : {}),
    rootId: message.sessionId,
    // When it happened, not when it is told.
    createdAt: Math.round(performance.timeOrigin + at).toString(),
  });
  const send = (message: StatelyInspectionEvent) => texts.push(JSON.stringify(message));
  const inspector = createInspector({ send }, { serialize: complete });

  const actor = ({ id, startedAt }: Watched) => {
    texts = [];
    at = startedAt;
    inspector.actor(id, { status: 'active', value: values[start()], context: {} });
    return texts[0] as string;
  };
  const step = ({ id }: Watched, kept: KeptStep) => {
    texts = [];
    at = kept.at;
    const { state, commands } = kept.step;
    const event = EVENTS[kept.event] as Event;
    const status = (table.states[state] as string).startsWith('processed.') ? 'done' : 'active';
    // The machine has no context, so its place is free for what a trace says beside the state.
    const context = { commands: commands.map(wordOf), seq: kept.seq, at };
    inspector.event(id, event);
    inspector.snapshot(id, { status, value: values[state], context }, { event });
    return texts;
  };
  return { actor, step };
}

async function definitionOf(machine: string): Promise<string> {
  const { config } =
    machine === 'legacy'
      ? (await import('../../machines/legacy.js')).legacy
      : (await import('../../machines/exchange.js')).exchange;
  return JSON.stringify(config);
}

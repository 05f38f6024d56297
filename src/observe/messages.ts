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
import { optional } from './optional.js';

/** A step as it is told: codes of the table, the words of a trace, and milliseconds. */
export interface ToldStep {
  readonly seq: number;
  readonly at: number;
  /** Its place in `EVENTS`. */
  readonly event: number;
  /** The state of the table that it led to. */
  readonly state: number;
  readonly commands: readonly string[];
}

export interface Messages {
  /** That there is such an actor, which comes before all else of it. */
  actor(id: string, startedAt: number): string;
  /** The event of a step, then the snapshot that it led to. */
  step(id: string, step: ToldStep): string[];
}

/**
 * `at` is on the clock of `performance.now`, or on one that starts when that does. Throws
 * `INTERLOCK_BAD_CONFIG` if the package is missing; `flag` is what asks for it.
 */
export async function makeMessages(table: Table, flag: string): Promise<Messages> {
  const { createInspector } = await optional(
    '@statelyai/inspect',
    flag,
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

  const actor = (id: string, startedAt: number) => {
    texts = [];
    at = startedAt;
    inspector.actor(id, { status: 'active', value: values[start()], context: {} });
    return texts[0] as string;
  };
  const step = (id: string, told: ToldStep) => {
    texts = [];
    at = told.at;
    const { seq, state, commands } = told;
    const event = EVENTS[told.event] as Event;
    const status = (table.states[state] as string).startsWith('processed.') ? 'done' : 'active';
    // The machine has no context, so its place is free for what a trace says beside the state.
    const context = { commands, seq, at };
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

/** Messages of `@statelyai/inspect`, turned back into the records of a trace. Pure. */
import type { Event } from '../../../machines/events.js';
import { textOf } from '../../../machines/events.js';
import type { StateValue } from '../../../src/names.js';
import { nameOf } from '../../../src/names.js';
import type { TraceRecord } from '../../../src/trace.js';
import { TRACE_VERSION } from '../../../src/trace.js';
import { eventCodes } from './runs.js';

/** A snapshot of an actor, with what its context says of the step that led to it. */
interface SnapshotMessage {
  readonly type: '@xstate.snapshot';
  readonly sessionId: string;
  readonly event: Event;
  readonly snapshot: {
    readonly value: StateValue;
    readonly context: {
      readonly seq: number;
      readonly at: number;
      readonly commands: readonly string[];
    };
  };
}

/**
 * The record that a snapshot tells. Nothing for the other messages: an actor tells no step, and an
 * event is told once more by its snapshot.
 */
export function recordOf(message: unknown): TraceRecord | undefined {
  const { type } = message as { type?: unknown };
  if (type !== '@xstate.snapshot') return undefined;
  const { sessionId, event, snapshot } = message as SnapshotMessage;
  const { seq, at, commands } = snapshot.context;
  const text = textOf(event);
  if (!eventCodes.has(text)) return undefined;
  const state = nameOf(snapshot.value);
  return { v: TRACE_VERSION, exchange: sessionId, seq, at, event: text, state, commands };
}

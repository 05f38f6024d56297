/** What a property is made of: a sentence, a mood, and a fold over steps with a small memory. */
import type { Command, CommandType, Deadline, Event, EventType } from '../events.js';
import { DEADLINES } from '../events.js';

/** One step of a machine: where it was, what came, what was ordered, where it stands now. */
export interface Step {
  readonly from: string;
  readonly event: Event;
  readonly commands: readonly Command[];
  readonly to: string;
}

/**
 * `always` is broken by one step and `sometimes` is kept by one. A third mood, `eventually`, would
 * speak of whole runs, and so needs a judge of its own, not another fold.
 */
export type Mood = 'always' | 'sometimes';

/** What a monitor remembers: a small integer, so that products with it stay finite and fast. */
export type Memory = number;

/** What a monitor says once its property is decided: `always` was broken, `sometimes` was kept. */
export type Decision = 'violated' | 'seen';

export interface Property {
  readonly name: string;
  readonly sentence: string;
  readonly mood: Mood;
  readonly initial: Memory;
  /** Pure. What it gives must depend on `memory` and `step` alone. */
  readonly next: (memory: Memory, step: Step) => Memory | Decision;
}

type Next = Property['next'];

export function always(name: string, sentence: string, next: Next): Property {
  return Object.freeze({ name, sentence, mood: 'always', initial: 0, next });
}

export function sometimes(name: string, sentence: string, next: Next): Property {
  return Object.freeze({ name, sentence, mood: 'sometimes', initial: 0, next });
}

/** The commonest fold: a property whose memory is a set of facts, each a bit. */
export type Bit = number;

export function has(memory: Memory, ...bits: Bit[]): boolean {
  return bits.every((bit) => (memory & bit) !== 0);
}

export function add(memory: Memory, bit: Bit, when = true): Memory {
  return when ? memory | bit : memory;
}

export function is(event: Event, ...types: EventType[]): boolean {
  return types.includes(event.type);
}

export function orders(step: Step, ...types: CommandType[]): boolean {
  return step.commands.some((command) => types.includes(command.type));
}

/** Folds the commands of one step in their order, up to the first that decides. */
export function over(
  memory: Memory,
  step: Step,
  next: (memory: Memory, command: Command) => Memory | Decision,
): Memory | Decision {
  let now = memory;
  for (const command of step.commands) {
    const then = next(now, command);
    if (typeof then === 'string') return then;
    now = then;
  }
  return now;
}

/** A set of deadlines as bits. */
export function bitOf(deadline: Deadline): Bit {
  return 1 << DEADLINES.indexOf(deadline);
}

/** Which deadlines run after a command, given which ran before. */
export function running(before: Memory, command: Command): Memory {
  if (command.type === 'startDeadline') return before | bitOf(command.deadline);
  if (command.type === 'stopDeadline') return before & ~bitOf(command.deadline);
  return command.type === 'stopDeadlines' ? 0 : before;
}

/** Commands by whom they speak to. */
export const TO_UPSTREAM = [
  'forwardRequestHeaders',
  'forwardHeldRequest',
  'forwardRequestBody',
  'forwardRequestTrailers',
  'endRequest',
] as const satisfies CommandType[];
export const TO_DOWNSTREAM = [
  'forwardResponseHeaders',
  'forwardResponseBody',
  'forwardResponseTrailers',
] as const satisfies CommandType[];
export const LAST_WORDS = [
  'endResponse',
  'answer',
  'resetDownstream',
] as const satisfies CommandType[];

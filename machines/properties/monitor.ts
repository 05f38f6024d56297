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
 * `always` is broken by one step and `sometimes` is kept by one. `eventually` speaks of whole runs,
 * which no step decides, and so it has a shape and a judge of its own.
 */
export type Mood = 'always' | 'sometimes' | 'eventually';

/** What a monitor remembers: a small integer, so that products with it stay finite and fast. */
export type Memory = number;

/** What a monitor says once its property is decided: `always` was broken, `sometimes` was kept. */
export type Decision = 'violated' | 'seen';

export interface Property {
  readonly name: string;
  readonly sentence: string;
  readonly mood: Exclude<Mood, 'eventually'>;
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

/**
 * What the world is trusted with: nothing that is waited for stays out for ever. A run is fair if it
 * has, again and again, a step after which nothing is waited for, or one that brings or renews it.
 * Where nothing is waited for, or where nobody may speak, the world may also fall silent, and the run
 * stops: a deadlock is no way to keep a claim.
 */
export interface Fairness {
  readonly name: string;
  readonly sentence: string;
  /** Pure. Whether it is waited for after the step, given whether it was before. */
  readonly waits: (before: boolean, step: Step) => boolean;
  /** Whether the step brings what was waited for, or starts the waiting anew. */
  readonly renews: (step: Step) => boolean;
}

/** This bit of an `eventually`'s memory says that something is owed. */
export const OWED = 1;

/** Claims that on every fair run whatever is owed is paid at last. No step decides it. */
export interface Eventuality {
  readonly name: string;
  readonly sentence: string;
  readonly mood: 'eventually';
  /** What the claim needs of the world. The less it is, the stronger the claim. */
  readonly fairness: readonly Fairness[];
  readonly initial: Memory;
  /** Pure. What it gives must depend on `memory` and `step` alone. */
  readonly next: (memory: Memory, step: Step) => Memory;
}

export function eventually(
  name: string,
  sentence: string,
  fairness: readonly Fairness[],
  next: Eventuality['next'],
): Eventuality {
  return Object.freeze({ name, sentence, mood: 'eventually', fairness, initial: 0, next });
}

/** The twin of an `eventually`: without an occasion on which it is paid, it would claim nothing. */
export function occasionOf({ name, next }: Eventuality): Property {
  return sometimes(
    `${name}HasAnOccasion`,
    `Something is owed by "${name}", and a later step pays it.`,
    (memory, step) => {
      const then = next(memory, step);
      return has(memory, OWED) && !has(then, OWED) ? 'seen' : then;
    },
  );
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

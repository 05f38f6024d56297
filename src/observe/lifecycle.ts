/**
 * How often each state answered each event: one number per cell of the machine's table. A step that
 * stays costs one increment, and one that moves is counted when its exchange is told of. All that
 * is counted of the life of exchanges is read out of these when somebody asks, since a cell says
 * where it leads, what it orders and why it absorbs.
 */
import type { CommandType, Event } from '../../machines/events.js';
import { COMMANDS, EVENTS } from '../../machines/events.js';
import type { Heal } from '../../machines/heals.js';
import { HEALS, healBy } from '../../machines/heals.js';
import { start, table } from '../step.js';
import { isProcessed, PHASES, phasesOf, REGIONS } from './phases.js';

/** A number of things, and what they are, by label. */
export interface Counted {
  readonly count: number;
  readonly labels: Readonly<Record<string, string>>;
}

export class Lifecycle {
  /** By `cellOf`. */
  readonly cells = new Float64Array(table.states.length * EVENTS.length);
  /** Exchanges that began. */
  begun = 0;
  /** How often something mended itself that is no exchange, by its rule. */
  readonly healed = new Map<Heal, number>();

  /** Exchanges that are not processed, by each phase that they are in; also of none. */
  inFlight(): Counted[] {
    const inState = new Float64Array(table.states.length);
    inState[start()] = this.begun;
    this.#each((count, state, event) => {
      const { state: next } = table.step(state, event);
      inState[state]! -= count;
      inState[next]! += count;
    });
    const inPhase = new Float64Array(PHASES.length);
    for (const [state, count] of inState.entries()) {
      if (isProcessed[state] === 1) continue;
      for (let region = 0; region < REGIONS; region++) {
        const phase = phasesOf[state * REGIONS + region] as number;
        if (phase >= 0) inPhase[phase]! += count;
      }
    }
    return PHASES.map((phase, at) => ({ count: inPhase[at]!, labels: { state: phase } })).filter(
      ({ labels }) => labels.state !== 'processed',
    );
  }

  /** Events that were answered, by their type and the answer. */
  transitions(): Counted[] {
    const counts = new Counts();
    this.#each((count, state, event) => {
      counts.add(count, { event: typeOf(event), answer: table.step(state, event).answer });
    });
    return counts.all;
  }

  /** Deadlines that expired, by name and by the answer; also those that never did. */
  deadlines(): Counted[] {
    const counts = new Counts();
    for (const event of EVENTS) {
      if (event.type === 'deadline.expired') {
        counts.add(0, { deadline: event.deadline, answer: 'taken' });
      }
    }
    this.#each((count, state, code) => {
      const event = EVENTS[code];
      if (event?.type !== 'deadline.expired') return;
      counts.add(count, { deadline: event.deadline, answer: table.step(state, code).answer });
    });
    return counts.all;
  }

  /** How often something mended itself, by each rule; also by those that never did. */
  heals(): Counted[] {
    const counts = new Counts();
    for (const rule of Object.keys(HEALS) as Heal[]) {
      counts.add(this.healed.get(rule) ?? 0, { rule });
    }
    this.#each((count, state, code) => {
      const rule = healBy(EVENTS[code] as Event);
      if (rule !== undefined && table.step(state, code).state !== state)
        counts.add(count, { rule });
    });
    return counts.all;
  }

  /**
   * How often a command of this type was ordered, by its field, which is the name of what it
   * counts; also what was never ordered. `countAnomaly` gives anomalies, `recordUsage` outcomes.
   */
  ordered(type: CommandType): Counted[] {
    const counts = new Counts();
    for (const command of COMMANDS) if (command.type === type) counts.add(0, fieldsOf(command));
    this.#each((count, state, event) => {
      for (const command of table.step(state, event).commands) {
        if (command.type === type) counts.add(count, fieldsOf(command));
      }
    });
    return counts.all;
  }

  #each(told: (count: number, state: number, event: number) => void): void {
    for (let at = 0; at < this.cells.length; at++) {
      const count = this.cells[at] as number;
      if (count > 0) told(count, Math.floor(at / EVENTS.length), at % EVENTS.length);
    }
  }
}

/** Sums by label. */
class Counts {
  readonly #all = new Map<string, { count: number; labels: Record<string, string> }>();

  add(count: number, labels: Record<string, string>): void {
    const key = Object.values(labels).join(' ');
    const found = this.#all.get(key);
    if (found === undefined) this.#all.set(key, { count, labels });
    else found.count += count;
  }

  get all(): Counted[] {
    return [...this.#all.values()];
  }
}

function typeOf(event: number): string {
  return (EVENTS[event] as { type: string }).type;
}

function fieldsOf(command: object): Record<string, string> {
  const { type: _, ...fields } = command as Record<string, string>;
  return fields;
}

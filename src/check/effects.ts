/**
 * Whether a mutant does the same to everybody, although it orders something else: a deadline that
 * runs is started twice, one that does not run is stopped, or commands to two parties change places.
 * It is told apart, since a trace shows it; but no peer can, so no property has to forbid it.
 */
import type { Command, CommandType, Deadline } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Table } from '../table.js';
import type { Mutant } from './mutants.js';

type Party = 'upstream' | 'downstream' | 'accounting' | 'counts' | 'clock';

/** Whom each command is for. What one party gets keeps its order; between parties there is none. */
const PARTIES: Record<CommandType, Party> = {
  holdRequestBody: 'upstream',
  holdRequestTrailers: 'upstream',
  forwardRequestHeaders: 'upstream',
  forwardHeldRequest: 'upstream',
  forwardRequestBody: 'upstream',
  forwardRequestTrailers: 'upstream',
  endRequest: 'upstream',
  cancelUpstream: 'upstream',
  pauseUpstream: 'upstream',
  resumeUpstream: 'upstream',
  forwardResponseHeaders: 'downstream',
  forwardResponseBody: 'downstream',
  forwardResponseTrailers: 'downstream',
  endResponse: 'downstream',
  answer: 'downstream',
  resetDownstream: 'downstream',
  openBuffer: 'accounting',
  bufferResponseBody: 'accounting',
  readUsage: 'accounting',
  recordUsage: 'accounting',
  releaseBuffer: 'accounting',
  startDeadline: 'clock',
  stopDeadline: 'clock',
  stopDeadlines: 'clock',
  countAnomaly: 'counts',
};

/** The deadlines that run, and whether each was started just now: sorted, as one text. */
type Clock = string;

export class Effects {
  readonly #table: Table;
  /** For each state, the deadlines that can be running in it. */
  readonly #clocks: readonly Set<Clock>[];

  constructor(table: Table) {
    this.#table = table;
    this.#clocks = clocksOf(table);
  }

  /** Whether the mutant leads where the machine does, and what it orders has the same effect. */
  areSame(mutant: Mutant): boolean {
    const right = this.#table.step(mutant.from, mutant.code);
    if (right.state !== mutant.state) return false;
    if (!isSame(right.commands, mutant.commands)) return false;
    return [...(this.#clocks[mutant.from] as Set<Clock>)].every((clock) => {
      const before = expiring(clock, mutant.code);
      return clockAfter(before, right.commands) === clockAfter(before, mutant.commands);
    });
  }
}

/** Whether each party but the clock gets the same, in the same order. */
function isSame(one: readonly Command[], other: readonly Command[]): boolean {
  const parts = ['upstream', 'downstream', 'accounting', 'counts'] as const;
  return parts.every((party) => {
    const [ours, its] = [one, other].map((list) =>
      list.filter(({ type }) => PARTIES[type] === party),
    ) as [Command[], Command[]];
    return ours.length === its.length && ours.every((command, at) => command === its[at]);
  });
}

const deadlinesOf = (clock: Clock) => new Set(clock.split(' ').filter(Boolean));

function expiring(clock: Clock, code: number): Clock {
  const event = EVENTS[code] as (typeof EVENTS)[number];
  if (event.type !== 'deadline.expired') return clock;
  return [...deadlinesOf(clock)].filter((deadline) => deadline !== event.deadline).join(' ');
}

/** What runs after the commands. A deadline that is started anew is marked, as its time is another. */
function clockAfter(clock: Clock, commands: readonly Command[]): Clock {
  const runs = deadlinesOf(clock);
  const stop = (deadline: Deadline) => {
    runs.delete(deadline);
    runs.delete(`${deadline}!`);
  };
  for (const command of commands) {
    if (command.type === 'stopDeadlines') runs.clear();
    if (command.type === 'stopDeadline') stop(command.deadline);
    if (command.type !== 'startDeadline') continue;
    stop(command.deadline);
    runs.add(`${command.deadline}!`);
  }
  return [...runs].sort().join(' ');
}

function clocksOf(table: Table): Set<Clock>[] {
  const clocks = table.states.map(() => new Set<Clock>());
  const queue: { state: number; clock: Clock }[] = [];
  const meet = (state: number, clock: Clock) => {
    const known = clocks[state] as Set<Clock>;
    if (known.has(clock)) return;
    known.add(clock);
    queue.push({ state, clock });
  };
  meet(0, '');
  for (const { state, clock } of queue) {
    for (const code of EVENTS.keys()) {
      const step = table.step(state, code);
      const after = clockAfter(expiring(clock, code), step.commands);
      meet(step.state, after.replaceAll('!', ''));
    }
  }
  return clocks;
}

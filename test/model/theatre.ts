/** Drives many orderings, each on a stage that is configured as the ordering needs it. */
import type { Deadline, Policy } from '../../machines/events.js';
import { Divergence, drive } from './drive.js';
import type { Ordering } from './script.js';
import { Stage } from './stage.js';

/** Long enough that nobody is late on a busy machine, short enough to wait for it many times. */
const DEADLINE_MS = 120;
/** How often a deadline may come before its turn, which is the fault of a busy machine. */
const ATTEMPTS = 8;
const LANES = 16;
const LANES_THAT_WAIT = 64;

interface Needs {
  readonly policy: Policy;
  readonly deadline: Deadline | undefined;
}

export async function driveAll(orderings: readonly Ordering[]): Promise<void> {
  const groups = new Map<string, Ordering[]>();
  for (const ordering of orderings) {
    const key = JSON.stringify(needsOf(ordering));
    groups.set(key, [...(groups.get(key) ?? []), ordering]);
  }
  for (const group of groups.values()) {
    const needs = needsOf(group[0] as Ordering);
    await driveTogether(
      group.filter((ordering) => !drains(ordering)),
      needs,
    );
    const draining = group.filter(drains);
    const lanes = needs.deadline === undefined ? LANES : LANES_THAT_WAIT;
    for (let from = 0; from < draining.length; from += lanes) {
      await driveToTheDrain(draining.slice(from, from + lanes), needs);
    }
  }
}

async function driveTogether(orderings: readonly Ordering[], needs: Needs): Promise<void> {
  if (orderings.length === 0) return;
  const lanes = needs.deadline === undefined ? LANES : LANES_THAT_WAIT;
  const stage = await Stage.open({ lanes, ...needs, deadlineMs: DEADLINE_MS });
  const left = orderings.values();
  const worker = async () => {
    for (const ordering of left) {
      await inTime(needs, () => stage.withLane((lane) => drive(stage, lane, ordering)));
    }
  };
  await Promise.all(Array.from({ length: lanes }, worker));
  await stage.close();
}

/** A gateway drains for all of its exchanges at once, so they wait for each other at each drain. */
async function driveToTheDrain(orderings: readonly Ordering[], needs: Needs): Promise<void> {
  const stage = await Stage.open({ lanes: orderings.length, ...needs, deadlineMs: DEADLINE_MS });
  const curtain = new Curtain(orderings.length, () => void stage.world.gateway.drain());
  const early: Ordering[] = [];
  const one = async (ordering: Ordering) => {
    try {
      await stage.withLane((lane) => drive(stage, lane, ordering, () => curtain.fall()));
    } catch (error) {
      if (!isEarly(error, needs)) throw error;
      early.push(ordering);
    } finally {
      curtain.leave();
    }
  };
  await Promise.all(orderings.map(one));
  await stage.close();
  await Promise.all(early.map((ordering) => driveAlone(ordering, needs)));
}

function driveAlone(ordering: Ordering, needs: Needs): Promise<void> {
  return inTime(needs, async () => {
    const stage = await Stage.open({ lanes: 1, ...needs, deadlineMs: DEADLINE_MS });
    const drain = async () => void stage.world.gateway.drain();
    try {
      await stage.withLane((lane) => drive(stage, lane, ordering, drain));
    } finally {
      await stage.close();
    }
  });
}

/** Falls when all players who are left have come to it. */
class Curtain {
  readonly #drop: () => void;
  #players: number;
  #waiting: (() => void)[] = [];

  constructor(players: number, drop: () => void) {
    this.#players = players;
    this.#drop = drop;
  }

  fall(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#look();
    });
  }

  leave(): void {
    this.#players--;
    this.#look();
  }

  #look(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#players) return;
    this.#drop();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A deadline that is small may expire before its turn; nothing else gets another attempt. */
async function inTime(needs: Needs, attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (!isEarly(error, needs) || left === 1) throw error;
    }
  }
}

function isEarly(error: unknown, { deadline }: Needs): boolean {
  return error instanceof Divergence && error.found === `deadline.expired(${deadline})`;
}

function needsOf(ordering: Ordering): Needs {
  let policy: Policy = 'cancel';
  let deadline: Deadline | undefined;
  for (const event of ordering) {
    if (event.type === 'downstream.closed') policy = event.policy;
    if (event.type === 'deadline.expired') deadline = event.deadline;
  }
  return { policy, deadline };
}

function drains(ordering: Ordering): boolean {
  return ordering.some(({ type }) => type === 'drain.started');
}

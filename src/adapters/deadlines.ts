/**
 * Deadlines: time that tells the machine that it has passed.
 *
 * One clock looks at the deadlines of all exchanges some times a second, because a timer for each
 * would cost more than all else that an exchange does. Starting a deadline, which happens at every
 * chunk, only writes its due time down.
 */
import type { Deadline } from '../../machines/events.js';
import { DEADLINES } from '../../machines/events.js';
import type { Member } from '../roster.js';
import { Roster } from '../roster.js';

/** Milliseconds for each deadline; 0 means that it never expires. */
export type DeadlineTimes = Readonly<Record<Deadline, number>>;

/** How late a deadline may be told, in milliseconds. */
const TICK_MS = 20;

const places = new Map<Deadline, number>(DEADLINES.map((deadline, place) => [deadline, place]));

/** Due times of which none comes, as none of the deadlines runs. */
const NEVER: readonly number[] = DEADLINES.map(() => Infinity);
/** Of one that runs and has no end. */
const RUNS_FOR_EVER = Number.MAX_VALUE;

/** The deadlines of all exchanges that have one running. It keeps no process alive. */
export class Clock {
  readonly #watched = new Roster<Deadlines>();
  #timer: NodeJS.Timeout | undefined;

  watch(deadlines: Deadlines): void {
    this.#watched.add(deadlines);
    this.#timer ??= setInterval(this.#tick, TICK_MS).unref();
  }

  /** Lets go of an exchange at once: what is kept until the next tick outlives its youth. */
  forget(deadlines: Deadlines): void {
    this.#watched.delete(deadlines);
  }

  // A stalled event loop must not look like a stalled peer (fault: F48): what arrived meanwhile is
  // read between the timer and the immediate, and moves due times before anybody looks at them.
  readonly #tick = (): void => {
    setImmediate(this.#look);
  };

  readonly #look = (): void => {
    const now = performance.now();
    for (const deadlines of this.#watched) deadlines.look(now);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}

/** The deadlines of one exchange. */
export class Deadlines implements Member {
  rosterPlace = -1;
  readonly #clock: Clock;
  readonly #times: DeadlineTimes;
  readonly #expired: (deadline: Deadline) => void;
  /** When each is due, by its place in `DEADLINES`. */
  readonly #due: number[] = NEVER.slice();

  constructor(clock: Clock, times: DeadlineTimes, expired: (deadline: Deadline) => void) {
    this.#clock = clock;
    this.#times = times;
    this.#expired = expired;
  }

  /** Starts a deadline, or starts it anew. */
  start(deadline: Deadline): void {
    const time = this.#times[deadline];
    const place = places.get(deadline) as number;
    if (time === 0) {
      this.#due[place] = RUNS_FOR_EVER;
      return;
    }
    this.#due[place] = performance.now() + time;
    this.#clock.watch(this);
  }

  /** What is waited for will not come: if the deadline runs, it is due now. */
  hasten(deadline: Deadline): void {
    const place = places.get(deadline) as number;
    if (this.#due[place] === Infinity) return;
    this.#due[place] = 0;
    this.#clock.watch(this);
  }

  stop(deadline: Deadline): void {
    this.#due[places.get(deadline) as number] = Infinity;
  }

  stopAll(): void {
    this.#due.fill(Infinity);
    this.#clock.forget(this);
  }

  /** Tells what is due. */
  look(now: number): void {
    for (let place = 0; place < this.#due.length; place++) {
      if ((this.#due[place] as number) > now) continue;
      this.#due[place] = Infinity;
      this.#expired(DEADLINES[place] as Deadline);
    }
  }
}

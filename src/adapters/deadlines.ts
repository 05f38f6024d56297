/**
 * The deadlines of one exchange: timers that tell the machine that time has passed.
 *
 * One timer serves all of them. Restarting a deadline only moves its due time, which is what
 * happens at every chunk; the timer finds out when it fires.
 */
import type { Deadline } from '../../machines/events.js';
import { DEADLINES } from '../../machines/events.js';

/** Milliseconds for each deadline; 0 means that it never expires. */
export type DeadlineTimes = Readonly<Record<Deadline, number>>;

const places = new Map<Deadline, number>(DEADLINES.map((deadline, place) => [deadline, place]));

export class Deadlines {
  readonly #times: DeadlineTimes;
  readonly #expired: (deadline: Deadline) => void;
  /** When each is due, by its place in `DEADLINES`; 0 where it does not run. */
  readonly #due: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(times: DeadlineTimes, expired: (deadline: Deadline) => void) {
    this.#times = times;
    this.#expired = expired;
  }

  /** Starts a deadline, or starts it anew. */
  start(deadline: Deadline): void {
    const time = this.#times[deadline];
    if (time === 0) return;
    const due = performance.now() + time;
    this.#due[places.get(deadline) as number] = due;
    if (due < this.#timerDue) this.#arm(due);
  }

  stop(deadline: Deadline): void {
    this.#due[places.get(deadline) as number] = 0;
  }

  stopAll(): void {
    this.#due.fill(0);
    clearTimeout(this.#timer);
    this.#timerDue = Number.POSITIVE_INFINITY;
  }

  #arm(due: number): void {
    clearTimeout(this.#timer);
    this.#timerDue = due;
    this.#timer = setTimeout(this.#fire, Math.max(1, Math.ceil(due - performance.now())));
    this.#timer.unref();
  }

  // A stalled event loop must not look like a stalled peer (fault: F48): what arrived meanwhile is
  // read between the timer and the immediate, and moves the due time before anybody looks at it.
  readonly #fire = (): void => {
    setImmediate(this.#look);
  };

  readonly #look = (): void => {
    if (this.#timerDue === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    this.#timerDue = Number.POSITIVE_INFINITY;
    for (const [place, due] of this.#due.entries()) {
      if (due === 0 || due > now) continue;
      this.#due[place] = 0;
      this.#expired(DEADLINES[place] as Deadline);
    }
    const next = this.#due.reduce((min, due) => (due > 0 && due < min ? due : min), Infinity);
    if (next < this.#timerDue) this.#arm(next);
  };
}

/** The deadlines of the HTTP world: each exactly when it is due, and all of them kept by us. */
import type { Deadline } from '../../../machines/events.js';
import type { Time } from './time.js';

/** Milliseconds, near the gateway's own. */
const MS: Readonly<Record<Deadline, number>> = {
  connect: 5_000,
  responseHeaders: 60_000,
  requestBody: 30_000,
  firstByte: 60_000,
  idle: 30_000,
  progress: 40_000,
  linger: 2_000,
  stall: 30_000,
  total: 600_000,
  drain: 20_000,
  detach: 15_000,
  settle: 10_000,
};

export class Timers {
  readonly #time: Time;
  readonly #times: Readonly<Record<Deadline, number>>;
  readonly #expired: (deadline: Deadline) => void;
  /** When each that runs is due. */
  readonly #due = new Map<Deadline, number>();
  /** Those that the clock will look at, which may have been moved or stopped since. */
  readonly #asked = new Set<Deadline>();

  /** `impatient`: a stream that only keeps itself alive is given up before one that is silent. */
  constructor(time: Time, impatient: boolean, expired: (deadline: Deadline) => void) {
    this.#time = time;
    this.#times = impatient ? { ...MS, progress: 20_000 } : MS;
    this.#expired = expired;
  }

  get running(): number {
    return this.#due.size;
  }

  start(deadline: Deadline): void {
    this.#due.set(deadline, this.#time.now + this.#times[deadline]);
    if (this.#asked.has(deadline)) return;
    this.#ask(deadline, this.#times[deadline]);
  }

  stop(deadline: Deadline): void {
    this.#due.delete(deadline);
  }

  /** Stops it, and gives whether it ran. */
  take(deadline: Deadline): boolean {
    return this.#due.delete(deadline);
  }

  stopAll(): void {
    this.#due.clear();
  }

  #ask(deadline: Deadline, ms: number): void {
    this.#asked.add(deadline);
    this.#time.in(ms, () => {
      this.#asked.delete(deadline);
      const due = this.#due.get(deadline);
      if (due === undefined) return;
      // Starting anew happens at every chunk, and only moves it.
      if (due > this.#time.now) this.#ask(deadline, due - this.#time.now);
      else {
        this.#due.delete(deadline);
        this.#expired(deadline);
      }
    });
  }
}

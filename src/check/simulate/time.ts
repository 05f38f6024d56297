/**
 * Virtual time: a queue of what is to happen, and a clock that jumps from one to the next. An hour
 * that nobody does anything in costs nothing, and the same script takes the same time every time.
 */
import type { Deadlines } from '../../adapters/deadlines.js';
import { Clock } from '../../adapters/deadlines.js';

interface Due {
  readonly at: number;
  readonly action: () => void;
}

export class Time {
  /** Milliseconds since the exchange began. */
  now = 0;
  /** What is due next stands last; of what is due at once, what was asked for first. */
  readonly #queue: Due[] = [];

  in(ms: number, action: () => void): void {
    const at = this.now + ms;
    const queue = this.#queue;
    // Most of what is asked for is near, and stands near the end.
    let place = queue.length;
    while (place > 0 && (queue[place - 1] as Due).at <= at) place--;
    queue.splice(place, 0, { at, action });
  }

  /** Lets all happen, to the last. Gives whether it came to an end within so many happenings. */
  run(happeningsMax: number): boolean {
    for (let left = happeningsMax; left > 0; left--) {
      const next = this.#queue.pop();
      if (next === undefined) return true;
      this.now = next.at;
      next.action();
    }
    return false;
  }
}

/** The clock of the adapters' deadlines, told by virtual time: it looks when one may be due. */
export class VirtualClock extends Clock {
  readonly #time: Time;
  readonly #waits: readonly number[];
  readonly #watched = new Set<Deadlines>();

  /** `times` are those of the deadlines that may be started. */
  constructor(time: Time, times: readonly number[]) {
    super();
    this.#time = time;
    this.#waits = [...new Set(times)].filter((ms) => ms > 0);
  }

  /** How many exchanges may have a deadline running. */
  get watched(): number {
    return this.#watched.size;
  }

  override watch(deadlines: Deadlines): void {
    this.#watched.add(deadlines);
    const look = () => {
      if (this.#watched.has(deadlines)) deadlines.look(this.#time.now);
    };
    // Which deadline was started is not told, so there is a look for each that it may be.
    for (const ms of this.#waits) this.#time.in(ms, look);
  }

  override forget(deadlines: Deadlines): void {
    this.#watched.delete(deadlines);
  }
}

/**
 * Runs with `performance.now` telling virtual time, so that what reads the clock runs as it is. It
 * must not wait for anything: until it returns nobody else can look at the clock.
 */
export function inVirtualTime<T>(now: () => number, run: () => T): T {
  const own = Object.getOwnPropertyDescriptor(performance, 'now');
  Object.defineProperty(performance, 'now', { value: now, configurable: true, writable: true });
  try {
    return run();
  } finally {
    if (own === undefined) Reflect.deleteProperty(performance, 'now');
    else Object.defineProperty(performance, 'now', own);
  }
}

/** One half's script being played: each item so long after the one before it, if it may come. */
import type { Item } from './faults.js';
import type { Time } from './time.js';

export interface LaneOptions {
  readonly items: readonly Item[];
  /** Whether the item may come now; if not, `poke` asks again. */
  mayCome(item: Item): boolean;
  come(item: Item): void;
  /** Nothing more will come of it: all has, or it has stalled or was stopped. */
  done(): void;
}

export class Lane {
  readonly #time: Time;
  readonly #options: LaneOptions;
  #at = 0;
  #started = false;
  #parked = false;
  #over = false;

  constructor(time: Time, options: LaneOptions) {
    this.#time = time;
    this.#options = options;
  }

  /** Nothing more will come of it. */
  get over(): boolean {
    return this.#over;
  }

  start(): void {
    if (this.#started || this.#over) return;
    this.#started = true;
    this.#schedule();
  }

  /** What was not let through may be now. */
  poke(): void {
    if (!this.#parked) return;
    this.#parked = false;
    this.#time.in(0, this.#turn);
  }

  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.done();
  }

  #schedule(): void {
    const item = this.#options.items[this.#at];
    if (item === undefined) this.stop();
    else this.#time.in(item.gapMs, this.#turn);
  }

  readonly #turn = (): void => {
    if (this.#over) return;
    const item = this.#options.items[this.#at] as Item;
    if (!this.#options.mayCome(item)) {
      this.#parked = true;
      return;
    }
    this.#at++;
    this.#options.come(item);
    if (item.act === 'stall') this.stop();
    if (!this.#over) this.#schedule();
  };
}

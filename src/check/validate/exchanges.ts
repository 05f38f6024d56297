/**
 * The exchanges of a log by their ids, in bounded memory however long the log is: those that are
 * open, and the latest of those that are over, since late events are legal for ever.
 */

/** `open`: it had no outcome; `over`: late events could come; `closed`: nothing more can. */
export type Release = 'open' | 'over' | 'closed';

export interface ExchangesOptions<T> {
  /** How many may be open at once. The one that was opened first is given up for another. */
  readonly openMax?: number | undefined;
  /** How many that are over are remembered, for what comes late. */
  readonly overMax?: number | undefined;
  /** Told of each that is not remembered any more, and how it stood. */
  readonly released: (exchange: T, how: Release) => void;
}

export class Exchanges<T> {
  readonly #open = new Map<string, T>();
  readonly #over = new Map<string, T>();
  readonly #openMax: number;
  readonly #overMax: number;
  readonly #released: ExchangesOptions<T>['released'];

  constructor({ openMax = 1_000_000, overMax = 10_000, released }: ExchangesOptions<T>) {
    this.#openMax = openMax;
    this.#overMax = overMax;
    this.#released = released;
  }

  get open(): number {
    return this.#open.size;
  }

  /** How many are held in memory. */
  get held(): number {
    return this.#open.size + this.#over.size;
  }

  find(id: string): T | undefined {
    return this.#open.get(id) ?? this.#over.get(id);
  }

  /** Adds one under its id, in the place of one that is over and had the same. */
  add(id: string, exchange: T): void {
    const before = this.#over.get(id);
    if (before !== undefined) this.#release(this.#over, id, before, 'closed');
    this.#open.set(id, exchange);
    if (this.#open.size > this.#openMax) this.#releaseFirst(this.#open, 'open');
  }

  /** What comes for it from now on is late. */
  end(id: string): void {
    const exchange = this.#open.get(id);
    if (exchange === undefined) return;
    this.#open.delete(id);
    this.#over.set(id, exchange);
    if (this.#over.size > this.#overMax) this.#releaseFirst(this.#over, 'over');
  }

  /** Forgets it: nothing more can come for it. */
  close(id: string): void {
    for (const map of [this.#open, this.#over]) {
      const exchange = map.get(id);
      if (exchange !== undefined) this.#release(map, id, exchange, 'closed');
    }
  }

  /** Forgets those open ones of which `idle` holds. */
  sweep(idle: (exchange: T) => boolean): void {
    for (const [id, exchange] of this.#open) {
      if (idle(exchange)) this.#release(this.#open, id, exchange, 'open');
    }
  }

  /** Forgets all, at the end of a log. */
  clear(): void {
    for (const [id, exchange] of this.#over) this.#release(this.#over, id, exchange, 'over');
    for (const [id, exchange] of this.#open) this.#release(this.#open, id, exchange, 'open');
  }

  #releaseFirst(map: Map<string, T>, how: Release): void {
    for (const [id, exchange] of map) {
      this.#release(map, id, exchange, how);
      return;
    }
  }

  #release(map: Map<string, T>, id: string, exchange: T, how: Release): void {
    map.delete(id);
    this.#released(exchange, how);
  }
}

/**
 * A copy of a text that keeps nothing else alive. A piece of a line is a window on the whole block
 * that was read, and an id that is remembered would keep that block in memory.
 */
export function owned(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}

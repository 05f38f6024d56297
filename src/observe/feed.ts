/**
 * What viewers are told of a watch, and when: in turns, which are spaced out so that what they cost
 * stays a small share of a processor, whatever the traffic. A viewer that does not read is passed
 * over until it does, which loses nothing: rows are what is, and not a log of what was. If that
 * lasts, it is let go. Without a viewer nothing is done.
 */

/** One to whom it is told. */
export interface Viewer {
  /** What is to be told now, a text a frame. */
  turn(): string[];
}

/** The way to a viewer. */
export interface Wire {
  readonly unreadBytes: number;
  send(text: string): void;
  letGo(): void;
}

export interface FeedLimits {
  /** From one turn to the next, at the least. */
  readonly turnEveryMs: number;
  /** At the most, though the share may be passed: a long silence looks like an end. */
  readonly turnEveryMsMax: number;
  /** The share of a processor that turns may take. */
  readonly share: number;
  /** A viewer with more bytes than this unread is passed over. */
  readonly unreadBytesMax: number;
  /** So many turns in a row, then it is let go. */
  readonly passedOverMax: number;
}

export const FEED_LIMITS: FeedLimits = {
  turnEveryMs: 100,
  turnEveryMsMax: 2_000,
  share: 0.02,
  unreadBytesMax: 1024 * 1024,
  passedOverMax: 100,
};

export class Feed {
  /** The most bytes that ever waited for one viewer. */
  unreadBytes = 0;
  readonly #limits: FeedLimits;
  readonly #warn: (message: string) => void;
  /** Each with the turns that it was passed over for in a row. */
  readonly #viewers = new Map<Wire, { readonly viewer: Viewer; passedOver: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(warn: (message: string) => void, limits: Partial<FeedLimits> = {}) {
    this.#warn = warn;
    this.#limits = { ...FEED_LIMITS, ...limits };
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  join(wire: Wire, viewer: Viewer): void {
    this.#viewers.set(wire, { viewer, passedOver: 0 });
    this.#timer ??= setTimeout(this.#turn);
  }

  leave(wire: Wire): void {
    this.#viewers.delete(wire);
    if (this.#viewers.size === 0) this.close();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #turn = (): void => {
    const { turnEveryMs, turnEveryMsMax, share } = this.#limits;
    // Not the time on the clock: while others have the processor a turn lasts, and costs nothing.
    const before = process.cpuUsage();
    for (const [wire, place] of this.#viewers) this.#tell(wire, place);
    const { user, system } = process.cpuUsage(before);
    this.#timer = undefined;
    if (this.#viewers.size === 0) return;
    const restMs = (user + system) / 1_000 / share;
    const nextMs = Math.min(Math.max(turnEveryMs, restMs), turnEveryMsMax);
    this.#timer = setTimeout(this.#turn, nextMs);
  };

  #tell(wire: Wire, place: { readonly viewer: Viewer; passedOver: number }): void {
    const { unreadBytesMax, passedOverMax } = this.#limits;
    if (wire.unreadBytes <= unreadBytesMax) {
      place.passedOver = 0;
      for (const text of place.viewer.turn()) wire.send(text);
      this.unreadBytes = Math.max(this.unreadBytes, wire.unreadBytes);
    } else if (++place.passedOver > passedOverMax) {
      this.#warn('inspect: a viewer did not read and was let go; reload it to go on');
      this.leave(wire);
      wire.letGo();
    }
  }
}

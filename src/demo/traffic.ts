/** How much traffic there is, and of which kind. */
export interface Traffic {
  readonly exchanges: number;
  /** How many of the responses get a late end: 0 none, 1 each. */
  readonly lateEnds: number;
  readonly seed: number;
  /** How many exchanges are open at once. */
  readonly concurrency: number;
}

/** The rate of late ends is the field's: 1 to 2 in 10 stress runs. */
const DEFAULTS: Traffic = { exchanges: 1000, lateEnds: 0.15, seed: 1, concurrency: 32 };

/** What is left out is as it is by default. */
export function trafficOf(wanted: Partial<Traffic>): Traffic {
  const { exchanges, lateEnds, seed, concurrency } = { ...DEFAULTS, ...wanted };
  return { exchanges, lateEnds, seed, concurrency };
}

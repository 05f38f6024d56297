/** Buckets to each doubling of the size, so an answer is at most 4.5 % over what it stands for. */
const PER_DOUBLING = 16;
/** Where the weights are brought down again; far from where a double would lose the small ones. */
const WEIGHT_MAX = 1e12;

/**
 * The quantiles of a stream of sizes; it forgets: each size counts for less with each that follows.
 *
 * The sizes are counted in buckets whose bounds grow by a constant factor, which is what gives a
 * relative error: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile
 * Sketch with Relative-Error Guarantees", PVLDB 12(12), 2019. Instead of making what was counted
 * lighter, what comes is made heavier, so to learn a size touches one bucket: G. Cormode,
 * V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming
 * Systems", ICDE 2009. Here the time is the count of sizes. There is no randomness in it.
 *
 * P-square (R. Jain, I. Chlamtac, CACM 28(10), 1985) needs five numbers only, but never forgets,
 * and its rank is fixed.
 */
export class DecayingQuantiles {
  readonly #bounds: Float64Array;
  readonly #weights: Float64Array;
  readonly #growth: number;
  #next = 1;

  /**
   * Sizes below `smallest` count as if they were of it, and those above `largest` only as time that
   * has passed. `memory` is after how many more a size counts for 1/e of what it did.
   */
  constructor(smallest: number, largest: number, memory: number) {
    const count = Math.ceil(PER_DOUBLING * Math.log2(largest / smallest)) + 1;
    this.#bounds = Float64Array.from({ length: count }, (_, bucket) =>
      Math.min(largest, Math.ceil(smallest * 2 ** (bucket / PER_DOUBLING))),
    );
    this.#weights = new Float64Array(count);
    this.#growth = Math.exp(1 / memory);
  }

  learn(size: number): void {
    const ratio = Math.max(1, size / this.#bounds[0]!);
    const bucket = Math.ceil(PER_DOUBLING * Math.log2(ratio));
    if (bucket < this.#weights.length) this.#weights[bucket]! += this.#next;
    this.#next *= this.#growth;
    if (this.#next > WEIGHT_MAX) this.#bringDown();
  }

  /**
   * The quantile that is the cheapest room to give to a size that is not known yet, where a size
   * that does not fit costs itself, and one that does costs `spareCost` for each byte of room that
   * it leaves. (It is the newsvendor's problem, K. J. Arrow, T. Harris, J. Marschak, Econometrica
   * 19(3), 1951.) Where the sizes are alike it is nearly their largest; where few are far larger
   * than most, it is less, for the sake of most. At least `smallest`.
   */
  cheapest(spareCost: number): number {
    const bounds = this.#bounds;
    const weights = this.#weights;
    let best = bounds[0]!;
    // Against no room at all: what fits saves its size, and what is spare is paid for.
    let cost = 0;
    let least = 0;
    let fitting = 0;
    let before = best;
    for (let bucket = 0; bucket < bounds.length; bucket++) {
      const weight = weights[bucket]!;
      if (weight === 0) continue;
      const bound = bounds[bucket]!;
      cost += spareCost * fitting * (bound - before) - weight * bound;
      fitting += weight;
      before = bound;
      if (cost >= least) continue;
      least = cost;
      best = bound;
    }
    return best;
  }

  #bringDown(): void {
    for (let bucket = 0; bucket < this.#weights.length; bucket++) {
      this.#weights[bucket]! /= this.#next;
    }
    this.#next = 1;
  }
}

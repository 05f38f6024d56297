import type { Member } from '../roster.js';
import { Roster } from '../roster.js';

/** What the response buffers of a server may hold together unless it is said, in bytes. */
export const BUDGET_BYTES = 256 * 1024 * 1024;

/**
 * The memory that all response buffers of a server have together, shared max-min fairly.
 *
 * Who asks gets what is free, whatever it holds. When too little is free, its fair share decides,
 * which is the budget divided by the buffers that are open: who would pass it goes without, and who
 * would not takes the place of the largest. There always is one to take from: if what is asked for
 * does not fit while the asker stays within its share, the others hold more than their shares
 * together, so one of them holds more than its own. Therefore
 *
 *  - never more is held than the budget;
 *  - a buffer that stays within its share is never refused and never dropped;
 *  - whoever is refused or dropped was over its share, or would have been.
 *
 * A dropped or refused buffer costs its exchange the usage (`budget`), and never a byte of the
 * response. Counted is what is allocated and still used; the collector may come later.
 */
export class BufferBudget {
  readonly limitBytes: number;
  /** Bytes that are held now, and the most that ever were. */
  heldBytes = 0;
  peakBytes = 0;
  /** Buffers that went without, and buffers that were dropped for others. */
  refusals = 0;
  evictions = 0;
  readonly #shares = new Roster<Share>();

  constructor(limitBytes = BUDGET_BYTES) {
    this.limitBytes = limitBytes;
  }

  /** Buffers that are open, with bytes or without. */
  get open(): number {
    return this.#shares.size;
  }

  /** What each open buffer is entitled to, in bytes. */
  get fairBytes(): number {
    return this.limitBytes / Math.max(1, this.#shares.size);
  }

  /** What all buffers hold, counted anew: `heldBytes`, if nothing has drifted. */
  get recounted(): number {
    let bytes = 0;
    for (const { heldBytes } of this.#shares) bytes += heldBytes;
    return bytes;
  }

  /** A buffer begins. `drop` is told, once, that another's need has taken all that it held. */
  share(drop: () => void): Share {
    const share = new Share(this, drop);
    this.#shares.add(share);
    return share;
  }

  /** For a share alone. */
  grant(share: Share, neededBytes: number, wantedBytes: number): number {
    const granted = this.#granted(share, neededBytes, wantedBytes);
    this.heldBytes += granted;
    this.peakBytes = Math.max(this.peakBytes, this.heldBytes);
    return granted;
  }

  /** For a share alone. */
  giveBack(bytes: number): void {
    this.heldBytes -= bytes;
  }

  /** For a share alone. */
  forget(share: Share): void {
    this.#shares.delete(share);
  }

  #granted(share: Share, neededBytes: number, wantedBytes: number): number {
    if (wantedBytes <= this.limitBytes - this.heldBytes) return wantedBytes;
    if (neededBytes <= this.limitBytes - this.heldBytes) return neededBytes;
    if (share.heldBytes + neededBytes > this.fairBytes) {
      this.refusals++;
      return 0;
    }
    while (neededBytes > this.limitBytes - this.heldBytes) {
      this.evictions++;
      this.#largest().evict();
    }
    return neededBytes;
  }

  /** Sought only when a buffer is to be dropped, so at most once in the life of each. */
  #largest(): Share {
    let largest: Share | undefined;
    for (const share of this.#shares) {
      if (largest === undefined || share.heldBytes > largest.heldBytes) largest = share;
    }
    return largest as Share;
  }
}

/** What one buffer holds of the budget. */
export class Share implements Member {
  rosterPlace = -1;
  readonly #budget: BufferBudget;
  readonly #drop: () => void;
  #closed = false;
  #held = 0;

  /** By `BufferBudget.share` alone. */
  constructor(budget: BufferBudget, drop: () => void) {
    this.#budget = budget;
    this.#drop = drop;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** Asks for `wanted` bytes more, or else for `needed`. Gives what was granted, 0 for nothing. */
  take(neededBytes: number, wantedBytes: number): number {
    if (this.#closed) return 0;
    const granted = this.#budget.grant(this, neededBytes, wantedBytes);
    this.#held += granted;
    return granted;
  }

  give(bytes: number): void {
    this.#held -= bytes;
    this.#budget.giveBack(bytes);
  }

  /** Its buffer is dropped, for another. By the budget alone. */
  evict(): void {
    this.#drop();
    this.close();
  }

  /** Gives all back and takes no more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.give(this.#held);
    this.#budget.forget(this);
  }
}

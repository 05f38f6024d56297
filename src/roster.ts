/**
 * Members that come and go, such as the exchanges in flight.
 *
 * A Set of them costs a gateway dear. Each time that it has had as many as it has room for it takes
 * a new table, and V8 leaves in the old one a reference to the new, for iterators. Once one such
 * table is old enough to be left to the full collection, it keeps the next one alive, and that the
 * next, each with all that was in flight at its time: every exchange then outlives its youth, and is
 * copied, which made each scavenge of a busy gateway take four times as long.
 */

/** Its place in the one roster that it may be in; -1 while it is in none. For the roster alone. */
export interface Member {
  rosterPlace: number;
}

export class Roster<One extends Member> {
  readonly #members: One[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Whoever is in it already stays. */
  add(one: One): void {
    if (one.rosterPlace >= 0) return;
    one.rosterPlace = this.#members.length;
    this.#members.push(one);
  }

  /** The last member takes the place. Whoever is not in it stays out. */
  delete(one: One): void {
    if (one.rosterPlace < 0) return;
    const last = this.#members.pop() as One;
    if (last !== one) {
      this.#members[one.rosterPlace] = last;
      last.rosterPlace = one.rosterPlace;
    }
    one.rosterPlace = -1;
  }

  /** In no order. Members may go meanwhile; those that come meanwhile may be left out. */
  *[Symbol.iterator](): Generator<One> {
    // From the end, so that whoever takes the place of one that goes has had its turn.
    for (let at = this.#members.length - 1; at >= 0; at--) {
      const one = this.#members[at];
      if (one !== undefined) yield one;
    }
  }
}

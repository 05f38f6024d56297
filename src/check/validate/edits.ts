/**
 * The nearest edit: the one change to a log after which it would be legal, found by trying them.
 *
 * Many edits mend the record at fault, so each that does is followed through the records that come
 * after it, and the one that is legal for longest is the nearest.
 */

export type EditKind =
  | 'amend'
  | 'insert'
  | 'swapPrevious'
  | 'swapNext'
  | 'delete'
  | 'deletePrevious';

export interface Edit {
  readonly kind: EditKind;
  /** What is inserted, or what the record ought to say. */
  readonly what?: string;
}

export interface Candidate<Place> {
  readonly edit: Edit;
  readonly place: Place;
}

/** Where an exchange stands after one more record; nothing where the record is not legal. */
export type After<Place, Item> = (place: Place, item: Item) => Place | undefined;

/** How many records after the one at fault are tried. */
const FOLLOWED = 8;
/** How many edits that are equally near are told. */
const TOLD = 4;

/** An exchange in doubt: its record at fault, and the edits that would mend it. */
export class Doubt<Place, Item> {
  readonly #after: After<Place, Item>;
  readonly #fault: Item;
  readonly #before: Place;
  #candidates: readonly Candidate<Place>[];
  #followed = 0;

  /** `before` is where the exchange stood when `fault` came. */
  constructor(
    after: After<Place, Item>,
    before: Place,
    fault: Item,
    candidates: readonly Candidate<Place>[],
  ) {
    this.#after = after;
    this.#before = before;
    this.#fault = fault;
    this.#candidates = candidates;
  }

  /** Whether nothing more can be learned. */
  get settled(): boolean {
    return this.#followed >= FOLLOWED || (this.#followed > 0 && this.#candidates.length < 2);
  }

  /** Follows the edits through the next record of the exchange. */
  follow(item: Item): void {
    const first = this.#followed++ === 0;
    const left: Candidate<Place>[] = [];
    for (const { edit, place } of this.#candidates) {
      const then = this.#after(place, item);
      if (then !== undefined) left.push({ edit, place: then });
    }
    const swapped = first ? this.#swapNext(item) : undefined;
    if (swapped !== undefined) left.unshift({ edit: { kind: 'swapNext' }, place: swapped });
    // When no edit mends the rest, those that came this far are still the nearest.
    if (left.length > 0) this.#candidates = left;
    else this.#followed = FOLLOWED;
  }

  /** The nearest edits, best first. */
  get edits(): readonly Edit[] {
    return this.#candidates.slice(0, TOLD).map(({ edit }) => edit);
  }

  #swapNext(next: Item): Place | undefined {
    const between = this.#after(this.#before, next);
    return between === undefined ? undefined : this.#after(between, this.#fault);
  }
}

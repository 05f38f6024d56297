import { COUNTS_PER_PLACE } from './vocabulary.js';

/** Choices of one text that are kept; a text with more leaves `choicesCut` set. */
export const CHOICES_MAX = 128;
const PLACES = 3;
const NOTHING = Buffer.alloc(0);

/** What one JSON text says, as far as accounting reads it. Reused from text to text. */
export class Facts {
  /** A key that we read stood twice in one object. */
  duplicate = false;
  /** A count in a usage was not a plain integer between 0 and the cap. */
  invalidUsage = false;
  /** An error object, or an error that is a text. */
  error = false;
  /** Counts by place and name; NaN where none was said. */
  readonly counts = new Float64Array(PLACES * COUNTS_PER_PLACE).fill(Number.NaN);
  /** Bit `place` is set where a count was said. */
  places = 0;
  /** By FLAG: 0 not said, 1 false, 2 true. */
  readonly flags = new Uint8Array(2);
  /** By TEXT: where each text stands between its quotes; -1 where none was said. */
  readonly textStart = new Int32Array(4).fill(-1);
  readonly textEnd = new Int32Array(4);
  choices = 0;
  /** An index was not usable, or there were more than CHOICES_MAX. */
  choicesCut = false;
  readonly choiceIndex = new Int32Array(CHOICES_MAX);
  readonly choiceFinished = new Uint8Array(CHOICES_MAX);
  #bytes: Buffer = NOTHING;

  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    if (this.places !== 0) this.counts.fill(Number.NaN);
    this.duplicate = this.invalidUsage = this.error = this.choicesCut = false;
    this.places = this.choices = 0;
    this.flags[0] = this.flags[1] = 0;
    for (let i = 0; i < 4; i++) this.textStart[i] = -1;
  }

  /** Lets go of the scanned bytes, of which the texts are read; the rest stays. */
  forget(): void {
    this.#bytes = NOTHING;
    for (let i = 0; i < 4; i++) this.textStart[i] = -1;
  }

  /** The text decoded, or undefined when it was not said. */
  text(which: number): string | undefined {
    const start = this.textStart[which]!;
    if (start < 0) return undefined;
    return decoded(this.#bytes, start, this.textEnd[which]!);
  }

  addChoice(index: number, finished: boolean): void {
    if (index < 0 || index >= CHOICES_MAX || this.choices === CHOICES_MAX) {
      this.choicesCut = true;
      return;
    }
    this.choiceIndex[this.choices] = index;
    this.choiceFinished[this.choices++] = finished ? 1 : 0;
  }
}

/** The text of a JSON string whose grammar was checked, given without its quotes. */
export function decoded(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** A ledger in virtual time: it says that it has written at once, late, never, or when told to. */
import type { Ledger, UsageRecord } from '../../accounting/ledger.js';
import type { Plan } from './plan.js';
import type { Time } from './time.js';

const PROMPT_MS = 3;
/** Longer than the machine waits for a record to be settled. */
const SLOW_MS = 30_000;

export class ScriptedLedger {
  readonly records: UsageRecord[] = [];
  readonly #time: Time;
  readonly #manner: Plan['ledger'];
  #held: (() => void)[] = [];
  readonly #met: (mark: string) => void;

  constructor(time: Time, manner: Plan['ledger'], met: (mark: string) => void) {
    this.#time = time;
    this.#manner = manner;
    this.#met = met;
  }

  /** As adapters know a ledger, of which they call `write` alone. */
  get ledger(): Ledger {
    return this as unknown as Ledger;
  }

  write(record: UsageRecord): Written {
    this.records.push(record);
    if (this.#manner === 'slow' || this.#manner === 'refuses') {
      this.#met(`unrecorded ledger.${this.#manner}`);
    }
    return new Written((written, refused) => {
      if (this.#manner === 'held') this.#held.push(written);
      else if (this.#manner === 'refuses') {
        this.#time.in(PROMPT_MS, () => refused?.(new Error('no space left on device')));
      } else this.#time.in(this.#manner === 'slow' ? SLOW_MS : PROMPT_MS, written);
    });
  }

  /** Says of what it holds that it is written. */
  answer(): void {
    for (const written of this.#held.splice(0)) written();
  }
}

type Then = (written: () => void, refused?: (error: Error) => void) => void;

/** What stands for a promise where time is virtual: real ones are kept by nobody's clock. */
class Written {
  readonly #then: Then;

  constructor(then: Then) {
    this.#then = then;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is to be taken for a promise
  then(written: () => void, refused?: (error: Error) => void): void {
    this.#then(written, refused);
  }

  catch(refused: (error: Error) => void): void {
    this.#then(() => {}, refused);
  }
}

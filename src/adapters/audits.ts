/**
 * Counts that are kept beside what they count, held against it now and then: of exchanges in flight,
 * and of bytes in buffers. What has drifted is set right, by the machine `audit`, and told.
 */
import type { AuditCommand, AuditEvent } from '../../machines/audit.js';
import { auditWords } from '../../machines/audit.js';
import type { BufferBudget } from '../accounting/budget.js';
import { rows } from '../audit.generated.js';
import { Table } from '../table.js';

const table = new Table<AuditEvent, AuditCommand>(rows, auditWords);
const [AGREED, DIFFERED] = [0, 1];

/** A count, and what it counts. */
export interface Account {
  /** For people and metrics: `in flight at a`. */
  readonly name: string;
  /** What the count says, and what is found when all is counted anew. */
  counted(): number;
  found(): number;
  setRight(found: number): void;
}

/** For people: what was set right. */
export function driftOf(name: string, by: number): string {
  return `the count of ${name} had drifted by ${by}, and was set right`;
}

export class Audits {
  readonly #accounts: readonly Account[];
  readonly #told: (name: string, by: number) => void;
  readonly #states: number[];
  readonly #timer: NodeJS.Timeout;

  /** `told` is called with what was set right, and by how much it had been too high. */
  constructor(
    accounts: readonly Account[],
    everyMs: number,
    told: (name: string, by: number) => void,
  ) {
    this.#accounts = accounts;
    this.#told = told;
    this.#states = accounts.map(() => 0);
    this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  look(): void {
    for (const [place, account] of this.#accounts.entries()) {
      const [counted, found] = [account.counted(), account.found()];
      const event = counted === found ? AGREED : DIFFERED;
      const { state, commands } = table.step(this.#states[place] as number, event as number);
      this.#states[place] = state;
      for (const { type } of commands) {
        if (type === 'setRight') account.setRight(found);
        else this.#told(account.name, counted - found);
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** An upstream with its count. */
interface Load {
  readonly id: string;
  inFlight: number;
}

/** What a live exchange weighs on: the upstream that it was sent to, until it has its outcome. */
export interface Loading {
  readonly load: Load | undefined;
}

/** The counts of one server: of exchanges at each upstream, and of bytes in all buffers. */
export function accountsOf(
  upstreams: readonly Load[],
  budget: BufferBudget,
  live: () => Iterable<Loading>,
): Account[] {
  const inFlight = upstreams.map(
    (upstream): Account => ({
      name: `exchanges in flight at ${upstream.id}`,
      counted: () => upstream.inFlight,
      found: () => {
        let found = 0;
        for (const { load } of live()) if (load === upstream) found++;
        return found;
      },
      setRight: (found) => {
        upstream.inFlight = found;
      },
    }),
  );
  const bytes: Account = {
    name: 'bytes in buffers',
    counted: () => budget.heldBytes,
    found: () => budget.recounted,
    setRight: (found) => {
      budget.heldBytes = found;
    },
  };
  return [...inFlight, bytes];
}

/** What a server tells people about itself, and keeps from hurting an exchange. */
import type { Ledger, UsageRecord } from '../accounting/ledger.js';
import type { TraceSink } from '../trace.js';

export type Warn = (message: string) => void;

export function warnOnStderr(message: string): void {
  process.stderr.write(`interlock: ${message}\n`);
}

/** How long what is told again and again is kept back after it was told. */
const SELDOM_MS = 60_000;

/**
 * For what may happen at any rate, as peers like it. Each message is told the first time, and then
 * now and again, with how often it was kept back. They are from a closed list.
 */
export function seldom(warn: Warn, everyMs = SELDOM_MS): Warn {
  const told = new Map<string, { at: number; keptBack: number }>();
  return (message) => {
    const now = performance.now();
    const last = told.get(message);
    if (last !== undefined && now - last.at < everyMs) {
      last.keptBack++;
      return;
    }
    const more = last?.keptBack ? ` (and ${last.keptBack} more since this was told)` : '';
    told.set(message, { at: now, keptBack: 0 });
    warn(message + more);
  };
}

/** A trace that cannot be written costs a warning, never an exchange (fault: F54). */
export function guarded(trace: TraceSink, warn: Warn): TraceSink {
  return (record) => {
    try {
      trace(record);
    } catch (error) {
      warn(`exchange ${record.exchange}: not traced: ${String(error)}`);
    }
  };
}

/** A record that cannot be written is told, and is `lost`: there is nothing to wait for any more. */
export function writeTo(
  { ledger, warn }: { readonly ledger: Ledger; readonly warn: Warn },
  record: UsageRecord,
  recorded: () => void,
  lost: () => void,
): void {
  ledger.write(record).then(recorded, (error) => {
    warn(`exchange ${record.exchange}: not recorded: ${String(error)}`);
    lost();
  });
}

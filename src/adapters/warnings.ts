/** What a server tells people about itself, and keeps from hurting an exchange. */
import type { Ledger, UsageRecord } from '../accounting/ledger.js';
import type { TraceSink } from '../trace.js';

export type Warn = (message: string) => void;

export function warnOnStderr(message: string): void {
  process.stderr.write(`interlock: ${message}\n`);
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

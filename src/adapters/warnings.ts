/** What a server tells people about itself, and keeps from hurting an exchange. */
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

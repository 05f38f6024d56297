/** What the commands that serve exchanges share: their records, their live view, their end. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { Ledger } from '../accounting/ledger.js';
import { InterlockError } from '../errors.js';
import type { Inspection } from '../observe/inspect.js';
import { startInspection } from '../observe/inspect.js';
import { untilStopped } from './signals.js';
import type { TelemetryFlags } from './telemetry.js';
import { addTelemetryOptions } from './telemetry.js';

export interface ServingFlags extends TelemetryFlags {
  readonly usage: string;
  /** `true`: at a free port. */
  readonly inspect?: number | true;
}

/** A server whose exchanges may end before it does. */
export interface Serving {
  readonly inFlight: number;
  drain(): Promise<void>;
  cut(): void;
}

/** What is open, to be closed last to first, also when the next thing cannot be opened. */
export type Open = (() => Promise<unknown>)[];

export function addServingOptions(command: Command): Command {
  command
    .option(
      '--usage <file>',
      'where the usage records go, a JSON line each; - is stdout',
      'usage.ndjson',
    )
    .addOption(
      new Option(
        '--inspect [port]',
        'show live exchanges in a browser on this machine (default: a free port)',
      ).argParser(port),
    );
  return addTelemetryOptions(command);
}

/** Serves until a signal, then lets what is in flight end; a second signal cuts it. */
export async function serve(start: (open: Open) => Promise<Serving>): Promise<void> {
  const open: Open = [];
  try {
    const serving = await start(open);
    await untilStopped();
    // Whoever reads the line below may send it as soon as that.
    void untilStopped().then(() => serving.cut());
    const left = serving.inFlight;
    if (left > 0) console.error(`interlock: ${left} in flight may end; a second signal cuts them`);
    await serving.drain();
  } finally {
    for (const close of open.reverse()) await close();
  }
}

export async function openLedger({ usage: path }: ServingFlags, open: Open): Promise<Ledger> {
  const ledger = await Ledger.open(path).catch((cause) => {
    throw new InterlockError('INTERLOCK_LEDGER', `--usage: ${cause.message}`, { cause });
  });
  open.push(() => ledger.close());
  if (ledger.tornBytes > 0) {
    process.stderr.write(
      `interlock: ${path} ended in a torn line of ${ledger.tornBytes} bytes, now in ${path}.torn\n`,
    );
  }
  return ledger;
}

export async function openInspection(
  { inspect }: ServingFlags,
  open: Open,
): Promise<Inspection | undefined> {
  if (inspect === undefined) return undefined;
  const inspection = await startInspection({ port: inspect === true ? 0 : inspect });
  open.push(() => inspection.close());
  return inspection;
}

/** Reads the file of `--config`. What is wrong in it is told as a fault of the flag. */
export function configIn<T>(file: string, command: string, readConfig: (file: string) => T): T {
  try {
    return readConfig(file);
  } catch (cause) {
    throw new InterlockError(
      'INTERLOCK_BAD_CONFIG',
      `--config ${(cause as Error).message}\n` +
        `Accepted: a YAML file with the keys that interlock ${command} --help shows.`,
      { cause },
    );
  }
}

/** Tells people. Records on stdout stand there alone, for whoever reads them line by line. */
export function sayerOf({ usage }: ServingFlags): (text: string) => void {
  return usage === '-' ? console.error : console.log;
}

/** Where the records go, for people. */
export function usageOf({ usage }: ServingFlags): string {
  return usage === '-' ? 'stdout' : usage;
}

export function inspectionLines({ url }: Inspection): string {
  return `  live exchanges: ${url}
    open it in a browser on this machine; each exchange is an actor with its states and events`;
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('Accepted: a port from 0 to 65535 (0: a free one).');
}

/** What the commands that serve exchanges share: their records, their live view, their end. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { Ledger } from '../accounting/ledger.js';
import { InterlockError } from '../errors.js';
import type { Inspection } from '../observe/inspect.js';
import type { Table } from '../table.js';
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

/** How long the last line of a process that cannot end by itself may take. */
const LAST_WORD_MS = 500;

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
  } catch (error) {
    await closeAll(open);
    throw error;
  }
  const [failure] = await closeAll(open);
  if (failure !== undefined) endByForce((failure as Error).message);
}

/** Last to first and every one, whatever becomes of the others. Gives what they rejected with. */
async function closeAll(open: Open): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const close of open.reverse()) await close().catch((error) => failures.push(error));
  return failures;
}

/** A thread may hang in a write to a pipe that nobody reads, and `process.exit` would wait for it. */
function endByForce(why: string): void {
  const end = () => process.kill(process.pid, 'SIGKILL');
  process.stderr.write(`interlock: ${why}\n`, end);
  // Who reads stderr may be the one who does not read.
  setTimeout(end, LAST_WORD_MS);
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
  table?: Table,
): Promise<Inspection | undefined> {
  if (inspect === undefined) return undefined;
  const { policyOf, viewerFiles } = await import('../../visualizations/viewer/site.js');
  const { startInspection } = await import('../observe/inspect.js');
  const { Watch } = await import('../observe/watch.js');
  const files = await viewerFiles();
  const inspection = await startInspection({
    watch: new Watch(table),
    port: inspect === true ? 0 : inspect,
    find: (path) => files.get(path),
    policy: (host) => policyOf(`ws://${host}`),
  });
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

/** What `--help` says of `--inspect`, of either server. */
export const INSPECTION_HELP = `
--inspect serves a page with a table of live exchanges (state, age, chunks, bytes, outcome, anomalies)
to browsers on this machine. Choose one, and the diagram shows where it is and was, and its steps as
they come. The page asks for nothing from anywhere else. It is told names of events, states and
commands, and counts: no header and no body. Exchanges in flight and the last 1000 others are there;
of a long one its first 32 steps and its newest 96. What comes too fast is left out and counted, and
the server waits for no viewer. The printed address holds a token: whoever is on this machine and
has it can watch. It ends with the server, and a new one has a new address. At …/stately below it is
Stately's inspector, which the browser loads from https://stately.ai.`;

export function inspectionLines({ url }: Inspection): string {
  return `  live exchanges: ${url}
    open it in a browser on this machine; ${url}stately is the same in Stately's inspector, online`;
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('Accepted: a port from 0 to 65535 (0: a free one).');
}

/** `interlock validate`: is this log one that the machine could have written? */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { environments } from '../../machines/environments.js';
import type { Bytes } from '../check/validate/lines.js';
import type { Report } from '../check/validate/report.js';
import type { Progress } from '../check/validate/validate.js';
import { InterlockError } from '../errors.js';
import { count } from './options.js';

interface Flags {
  readonly map?: string;
  readonly strict?: true;
  readonly partial?: true;
  readonly json?: true;
  readonly maxReports: number;
  readonly maxLine: number;
  readonly environment?: string;
  readonly machine: 'exchange' | 'legacy';
}

const EXIT_DIVERGES = 1;
const EXIT_BAD_INPUT = 2;

const HELP = `
LOG is a file, or - for stdin; gzip is unpacked. Without --map it is a trace of ours, NDJSON as
\`encode\` writes it, and every seq, event, state and command is held against the machine. With --map
it is any NDJSON or text log, of which a YAML file says how a line tells the exchange and the event:

  format: text                             # or ndjson
  pattern: '^(?<time>\\S+) req=(?<req>\\S+) (?<phase>\\w+)'   # text: named groups are the fields
  id: { field: req }                       # or { field, regex }, { regex }, or line: one a line
  time: { field: time, as: iso }           # or ms, s, us, ns
  events:                                  # the first that fits; match: all for all that fit
    - when: { phase: body, end: 'true' }   # a value, a list, { regex }, { present }, { not },
      event: [request.body, request.end]   #   { atLeast, atMost }; $line is the whole line
    - when: { phase: done }
      event: response.end
      last: true                           # nothing more comes under this id
    - event: { field: phase, names: { headers: request.headers } }
  ignore: [{ level: DEBUG }]               # otherwise a line that no rule fits is an error, unless
  otherwise: refuse                        #   this is: ignore
  unseen: [request.routed, usage.recorded] # may happen without a line; default: all without a rule,
                                           #   which explains a lot: name the few that may
  environment: observed                    # who may speak when: anyone, wellBehaved, observed
  begins: start                            # anywhere: the log may begin inside of exchanges
  whole: false                             # true: every record is a whole exchange
  idleMs: 3600000                          # by the log's time: when an exchange is given up
  records: [{ path: a.b, as: name }]       # records inside of a line; $record is the name

A record is legal if some run of the machine explains it, with what may have happened unseen, in
which the environment lets each event come and none is a violation. An anomaly, such as a late end,
is absorbed by the machine, and so is only counted; --strict makes it a divergence.

Of each exchange that diverges its first record that cannot be is told: the line, the states that
were possible before it, what would have been legal, and the nearest edit. The exit code is 0 if none
diverges, 1 if one does, and 2 for a log or a mapping that cannot be read, in whole or in part, or
that has no record; what could be read is judged all the same.

Mappings of ours, for --map by name: envoy-access-log, go-gateway, otel-spans. They lie in
src/check/validate/mappings, as examples to copy.`;

export function validateCommand(): Command {
  return new Command('validate')
    .description('Hold a log against the machine: is it one that could have happened?')
    .argument('<log>', 'a file, plain or gzip; - is stdin')
    .option('--map <file>', 'how a foreign log is read: a YAML file, or the name of one of ours')
    .option('--strict', 'anomalies and violations diverge')
    .option('--partial', 'the log may begin in the middle of exchanges')
    .option('--json', 'print the report as one JSON object')
    .addOption(
      new Option('--max-reports <n>', 'how many divergences are told whole')
        .argParser(count)
        .default(20),
    )
    .addOption(
      new Option('--max-line <bytes>', 'the longest line').argParser(lineBytes).default(1 << 20),
    )
    .addOption(
      new Option('--environment <name>', 'who spoke, if not as the mapping says').choices(
        environments.map(({ name }) => name),
      ),
    )
    .addOption(
      new Option('--machine <name>', 'whose log it is: legacy is the gateway of the bug')
        .choices(['exchange', 'legacy'])
        .default('exchange'),
    )
    .addHelpText('after', HELP)
    .action(run);
}

async function run(log: string, flags: Flags): Promise<void> {
  // Loaded here, so that no other command waits for it.
  const { validate } = await import('../check/validate/validate.js');
  const { isValid, textOf } = await import('../check/validate/report.js');
  const { readMapping } = await import('../check/validate/mapping.js');
  const mapping = flags.map === undefined ? undefined : readMapping(flags.map);
  const source = await sourceOf(log);
  const report = await validate(source.bytes, {
    mapping,
    table: await tableOf(flags.machine),
    environment: environments.find(({ name }) => name === flags.environment),
    strict: flags.strict,
    partial: flags.partial,
    reportsMax: flags.maxReports,
    lineBytesMax: flags.maxLine,
    progress: progressOf(source),
  });
  source.done();
  const name = log === '-' ? 'stdin' : log;
  process.stdout.write(
    flags.json ? `${JSON.stringify({ log: name, ...report }, null, 2)}\n` : textOf(report, name),
  );
  const hint = hintFor(report, flags);
  if (hint !== undefined && !flags.json) process.stdout.write(`${hint}\n`);
  if (report.unreadable > 0 || report.records === 0) process.exitCode = EXIT_BAD_INPUT;
  else if (!isValid(report)) process.exitCode = EXIT_DIVERGES;
}

/** What to try, where a log is another one than it was taken for. */
function hintFor({ records, unreadable, divergences }: Report, flags: Flags): string | undefined {
  if (flags.map === undefined && unreadable > records) {
    return 'This is no trace of ours. Another log is read with --map: a file, or the name of one of ours.';
  }
  const foreign = divergences.some(({ message }) => message.includes('which is no state of'));
  if (flags.machine === 'exchange' && foreign) {
    return 'A trace of the gateway of the bug is held against it with --machine legacy.';
  }
  return undefined;
}

interface Source {
  readonly bytes: Bytes;
  /** How much of the log was read, as people want it. */
  share(): string;
  done(): void;
}

async function sourceOf(log: string): Promise<Source> {
  const clear = () => {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  };
  if (log === '-') return { bytes: process.stdin, share: () => '', done: clear };
  const { size } = await stat(log).catch((cause: Error) => {
    throw new InterlockError('INTERLOCK_BAD_OPTION', `LOG ${log}: ${cause.message}`, { cause });
  });
  const stream = createReadStream(log, { highWaterMark: 1 << 18 });
  const share = () => (size === 0 ? '' : ` (${Math.floor((100 * stream.bytesRead) / size)} %)`);
  return { bytes: stream, share, done: clear };
}

/** Tells how far it is: on a terminal every half second, elsewhere now and then. */
function progressOf({ share }: Source): (progress: Progress) => void {
  const everyMs = process.stderr.isTTY ? 500 : 30_000;
  let due = performance.now() + everyMs;
  return ({ lines, records, diverging }) => {
    if (performance.now() < due) return;
    due = performance.now() + everyMs;
    const text = `${lines} lines${share()}, ${records} records, ${diverging} diverging`;
    process.stderr.write(process.stderr.isTTY ? `\r${text}\u001b[K` : `${text}\n`);
  };
}

async function tableOf(machine: Flags['machine']) {
  if (machine === 'exchange') return undefined;
  const { rows } = await import('../legacy.generated.js');
  const { Table } = await import('../table.js');
  return new Table(rows);
}

function lineBytes(text: string): number {
  const bytes = count(text);
  if (bytes === 0) throw new InvalidArgumentError('Accepted: bytes, from 1.');
  return bytes;
}

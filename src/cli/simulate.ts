/** `interlock simulate`: exchanges by the hundred thousand, with faults, in virtual time. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { SimulateOptions, Simulation } from '../check/simulate/simulate.js';
import { InterlockError } from '../errors.js';
import { count, expectApart, htmlOption, Target } from './options.js';
import { progressOn } from './progress.js';
import { untilStopped } from './signals.js';

interface Flags {
  readonly seed: number;
  readonly exchanges?: number;
  readonly exchange?: number;
  readonly handler?: 'machine' | 'legacy';
  readonly traffic?: 'plain' | 'any';
  readonly world?: 'ext-proc' | 'http';
  readonly faults?: string;
  readonly lateEnds?: number;
  readonly log?: string;
  readonly html?: string;
  readonly json?: true;
  readonly schedules?: true;
}

const EXIT_WRONG = 1;
const EXCHANGES = 10_000;

const HELP = `
Each exchange is a script that follows from the seed and its number: what both halves bring, how it
is cut, and what goes wrong where. It is played in virtual time, and every step is judged by every
claim; in the end there is one record, the usage that the upstream said, one answer per message
where one is owed, nothing held, and no deadline left. It stops at the first that is not right.

  ext-proc   Envoy's messages, in every body mode, through the adapter that serves real ones: codec,
             conversation, routing, accounting. Only gRPC is not there.
  http       bytes, from a client and an upstream, through the exchange, its conductor, the bill and
             the accounting. What node:http and undici do is not there: their sockets are I/O.

Bodies are not compressed here: zlib works in threads, and threads keep no schedule.

  --faults LIST         with commas, of: split, delay, duplicate, drop, reset, stall, block, drain,
                        unrecorded, throw, stray; or none. Default: all
  --traffic plain       whole responses, cut and late; and late ends. What --handler legacy gets
  --handler legacy      the gateway of the bug: it fails on each exchange that gets a late or
                        repeated end and, with plain traffic, on no other. The exit code says if so
  --exchange N          plays exchange N alone, and tells it
  --log FILE            every step as NDJSON, for \`interlock validate\`; the same seed gives the
                        same bytes. - is the standard output
  --html FILE           the result as one page that needs no network: what was played, what came of
                        it, and the steps of what went wrong
  --schedules           races instead: what can happen at once to one exchange, in every order

  interlock simulate --seed 1 --exchanges 100000
  interlock simulate --handler legacy
  interlock simulate --seed 7 --exchanges 1000 --log - | interlock validate -

Exit code: 0 all is right; 1 something is not; 2 bad input. Ctrl-C prints what is known so far, says
so, and exits with 130.`;

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('Play seeded exchanges with faults, in virtual time, and judge every step.')
    .addOption(new Option('--seed <n>', 'what everything follows from').argParser(count).default(1))
    .addOption(new Option('--exchanges <n>', `how many (default: ${EXCHANGES})`).argParser(count))
    .addOption(new Option('--exchange <n>', 'this one alone, by its number').argParser(count))
    .addOption(
      new Option('--handler <name>', 'who serves them (default: machine)').choices([
        'machine',
        'legacy',
      ]),
    )
    .addOption(new Option('--traffic <kind>', 'what is sent').choices(['plain', 'any']))
    .addOption(
      new Option('--world <name>', 'through which adapter (default: both)').choices([
        'ext-proc',
        'http',
      ]),
    )
    .option('--faults <list>', 'what may go wrong')
    .addOption(
      new Option('--late-ends <share>', 'of the responses, from 0 to 1 (default: 0.15)').argParser(
        share,
      ),
    )
    .option('--log <file>', 'where to write every step')
    .addOption(htmlOption())
    .option('--json', 'print the result as one JSON object, with a count for each transition')
    .option('--schedules', 'races in every order, instead of scripts')
    .addHelpText('after', HELP)
    .action(run);
}

function share(text: string): number {
  const value = Number(text);
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || value > 1) {
    throw new InvalidArgumentError('Accepted: a share from 0 to 1.');
  }
  return value;
}

async function run(flags: Flags): Promise<void> {
  refuseMixes(flags);
  if (flags.schedules) return runSchedules(flags);
  const stopping = new AbortController();
  void untilStopped().then((signal) => {
    // As a shell has it for a process that a signal has ended.
    process.exitCode = 128 + constants.signals[signal];
    stopping.abort();
  });
  // Loaded here, so that no other command waits for it.
  const { simulate } = await import('../check/simulate/simulate.js');
  const { faultsOf } = await import('../check/simulate/options.js');
  const { seed, exchanges = EXCHANGES, exchange, world, faults, log, html, ...own } = flags;
  const struck = faults === undefined ? undefined : faultsOf(faults);
  const sink = log === undefined ? undefined : await sinkOf(log);
  const page = html === undefined ? undefined : await Target.open('--html', html);
  const progress = progressOn(process.stderr);
  const startedAt = performance.now();
  const options: SimulateOptions = {
    ...own,
    seed,
    exchanges,
    only: exchange,
    worlds: world === undefined ? undefined : [world],
    faults: struck,
    log: sink?.write,
    signal: stopping.signal,
    onProgress: (done) => progress.show(`${done} of ${exchanges} exchanges`),
  };
  const simulation = await simulate(options);
  progress.clear();
  await sink?.end();
  await tell(simulation, flags, (performance.now() - startedAt) / 1000);
  if (page !== undefined) {
    const { simulationPage } = await import('../../visualizations/report/simulation.js');
    await page.fill([simulationPage(simulation)]);
  }
}

async function tell(simulation: Simulation, { json, log }: Flags, seconds: number): Promise<void> {
  const { isRight, jsonOf, textOf } = await import('../check/simulate/report.js');
  const took = simulation.only === undefined ? `\nin ${seconds.toFixed(1)} s\n` : '';
  const text = json
    ? `${JSON.stringify(jsonOf(simulation), null, 2)}\n`
    : `${textOf(simulation)}${took}`;
  // What is for people must not stand in what is for programs.
  if (log === '-') process.stderr.write(text);
  else process.stdout.write(text);
  if (!simulation.stopped && !isRight(simulation)) process.exitCode = EXIT_WRONG;
}

async function runSchedules({ json, html }: Flags): Promise<void> {
  const { RACES, runRace } = await import('../check/simulate/races.js');
  const { jsonOfRaces, textOfRaces } = await import('../check/simulate/report-races.js');
  const page = html === undefined ? undefined : await Target.open('--html', html);
  const results = RACES.map((race) => runRace(race));
  const text = json ? `${JSON.stringify(jsonOfRaces(results), null, 2)}\n` : textOfRaces(results);
  process.stdout.write(text);
  if (page !== undefined) {
    const { racesPage } = await import('../../visualizations/report/races.js');
    await page.fill([racesPage(results)]);
  }
  if (results.some(({ found }) => found !== undefined)) process.exitCode = EXIT_WRONG;
}

/** What the flags say alone may be fine, and make no sense together. */
function refuseMixes(flags: Flags): void {
  const refuse = (message: string): never => {
    throw new InterlockError('INTERLOCK_BAD_OPTION', message);
  };
  const given = Object.keys(flags).filter(
    (name) => !['seed', 'json', 'html', 'schedules'].includes(name),
  );
  if (flags.schedules && given.length > 0) {
    refuse('--schedules has races of its own. Accepted with it: --json. So is --html.');
  }
  if (flags.exchange !== undefined && flags.exchanges !== undefined) {
    refuse('--exchange plays one alone. Accepted: --exchange or --exchanges.');
  }
  if (flags.handler === 'legacy' && flags.world === 'http') {
    refuse('--handler legacy serves Envoy alone. Accepted with it: --world ext-proc.');
  }
  expectApart({ '--log': flags.log, '--html': flags.html });
  if (flags.exchanges === 0) refuse('--exchanges 0 asks for nothing. Accepted: a count from 1.');
}

interface Sink {
  readonly write: (text: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** A place that cannot be had is told now, and not after the work. */
async function sinkOf(file: string): Promise<Sink> {
  if (file === '-') {
    return {
      write: async (text) => {
        if (!process.stdout.write(text)) await once(process.stdout, 'drain');
      },
      end: async () => {},
    };
  }
  const stream = createWriteStream(file);
  try {
    await once(stream, 'open');
  } catch (cause) {
    const { message } = cause as Error;
    const accepted = 'Accepted: a file that can be written, or -.';
    throw new InterlockError('INTERLOCK_BAD_OPTION', `--log ${file}: ${message}. ${accepted}`, {
      cause,
    });
  }
  return {
    write: async (text) => {
      if (!stream.write(text)) await once(stream, 'drain');
    },
    end: async () => {
      stream.end();
      await once(stream, 'finish');
    },
  };
}

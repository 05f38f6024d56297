/** `interlock suite`: scenarios of the machine, with what passing them proves. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import { EVENTS, textOf } from '../../machines/events.js';
import type { Method, Suite, SuiteOptions } from '../check/suites/suite.js';
import { LIMIT, METHODS, suiteOf } from '../check/suites/suite.js';
import type { Format } from '../check/suites/write.js';
import { FORMATS, write } from '../check/suites/write.js';
import { InterlockError } from '../errors.js';
import { table } from '../step.js';
import { count, expectApart, htmlOption, Target } from './options.js';

interface Flags extends Omit<SuiteOptions, 'table'> {
  readonly format: Format;
  readonly out?: string;
  readonly html?: string;
}

/** Whose a flag is, where it is not every method's. */
const METHOD_OF = { k: 'hsi', n: 'switch', length: 'orderings', bag: 'bag' } as const;

const HELP = `
A scenario is a list of events from a fresh start; the machine says what each must be answered with.

  hsi          harmonised state identifiers, complete for --k extra states: an implementation with
               at most that many more states than the machine needs, which passes, is right
  transitions  each event in each state, once
  switch       every --n + 1 transitions in a row
  orderings    every sequence of --length events, late and duplicate ones included
  bag          every order of the events in --bag, which may hold one more than once

Without --out only the size is told, with the guarantee, and what it leaves out. Run a suite on an
implementation of yours from vitest: runSuite(suite, adapter), of the package. --format vitest
makes that test; --format txt has an event a line, and an empty line before each scenario.

--html FILE writes a page that needs no network: what the suite is, proves, leaves out and covers,
and its first 200 scenarios with what must be ordered. A place that cannot be had is told before
anything is made.

  interlock suite --method hsi --k 1
  interlock suite --method bag --bag request.headers,response.end,response.end --format txt --out -
  interlock suite --method orderings --length 4 --events request.end,response.end --out ends.json

The events: ${EVENTS.map(textOf).join(', ')}`;

export function suiteCommand(): Command {
  return new Command('suite')
    .description('Generate test scenarios from the machine, with what passing them proves.')
    .addOption(
      new Option('--method <method>', 'how scenarios are chosen').choices(METHODS).default('hsi'),
    )
    .addOption(new Option('--k <states>', 'hsi: extra states (default: 1)').argParser(count))
    .addOption(new Option('--n <switches>', 'switch: how many (default: 1)').argParser(count))
    .addOption(new Option('--length <events>', 'orderings: how many events each').argParser(count))
    .addOption(new Option('--bag <events>', 'bag: its events, with commas').argParser(list))
    .addOption(
      new Option('--events <events>', 'the events that happen (default: all)').argParser(list),
    )
    .addOption(
      new Option('--limit <events>', 'the most that a suite may have in all')
        .argParser(count)
        .default(LIMIT),
    )
    .addOption(new Option('--format <format>', 'what is written').choices(FORMATS).default('json'))
    .option('--out <file>', 'where to write the scenarios; - is the standard output')
    .addOption(htmlOption())
    .addHelpText('after', HELP)
    .action(run);
}

async function run({ format, out, html, ...options }: Flags): Promise<void> {
  for (const [flag, method] of Object.entries(METHOD_OF)) {
    if (flag in options && options.method !== method) throw misplaced(flag, method, options.method);
  }
  expectApart({ '--out': out, '--html': html });
  const target = out === undefined || out === '-' ? undefined : await Target.open('--out', out);
  const page = html === undefined ? undefined : await Target.open('--html', html);
  const suite = suiteOf(options);
  const report = reportOf(suite);
  // What is for people must not stand in what is for programs.
  if (out === '-') process.stderr.write(report);
  else process.stdout.write(report);
  if (out === '-') await print(blocks(write(suite, format)));
  await target?.fill(blocks(write(suite, format)));
  if (page !== undefined) {
    const { suitePage } = await import('../../visualizations/report/suite.js');
    await page.fill([suitePage(suite, table)]);
  }
}

function reportOf({ name, size, guarantee, abstraction }: Suite): string {
  const { scenarios, events } = size;
  const sized = `${scenarios.toLocaleString('en-US')} scenarios, ${events.toLocaleString('en-US')}`;
  return `${name}: ${sized} events\n\n${guarantee}\n\n${abstraction}\n`;
}

async function print(pieces: Iterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(pieces), process.stdout, { end: false });
  } catch (cause) {
    // Who reads the output may stop where it likes.
    if ((cause as NodeJS.ErrnoException).code !== 'EPIPE') throw cause;
  }
}

const BLOCK_CHARACTERS = 65_536;

/** The same text in fewer pieces, for each of which a stream takes a turn of its own. */
function* blocks(pieces: Iterable<string>): Generator<string> {
  let block = '';
  for (const piece of pieces) {
    block += piece;
    if (block.length < BLOCK_CHARACTERS) continue;
    yield block;
    block = '';
  }
  yield block;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((event) => event.trim())
    .filter((event) => event !== '');
}

function misplaced(flag: string, method: Method, found: Method): InterlockError {
  return new InterlockError(
    'INTERLOCK_BAD_OPTION',
    `--${flag} is for --method ${method}; found --method ${found}`,
  );
}

/** `interlock check`: is what is claimed of the machine so, and what would show that it is not? */
import { mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { environments } from '../../machines/environments.js';
import { eventualities } from '../../machines/properties.js';
import { allProperties } from '../check/claims.js';
import { artefactsOf, endingOf, slugOf, storyOf } from '../check/counterexample.js';
import type { CheckReport, Claim } from '../check/report.js';
import { brokenIn, counterexampleOf, jsonOf, runCheck, textOfReport } from '../check/report.js';
import { InterlockError } from '../errors.js';
import { rows as legacy } from '../legacy.generated.js';
import { acceptedFor } from '../spelling.js';
import { table as exchange } from '../step.js';
import { Table } from '../table.js';
import { checkMutants } from './mutants.js';
import { collect, count, htmlOption, Target } from './options.js';
import { progressOn } from './progress.js';
import { untilStopped } from './signals.js';

interface Flags {
  readonly machine: 'exchange' | 'legacy';
  readonly environment?: readonly string[];
  readonly property?: readonly string[];
  readonly json?: true;
  readonly out?: string;
  readonly html?: string;
  readonly mutants?: true;
  readonly sample?: number;
  readonly seed?: number;
}

const EXIT_BROKEN = 1;
const claims: readonly Claim[] = [...allProperties, ...eventualities];

/** The claim that the field's story breaks: not its shortest fault, but the one it is here for. */
const STORY = { machine: 'legacy', environment: 'anyone', property: 'firstTerminalWins' };

const HELP = `
Each property is judged in each environment, for orderings of any length. "holds", "seen in 3" (the
shortest example has 3 events) and "BROKEN in 5" (the shortest counterexample has 5); what is not
claimed of an environment stands in parentheses. "states" counts pairs of where the machine and its
peers stand and what the property remembers.

  --machine legacy      the gateway of the bug, which breaks a lot; ends with the field's story
  --out DIR             per broken claim: a trace, its story, its messages as a diagram (Mermaid), a
                        test that replays it, its events as JSON, and messages for an Envoy where it
                        can bring them about
  --html FILE           all of it as one page that needs no network: sizes, verdicts, and of each
                        broken claim the messages that break it
  --mutants             the mutation score instead: what would notice a fault in the machine?

Exit code: 0 all is as claimed; 1 a claim is broken (or, with --mutants, a mutant survives); 2 bad
input. Ctrl-C prints what is known so far, says so, and exits with 130.`;

export function checkCommand(): Command {
  return new Command('check')
    .description('Prove what is claimed of the machine, or show the shortest run that breaks it.')
    .addOption(
      new Option('--machine <name>', 'which machine')
        .choices(['exchange', 'legacy'])
        .default('exchange'),
    )
    .addOption(
      new Option('--environment <name>', 'who speaks; may be given again (default: all)').argParser(
        named('environment', environments),
      ),
    )
    .addOption(
      new Option(
        '--property <name>',
        'what is judged; may be given again (default: all)',
      ).argParser(named('property', claims)),
    )
    .option('--json', 'print the result as one JSON object')
    .option('--out <dir>', 'write the counterexamples there')
    .addOption(htmlOption())
    .option('--mutants', 'the mutation score of the exchange machine')
    .addOption(new Option('--sample <n>', 'with --mutants: so many, and not all').argParser(count))
    .addOption(
      new Option('--seed <n>', 'with --mutants: of the sample and the logs').argParser(count),
    )
    .addHelpText('after', HELP)
    .action(run);
}

function named(what: string, among: readonly { readonly name: string }[]) {
  const names = among.map(({ name }) => name);
  return (text: string, before?: readonly string[]): string[] => {
    if (names.includes(text)) return collect(text, before);
    const accepted = acceptedFor(text, names, 'interlock check');
    throw new InvalidArgumentError(`No such ${what}; ${accepted}.`);
  };
}

async function run(flags: Flags): Promise<void> {
  refuseMixes(flags);
  const stopping = new AbortController();
  void untilStopped().then((signal) => {
    // As a shell has it for a process that a signal has ended.
    process.exitCode = 128 + constants.signals[signal];
    stopping.abort();
  });
  if (flags.mutants) return checkMutants({ ...flags, signal: stopping.signal });
  await checkClaims(flags, stopping.signal);
}

async function checkClaims(flags: Flags, signal: AbortSignal): Promise<void> {
  const { environment, property, out, html } = flags;
  if (out !== undefined) expectFolder(out);
  const page = html === undefined ? undefined : await Target.open('--html', html);
  const progress = progressOn(process.stderr);
  const report = await runCheck({
    table: flags.machine === 'legacy' ? new Table(legacy) : exchange,
    environments: environments.filter(({ name }) => environment?.includes(name) ?? true),
    properties: claims.filter(({ name }) => property?.includes(name) ?? true),
    signal,
    onProgress: (done, asked, row) =>
      progress.show(`${done} of ${asked}  ${row.environment.name}  ${row.property.name}`),
  });
  progress.clear();
  if (flags.json) console.log(JSON.stringify(jsonOf(report), null, 2));
  else {
    const text = textOfReport(report);
    const story = fieldStoryIn(report);
    process.stdout.write(text);
    if (!text.includes(story))
      process.stdout.write(`\nThe story that the field tells of it:\n\n${story}`);
  }
  if (out !== undefined) await write(report, out);
  if (page !== undefined) {
    const { checkPage } = await import('../../visualizations/report/check.js');
    await page.fill([checkPage(report)]);
  }
  if (!signal.aborted && brokenIn(report).length > 0) process.exitCode = EXIT_BROKEN;
}

/** A place that cannot be had is told before the work, so it is tried with a folder of no use. */
function expectFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    rmdirSync(mkdtempSync(join(path, '.interlock-')));
  } catch (cause) {
    const { message } = cause as Error;
    const accepted = 'Accepted: a folder that can be written; it is made if it is not there.';
    throw new InterlockError('INTERLOCK_BAD_OPTION', `--out ${path}: ${message}. ${accepted}`, {
      cause,
    });
  }
}

/** What the flags say alone may be fine, and make no sense together. */
function refuseMixes(flags: Flags): void {
  const refuse = (message: string): never => {
    throw new InterlockError('INTERLOCK_BAD_OPTION', message);
  };
  if (!flags.mutants) {
    if (flags.sample !== undefined)
      refuse('--sample is for --mutants. Accepted: both, or neither.');
    if (flags.seed !== undefined) refuse('--seed is for --mutants. Accepted: both, or neither.');
    return;
  }
  if (flags.sample === 0) refuse('--sample 0 asks for nothing. Accepted: a count from 1.');
  if (flags.machine === 'legacy') {
    refuse(
      '--mutants with --machine legacy: what keeps no claim has no score. Accepted: exchange.',
    );
  }
  if (flags.html !== undefined) {
    refuse('--mutants writes no page. Accepted: --mutants with --json, or --html without it.');
  }
  for (const flag of ['environment', 'property', 'out'] as const) {
    if (flags[flag] !== undefined) refuse(`--mutants judges by all there is: leave out --${flag}.`);
  }
}

function fieldStoryIn(report: CheckReport): string {
  const row = report.rows.find(
    ({ environment, property }) =>
      report.machine === STORY.machine &&
      environment.name === STORY.environment &&
      property.name === STORY.property,
  );
  const found = row && counterexampleOf(report, row);
  return found === undefined ? '' : storyOf(found);
}

async function write(report: CheckReport, folder: string): Promise<void> {
  const { mermaidOf } = await import('../../visualizations/sequence.js');
  const place = resolve(folder);
  const sources = fileURLToPath(new URL('..', import.meta.url));
  const home = relative(place, sources).replaceAll('\\', '/');
  const found = brokenIn(report).flatMap((row) => counterexampleOf(report, row) ?? []);
  for (const counterexample of found) {
    const ending = `${endingOf(counterexample)} ${counterexample.property.sentence}`;
    const diagram = {
      name: `${slugOf(counterexample)}.mmd`,
      text: `${mermaidOf(counterexample.run.trace, 'http', ending)}\n`,
    };
    for (const { name, text } of [...artefactsOf(counterexample, home), diagram]) {
      writeFileSync(join(place, name), text);
    }
  }
  console.error(`interlock: counterexamples in ${folder}: ${found.length}`);
}

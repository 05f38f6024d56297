/** What is claimed of the machine, and what a check of every claim in every environment found. */
import { textOf } from '../machines/events.js';
import type { Eventuality } from '../machines/properties.js';
import { eventualities, occasionOf } from '../machines/properties.js';
import type { CheckReport, Claim, Row, World } from '../src/check/report.js';
import { prose } from './prose.js';

/** One line of the list: a claim, and the examples that keep it from being empty. */
interface Entry {
  readonly claim: Claim;
  readonly examples: readonly Claim[];
}

/** `legacy` is the check of the gateway of the bug, which the same claims convict. */
export function propertiesText(report: CheckReport, legacy: CheckReport): string {
  const claims = [...new Set(report.rows.map(({ property }) => property))];
  const twins = new Map(eventualities.map((claim) => [occasionOf(claim).name, claim.name]));
  const judged = report.rows.filter(({ claimed }) => claimed);
  const kept = judged.filter(({ holds }) => holds).length;
  const names = report.worlds.map(({ environment }) => environment.name);
  const grid = `| ${['claim', 'sentence', ...names, 'examples beside it', 'legacy'].join(' | ')} |`;
  const rule = `|${' --- |'.repeat(names.length + 4)}`;
  const lines = (entries: readonly Entry[]) =>
    entries.map((entry) => lineOf(entry, report, legacy));
  return [
    '# What is claimed, and against whom',
    '',
    ...prose(`${kept} of ${judged.length} claims about the machine \`${report.machine}\` are kept,
      for orderings of any length. Each cell says what a search of all that can happen has found,
      and in how many pairs of state and memory. What stands in parentheses is not claimed there.
      The last column is the gateway of the bug, against
      \`${legacy.worlds[0]?.environment.name}\`: what it breaks, and in how many events
      ([drawn](counterexamples.md)).`),
    '## Environments',
    '',
    '| environment | who speaks | states | transitions | depth |',
    '| --- | --- | ---: | ---: | ---: |',
    ...report.worlds.map(worldOf),
    '',
    '## Always',
    '',
    grid,
    rule,
    ...lines(entriesOf(claims)),
    '',
    '## Eventually',
    '',
    'On every run that is fair as the claim says, and it trusts in no more.',
    '',
    grid.replace('sentence', 'sentence, and what is trusted in'),
    rule,
    ...lines(
      eventualities.map((claim) => ({
        claim,
        examples: claims.filter(({ name }) => twins.get(name) === claim.name),
      })),
    ),
    '',
    '## Sometimes',
    '',
    'What shows that no claim is empty: the shortest example of each, against `anyone`.',
    '',
    '| example | sentence | events | the shortest |',
    '| --- | --- | ---: | --- |',
    ...claims.filter(({ mood }) => mood === 'sometimes').map((claim) => exampleOf(claim, report)),
    '',
  ].join('\n');
}

function worldOf({ environment, states, transitions, depth }: World): string {
  const { name, sentence } = environment;
  return `| \`${name}\` | ${sentence} | ${states} | ${transitions} | ${depth} |`;
}

/** Each `always`, with the `sometimes` that stand behind it in the list. */
function entriesOf(claims: readonly Claim[]): Entry[] {
  const entries: { claim: Claim; examples: Claim[] }[] = [];
  for (const claim of claims) {
    if (claim.mood === 'always') entries.push({ claim, examples: [] });
    if (claim.mood === 'sometimes') entries.at(-1)?.examples.push(claim);
    if (claim.mood === 'eventually') break;
  }
  return entries;
}

const rowsOf = ({ rows }: CheckReport, { name }: Claim) =>
  rows.filter(({ property }) => property.name === name);

function lineOf({ claim, examples }: Entry, report: CheckReport, legacy: CheckReport): string {
  const seen = examples.map((example) => {
    const [row] = rowsOf(report, example);
    return `${example.name} (${row?.run?.events.length})`;
  });
  const [bug] = rowsOf(legacy, claim);
  const cells = [
    `\`${claim.name}\``,
    sentenceOf(claim),
    ...rowsOf(report, claim).map(verdictOf),
    seen.length === 0 ? '–' : seen.join(', '),
    bug === undefined ? '–' : bug.holds ? 'holds' : brokenIn(bug),
  ];
  return `| ${cells.join(' | ')} |`;
}

function sentenceOf(claim: Claim): string {
  const { sentence } = claim;
  if (claim.mood !== 'eventually') return sentence;
  const { fairness } = claim as Eventuality;
  return `${sentence} *${fairness.map(({ name }) => name).join(', ')}*`;
}

function verdictOf(row: Row): string {
  const word = row.holds ? `holds · ${row.states}` : brokenIn(row);
  return row.claimed ? word : `(${word})`;
}

function brokenIn({ run, cycle }: Row): string {
  return `broken in ${run?.events.length}${cycle === undefined ? '' : ', or for ever'}`;
}

function exampleOf(claim: Claim, report: CheckReport): string {
  const [row] = rowsOf(report, claim);
  const events = row?.run?.events.map(textOf) ?? [];
  const cells = [`\`${claim.name}\``, claim.sentence, events.length, events.join(', ')];
  return `| ${cells.join(' | ')} |`;
}

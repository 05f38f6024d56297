/** A check as one page: sizes, verdicts, and how each claim that is broken can be broken. */
import type { Eventuality } from '../../machines/properties.js';
import type { Counterexample } from '../../src/check/counterexample.js';
import { endingOf } from '../../src/check/counterexample.js';
import type { CheckReport, Claim, Row } from '../../src/check/report.js';
import { brokenIn, counterexampleOf, verdictOf, wordOf } from '../../src/check/report.js';
import type { Html, Piece } from './html.js';
import { html } from './html.js';
import type { Section } from './page.js';
import { counted, machineOf, pageOf, tableOf } from './page.js';
import { stepsOf } from './steps.js';

/** What is broken of one property: the runs, and against whom each was found. */
interface Broken {
  readonly claim: Claim;
  readonly rows: readonly Row[];
}

export function checkPage(report: CheckReport): string {
  const { machine } = report;
  const broken = claimsIn(report).flatMap((claim): Broken[] => {
    const rows = brokenIn(report).filter(({ property }) => property === claim);
    return rows.length === 0 ? [] : [{ claim, rows }];
  });
  return pageOf(`check of the machine ${machine}`, verdictOf(report), [
    { heading: 'Environments', body: sizesOf(report) },
    { heading: 'Properties', body: verdictsOf(report, broken) },
    ...(broken.length === 0 ? [] : [brokenOf(report, broken)]),
    ...machineOf(machine),
  ]);
}

function claimsIn({ rows }: CheckReport): Claim[] {
  return [...new Set(rows.map(({ property }) => property))];
}

function sizesOf({ worlds }: CheckReport): Html {
  return tableOf({
    caption: 'Who speaks, and how large the product of the machine and its peers is',
    heads: ['environment', 'who speaks', 'states', 'transitions', 'depth', 'ms to explore'],
    rows: worlds.map(({ environment: { name, sentence }, states, transitions, depth, ms }) => [
      name,
      sentence,
      states,
      transitions,
      depth,
      ms,
    ]),
  });
}

function verdictsOf(report: CheckReport, broken: readonly Broken[]): Html {
  const { worlds, rows } = report;
  const cells = (claim: Claim) =>
    worlds.map(({ environment }) => {
      const row = rows.find((one) => one.property === claim && one.environment === environment);
      const place = broken.findIndex(({ rows }) => row !== undefined && rows.includes(row));
      return verdictCell(row, place);
    });
  return html`<p>“holds” is for orderings of any length; “seen in 3”: the shortest example has
3 events; “BROKEN in 5”: the shortest counterexample has 5. What is not claimed of an environment
stands in parentheses. States are pairs of where the machine and its peers stand and what the
property remembers.</p>
${tableOf({
  caption: 'Each property in each environment',
  heads: ['property', ...worlds.map(({ environment }) => environment.name)],
  rows: claimsIn(report).map((claim) => [titleOf(claim), ...cells(claim)]),
})}`;
}

function titleOf(claim: Claim): Html {
  return html`<code>${claim.name}</code> <span class="quiet">${sentenceOf(claim)}</span>`;
}

function sentenceOf(claim: Claim): string {
  if (claim.mood !== 'eventually') return claim.sentence;
  const { fairness } = claim as Eventuality;
  return `${claim.sentence} (fair: ${fairness.map(({ name }) => name).join(', ')})`;
}

function verdictCell(row: Row | undefined, place: number): Piece {
  const word = wordOf(row);
  const verdict = place < 0 ? word : html`<a href="#claim-${place}"><strong>${word}</strong></a>`;
  if (row === undefined) return verdict;
  const size = `${counted(row.states)} states, ${counted(row.ms)} ms`;
  return html`${verdict}<br><span class="quiet">${size}</span>`;
}

function brokenOf(report: CheckReport, broken: readonly Broken[]): Section {
  const parts = broken.map(({ claim, rows }, at) => {
    const said = html`<code>${claim.name}</code>: ${claim.sentence}`;
    const drawn = runsIn(rows).map((same) => runOf(report, same));
    return { said, drawn, id: `claim-${at}` };
  });
  const shown = parts.filter(({ drawn }) => drawn.length > 0);
  const never = parts.filter(({ drawn }) => drawn.length === 0);
  const list = html`<h3>What never happens</h3>
<p>No run is an example of these, so there is nothing to draw.</p>
<ul>
${never.map(({ said, id }) => html`<li id="${id}">${said}</li>\n`)}</ul>`;
  return {
    heading: 'What is broken',
    body: [
      shown.map(({ said, drawn, id }) => html`<h3 id="${id}">${said}</h3>\n${drawn}`),
      never.length > 0 && list,
    ],
  };
}

/** One run may be the shortest in several environments; it is drawn once. */
function runsIn(rows: readonly Row[]): Row[][] {
  const runs = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.run === undefined) continue;
    const key = JSON.stringify([row.run.trace.map(({ event }) => event), row.cycle]);
    runs.set(key, [...(runs.get(key) ?? []), row]);
  }
  return [...runs.values()];
}

function runOf(report: CheckReport, same: readonly Row[]): Html {
  const names = same.map(({ environment }) => environment.name).join(', ');
  const found = counterexampleOf(report, same[0] as Row) as Counterexample;
  return stepsOf({
    name: `Counterexample of ${found.property.name} (${names})`,
    records: found.run.trace,
    wire: 'http',
    ending: `${endingOf(found)} ${found.property.sentence}`,
  });
}

/** Runs as pages of sequence diagrams: the traces that are kept, and every counterexample. */
import { textOf } from '../machines/events.js';
import type { CheckReport, Row } from '../src/check/report.js';
import { brokenIn } from '../src/check/report.js';
import type { TraceRecord } from '../src/trace.js';
import { prose } from './prose.js';
import type { Wire } from './sequence.js';
import { mermaidOf } from './sequence.js';

/** A trace that is kept as a regression, by the name of its file. */
export interface Kept {
  readonly name: string;
  readonly records: readonly TraceRecord[];
}

const fenced = (text: string) => ['```mermaid', text, '```', ''];

/** Each of the traces in `test/traces/`; that of the bug also as Envoy saw it. */
export function tracesText(kept: readonly Kept[]): string {
  const pages = kept.flatMap(({ name, records }) => {
    const wires: Wire[] = records[0]?.exchange === 'legacy' ? ['envoy', 'http'] : ['http'];
    return [
      `## ${name}`,
      '',
      ...wires.flatMap((wire) => fenced(mermaidOf(records, wire, endOf(records)))),
    ];
  });
  return [
    '# The traces that are kept',
    '',
    ...prose(`What is kept in \`test/traces/\` and played again by every test run, as messages: a
      full arrow is an event that the gateway is told of, a dashed one a command.
      \`legacy-late-end\` is the bug: an exchange that is over gets a second end, and is answered
      with a 500.`),
    ...pages,
  ].join('\n');
}

function endOf(records: readonly TraceRecord[]): string {
  const last = records.at(-1);
  return `in the end: ${last?.state}`;
}

/** What a machine breaks, by run, the shortest first: one run may break many claims. */
export function brokenRuns(report: CheckReport): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of brokenIn(report)) {
    if (row.run === undefined) continue;
    const key = JSON.stringify([row.run.events.map(textOf), row.cycle]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].sort((one, other) => lengthOf(one) - lengthOf(other));
}

/** What the gateway of the bug breaks, each run drawn once. */
export function counterexamplesText(report: CheckReport): string {
  const never = brokenIn(report).filter(({ run }) => run === undefined);
  const runs = brokenRuns(report);
  const broken = new Set(runs.flat().map(({ property }) => property)).size;
  return [
    `# Every counterexample of the machine \`${report.machine}\``,
    '',
    ...prose(`It breaks ${broken} claims, by ${runs.length} shortest runs: each is drawn once, with
      all that it breaks and against whom. The same claims hold of the machine that this repository
      is about ([table](properties.md)).`),
    ...runs.flatMap((rows, at) => pageOf(rows, at + 1)),
    '## What never happens',
    '',
    'No run of it is an example of these, so there is nothing to draw:',
    '',
    ...never.map(({ property }) => `- \`${property.name}\`: ${property.sentence}`),
    '',
  ].join('\n');
}

const lengthOf = ([row]: readonly Row[]) => row?.run?.events.length ?? 0;

function pageOf(rows: readonly Row[], number: number): string[] {
  const [{ run, cycle }] = rows as [Row];
  const trace = run?.trace ?? [];
  const claims = [...new Set(rows.map(({ property }) => property))];
  const told = claims.map((claim) => {
    const where = rows.filter(({ property }) => property === claim);
    const names = where.map(({ environment }) => environment.name);
    return `- \`${claim.name}\`: ${claim.sentence} (${names.join(', ')})`;
  });
  return [
    `## ${number}. ${trace.map(({ event }) => event).join(', ')}`,
    '',
    ...told,
    '',
    ...fenced(mermaidOf(trace, 'http', endingOf(trace, cycle, claims.length))),
  ];
}

export function endingOf(trace: readonly TraceRecord[], cycle: number | undefined, claims: number) {
  const what = claims === 1 ? 'a claim is broken' : `${claims} claims are broken`;
  if (cycle === undefined) return `${what} by event ${trace.length}, ${trace.at(-1)?.event}`;
  if (cycle === 0) return `${what}: nothing more may come`;
  return `${what}: from event ${trace.length - cycle + 1} on it can go round for ever`;
}

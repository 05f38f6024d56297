/** What the viewer's page shows and does not compute: diagrams, their style, and the gallery. */
import { textOf } from '../../machines/events.js';
import type { CheckReport, Row } from '../../src/check/report.js';
import { brokenRuns, endingOf } from '../counterexamples.js';

/** A run that breaks claims: the page plays its events on the table of its machine. */
export interface Exhibit {
  readonly machine: string;
  readonly claims: readonly { readonly name: string; readonly sentence: string }[];
  readonly events: readonly string[];
  readonly ending: string;
}

interface Drawing {
  readonly name: string;
  readonly text: string;
}

const STYLE = /<style>\n([\s\S]*?)\n<\/style>\n/;

/** A module, so that the build takes it along and the page imports it like the rest. */
export function viewerText(drawings: readonly Drawing[], broken: CheckReport): string {
  const find = (name: string) => drawings.find((one) => one.name === `${name}.svg`)?.text ?? '';
  // The style is served as a file: a page whose policy forbids inline styles would not apply it.
  const bare = (name: string) => find(name).replace(STYLE, '');
  const style = STYLE.exec(find('exchange'))?.[1] ?? '';
  const exhibits = brokenRuns(broken).map((rows) => exhibitOf(broken.machine, rows));
  return [
    '// Drawn from machines/ by `npm run render`. Do not edit.',
    "import type { Exhibit } from '../viewer/pictures.js';",
    '',
    `export const style = ${JSON.stringify(style)};`,
    '',
    'export const diagrams: Readonly<Record<string, string>> = {',
    ...['exchange', 'legacy'].map((name) => `  ${name}: ${JSON.stringify(bare(name))},`),
    '};',
    '',
    `export const exhibits: readonly Exhibit[] = ${JSON.stringify(exhibits, null, 2)};`,
    '',
  ].join('\n');
}

function exhibitOf(machine: string, rows: readonly Row[]): Exhibit {
  const [{ run, cycle }] = rows as [Row];
  const claims = [...new Set(rows.map(({ property }) => property))];
  return {
    machine,
    claims: claims.map(({ name, sentence }) => ({ name, sentence })),
    events: run?.events.map(textOf) ?? [],
    ending: endingOf(run?.trace ?? [], cycle, claims.length),
  };
}

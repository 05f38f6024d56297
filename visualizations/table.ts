/**
 * Every state and every event, and what the machine makes of the two: no cell is empty.
 *
 * So many states do not fit on a page: there is a table for each state of the response, with a
 * column for each of the request. What else is the case is said in the cell, where it matters.
 */
import type { Event } from '../machines/events.js';
import { ANOMALIES, EVENTS, REASONS, textOf } from '../machines/events.js';
import type { Table } from '../src/table.js';
import { movesOf, type Place, placesOf, shortOf } from './places.js';
import { prose } from './prose.js';

/** One state of the table: in which section and column it is, and what else is the case. */
interface Spot {
  readonly state: number;
  readonly section: string;
  readonly column: string;
  readonly rest: Place;
}

export function tableText(table: Table): string {
  const spots = table.states.map((name, state) => spotOf(name, state));
  const sections = [...new Set(spots.map(({ section }) => section))].sort(byOrderOf(spots));
  const { length } = table.states;
  return [
    '# Every state and every event',
    '',
    ...prose(`The machine \`${table.machine}\` has ${length} states and ${EVENTS.length} events,
      which is ${length * EVENTS.length} pairs. Each has a written answer, in one of four ways. It
      is **taken**: it leads to another state (\`→\`) or orders something where it is. It is
      *absorbed*, for a reason: nothing changes. It is an *anomaly*: nothing changes, and it is
      counted. Or it is a **violation** of the protocol.`),
    ...prose(`While an exchange is \`active\` its request and its response stand side by side: each
      table is for one state of the response, with a column for each of the request. Where it
      matters whether the downstream reads (\`flowing\` or \`blocked\`) or the gateway shuts down
      (\`running\` or \`draining\`), the cell says so. A target is where something changes; all else
      stays.`),
    ...sections.flatMap((section) =>
      sectionOf(
        table,
        spots.filter((spot) => spot.section === section),
      ),
    ),
    ...wordsOf(),
    '',
  ].join('\n');
}

const byOrderOf = (spots: readonly Spot[]) => (one: string, other: string) => {
  const phases = [...new Set(spots.map(({ section }) => section.split('.')[0]))];
  const order = ['active', 'detached', 'reading', 'settling', 'processed'];
  const rank = (section: string) => order.indexOf(section.split('.')[0] as string);
  return phases.length > 1 ? rank(one) - rank(other) : 0;
};

/** The first region is the column, the second the section, and the others are the rest. */
function spotOf(name: string, state: number): Spot {
  const [first = [], second, ...others] = placesOf(name);
  if (second === undefined) {
    return { state, section: first.slice(0, -1).join('.'), column: shortOf(first), rest: [] };
  }
  const rest = others.map((place) => place.at(-1) as string);
  return { state, section: second.join('.'), column: shortOf(first), rest };
}

function sectionOf(table: Table, spots: readonly Spot[]): string[] {
  const columns = [...new Set(spots.map(({ column }) => column))];
  const rows = new Map<string, { events: Event[]; cells: string[] }>();
  for (const event of EVENTS) {
    const cells = columns.map((column) =>
      cellOf(
        table,
        spots.filter((spot) => spot.column === column),
        event,
      ),
    );
    const row = rows.get(cells.join('\n')) ?? { events: [], cells };
    row.events.push(event);
    rows.set(cells.join('\n'), row);
  }
  const [{ section }] = spots as [Spot];
  return [
    `## ${section}`,
    '',
    '<table>',
    `<tr><th>event</th>${columns.map((name) => `<th>${name}</th>`).join('')}</tr>`,
    ...[...rows.values()].map(rowOf),
    '</table>',
    '',
  ];
}

/** Cells beside each other that say the same are one. */
function rowOf({ events, cells }: { events: Event[]; cells: string[] }): string {
  const runs: { text: string; width: number }[] = [];
  for (const text of cells) {
    const last = runs.at(-1);
    if (last?.text === text) last.width++;
    else runs.push({ text, width: 1 });
  }
  const span = (width: number) => (width === 1 ? '' : ` colspan="${width}"`);
  const tds = runs.map(({ text, width }) => `<td${span(width)}>${text}</td>`);
  return `<tr><td>${events.map(textOf).join('<br>')}</td>${tds.join('')}</tr>`;
}

function cellOf(table: Table, spots: readonly Spot[], event: Event): string {
  const answers = spots.map(({ state, rest }) => ({ rest, text: answerText(table, state, event) }));
  const texts = [...new Set(answers.map(({ text }) => text))];
  if (texts.length === 1) return texts[0] as string;
  const all = answers.map(({ rest }) => rest);
  return texts
    .map((text) => {
      const when = answers.filter((answer) => answer.text === text).map(({ rest }) => rest);
      return `${whenText(when, all)}: ${text}`;
    })
    .join('<br>');
}

/** Of what else may be the case, that which tells these from the others. */
function whenText(among: readonly Place[], all: readonly Place[]): string {
  const values = (places: readonly Place[], at: number) => [
    ...new Set(places.map((place) => place[at] as string)),
  ];
  const kinds = (all[0] ?? []).map((_, at) => at);
  const size = kinds.reduce((product, at) => product * values(among, at).length, 1);
  if (size !== among.length) return among.map((place) => place.join(' and ')).join(', or ');
  return kinds
    .filter((at) => values(among, at).length < values(all, at).length)
    .map((at) => values(among, at).join(' or '))
    .join(' and ');
}

/** One answer: its kind, where it leads, and what it orders. */
export function answerText(table: Table, state: number, event: Event): string {
  const { state: to, commands, answer, reason } = table.step(state, EVENTS.indexOf(event));
  const ordered = commands.map(textOf).join(', ');
  if (answer === 'absorbed') {
    return `<i>${commands.length === 0 ? 'absorbed' : 'anomaly'}</i> ${reason}`;
  }
  const moves = movesOf(table.states[state] as string, table.states[to] as string);
  const where = moves.length === 0 ? '' : ` → ${moves.join(', ')}`;
  return `<b>${answer}</b>${where}${ordered === '' ? '' : ` / ${ordered}`}`;
}

function wordsOf(): string[] {
  const rows = (words: Readonly<Record<string, string>>) =>
    Object.entries(words).map(([name, sentence]) => `| ${name} | ${sentence} |`);
  return [
    '## The words',
    '',
    '| absorbed, for the reason | that |',
    '| --- | --- |',
    ...rows(REASONS),
    '',
    '| anomaly | what it is |',
    '| --- | --- |',
    ...rows(ANOMALIES),
  ];
}

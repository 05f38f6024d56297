/** The steps of a run: drawn as messages between parties, and the same as a table. */
import type { TraceRecord } from '../../src/trace.js';
import type { Beat, Party, Wire } from '../sequence.js';
import { beatsOf, PARTIES } from '../sequence.js';
import type { Ink } from '../svg.js';
import type { Html, Piece } from './html.js';
import { html } from './html.js';
import { counted, regionOf, tableOf } from './page.js';

/** A run may be of any length, and what is wrong with it is at its end. */
const DRAWN_MAX = 60;
const LISTED_MAX = 500;

export interface Told {
  /** What the run is called, among those of its page. */
  readonly name: string;
  readonly records: readonly TraceRecord[];
  readonly wire: Wire;
  /** What came of it. */
  readonly ending: string;
}

export function stepsOf({ name, records, wire, ending }: Told): Html {
  const drawn = records.slice(-DRAWN_MAX);
  const listed = records.slice(-LISTED_MAX);
  const from = records.length - drawn.length;
  const beats = beatsOf(records, wire).slice(from);
  return html`${leftOut('drawn', drawn.length, records.length)}
${drawn.length > 0 && regionOf(`${name}, as messages`, messagesSvg(name, beats, wire, from))}
<p><strong>${ending}</strong></p>
${leftOut('listed', listed.length, records.length)}
${tableOf({
  caption: `${name}, step by step`,
  heads: ['step', 'event', 'what is ordered', 'where it stands then'],
  rows: listed.map(({ event, commands, state }, at): Piece[] => [
    records.length - listed.length + at + 1,
    event,
    commands.length === 0 ? 'nothing' : commands.join(', '),
    state,
  ]),
  code: true,
})}`;
}

function leftOut(verb: string, shown: number, all: number): Html | undefined {
  if (shown === all) return undefined;
  return html`<p>Of ${counted(all)} steps the last ${counted(shown)} are ${verb}.</p>`;
}

const LINE = 20;
const TOP = 44;
const LEFT = 100;
const APART = 330;
/** To the right of the gateway there is always room for what it does by itself. */
const GATEWAY = LEFT + APART;

/** A line of the picture: an arrow, or what the gateway does by itself. */
interface Row {
  readonly text: string;
  readonly ink: Ink;
  readonly from: Party;
  readonly to: Party;
  readonly dashed: boolean;
  /** Of the step that begins with it. */
  readonly number?: number;
}

function messagesSvg(name: string, beats: readonly Beat[], wire: Wire, from: number): Html {
  const parties = PARTIES[wire];
  const rows = beats.flatMap((beat, at) => rowsOf(beat, from + at + 1));
  const width = LEFT + 2 * APART + LEFT;
  const height = TOP + rows.length * LINE + 16;
  const xOf = (party: Party) => LEFT + Math.max(0, parties.indexOf(party)) * APART;
  return html`<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img"
 aria-label="${name}, as messages between ${parties.join(', ')}. The table says the same.">
<rect class="paper" width="100%" height="100%" rx="6"/>
${parties.map((party) => lifelineOf(party, xOf(party), height))}
${rows.map((row, at) => drawnRow(row, TOP + at * LINE + 18, xOf))}</svg>`;
}

function rowsOf({ event, from, commands, moves }: Beat, number: number): Row[] {
  const own = { from: 'gateway', to: 'gateway' } as const;
  return [
    { text: event, ink: 'event', from, to: 'gateway', dashed: false, number },
    ...commands.map(({ to, command }): Row => {
      const ink = to === 'gateway' ? 'command' : 'text';
      return { text: command, ink, from: 'gateway', to, dashed: true };
    }),
    ...moves.map((move): Row => ({ text: `→ ${move}`, ink: 'guard', ...own, dashed: false })),
  ];
}

function lifelineOf(party: Party, x: number, height: number): Html {
  return html`<path class="s-line" d="M${x} 32V${height - 8}" stroke-dasharray="3 3"/>
<rect class="f-region s-line" x="${x - 50}" y="8" width="100" height="24" rx="4"/>
<text class="f-text" x="${x}" y="24" font-size="12" text-anchor="middle">${party}</text>
`;
}

function drawnRow(row: Row, y: number, xOf: (party: Party) => number): Html {
  const { text, ink, number } = row;
  const counter =
    number !== undefined &&
    html`<text class="f-text" x="8" y="${y}" font-size="11" font-weight="bold">${number}</text>`;
  const [from, to] = [xOf(row.from), xOf(row.to)];
  if (from === to) {
    return html`${counter}<circle class="f-${ink}" cx="${GATEWAY}" cy="${y - 4}" r="3"/>
<text class="f-${ink}" x="${GATEWAY + 10}" y="${y}" font-size="11">${text}</text>
`;
  }
  const way = Math.sign(to - from);
  const dash = row.dashed && html` stroke-dasharray="5 3"`;
  const middle = (from + to) / 2;
  return html`${counter}<path class="s-${ink}" d="M${from} ${y}H${to - way * 6}"${dash}/>
<path class="f-${ink}" d="M${to} ${y}l${-way * 8} -4v8z"/>
<text class="f-${ink}" x="${middle}" y="${y - 4}" font-size="11" text-anchor="middle">${text}</text>
`;
}

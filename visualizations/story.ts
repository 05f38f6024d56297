/** Two traces of the same messages beside each other, as an SVG: the bug, and the machine. */
import type { TraceRecord } from '../src/trace.js';
import { wrapped } from './dot.js';
import type { Beat, Party } from './sequence.js';
import { beatsOf, PARTIES } from './sequence.js';
import type { Caption, Ink } from './svg.js';
import { escaped, framed } from './svg.js';

/** One side of the picture. */
export interface Side {
  readonly title: string;
  readonly records: readonly TraceRecord[];
  /** What is said below. */
  readonly ending: string;
  readonly tone: 'good' | 'bad';
}

const SIDE = 445;
const LINE = 24;
const TOP = 78;
const LIFELINES: Readonly<Partial<Record<Party, number>>> = { Envoy: 46, gateway: 262 };
const MIDDLE = ((LIFELINES.Envoy ?? 0) + (LIFELINES.gateway ?? 0)) / 2;

/** A line of the picture: an arrow, or what the gateway does by itself. */
interface Row {
  readonly kind: 'event' | 'own event' | 'command' | 'own';
  readonly text: string;
  readonly ink: Ink;
}

/** `leftOut` says which commands are not shown, of either side. */
export function storySvg(
  sides: readonly [Side, Side],
  caption: Caption,
  leftOut: (command: string) => boolean,
): string {
  const columns = sides.map((side) => rowsOf(side, leftOut));
  const beats = aligned(columns);
  const height = TOP + beats.length * LINE + 62;
  const body = sides.flatMap((side, at) => [
    `<g transform="translate(${at * SIDE} 0)">`,
    ...frameOf(side, height),
    ...beats.flatMap((row, line) => drawn(row[at], TOP + line * LINE)),
    '</g>',
  ]);
  return framed(caption, [SIDE * 2, height], body.join('\n'));
}

/** The rows of each step. What one side does more than the other, the other waits for. */
function aligned(columns: readonly (readonly Row[][])[]): (Row | undefined)[][] {
  const steps = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: steps }, (_, step) => {
    const rows = columns.map((column) => column[step] ?? []);
    const lines = Math.max(...rows.map((list) => list.length));
    return Array.from({ length: lines }, (_, line) => rows.map((list) => list[line]));
  }).flat();
}

/** Steps by what a peer says: what the gateway tells itself belongs to the one before. */
function rowsOf({ records, tone }: Side, leftOut: (command: string) => boolean): Row[][] {
  const steps: Row[][] = [];
  const beats = beatsOf(records, 'envoy');
  for (const [at, beat] of beats.entries()) {
    const last = at === beats.length - 1;
    const rows = beatRows(beat, leftOut, last ? tone : undefined);
    if (beat.from === 'gateway') steps.at(-1)?.push(...rows);
    else steps.push(rows);
  }
  return steps;
}

function beatRows(beat: Beat, leftOut: (command: string) => boolean, tone?: Ink): Row[] {
  const { event, from, commands } = beat;
  const own = (text: string): Row => {
    const ink = text.startsWith('countAnomaly') ? (tone ?? 'command') : 'command';
    return { kind: 'own', text, ink };
  };
  return [
    { kind: from === 'gateway' ? 'own event' : 'event', text: event, ink: 'event' },
    ...commands
      .filter(({ command }) => !leftOut(command))
      .map(({ to, command }): Row => {
        if (to === 'gateway') return own(command);
        return { kind: 'command', text: command, ink: tone ?? 'text' };
      }),
  ];
}

function frameOf({ title, ending, tone }: Side, height: number): string[] {
  const bottom = height - 52;
  const lines = Object.entries(LIFELINES).flatMap(([party, x]) => [
    `<rect class="f-region s-line" x="${x - 38}" y="44" width="76" height="22" rx="4"/>`,
    `<text class="f-text" x="${x}" y="59" font-size="12" text-anchor="middle">${party}</text>`,
    `<path class="s-line" d="M${x} 66V${bottom}" stroke-dasharray="3 3"/>`,
  ]);
  const said = wrapped(ending.split(' '), 54, ' ').map((line, at) =>
    text(line, { ink: tone, x: 20, y: bottom + 20 + at * 16, size: 12 }),
  );
  return [
    `<text class="f-text" x="20" y="26" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...lines,
    ...said,
  ];
}

interface Look {
  readonly ink: Ink;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly anchor?: 'middle';
}

function text(words: string, { ink, x, y, size, anchor }: Look): string {
  const where = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  const look = `class="f-${ink}" x="${x}" y="${y}" font-size="${size}"${where}`;
  return `<text ${look}>${escaped(words)}</text>`;
}

function drawn(row: Row | undefined, y: number): string[] {
  if (row === undefined) return [];
  const { kind, ink } = row;
  const [envoy, gateway] = PARTIES.envoy.map((party) => LIFELINES[party] as number) as [
    number,
    number,
  ];
  const base = y + 15;
  const words = (x: number, anchor?: 'middle') =>
    text(row.text, { ink, x, y: base - 4, size: 11, ...(anchor ? { anchor } : {}) });
  if (kind === 'own' || kind === 'own event') {
    const mark = `<circle class="f-${ink}" cx="${gateway}" cy="${base - 8}" r="3"/>`;
    return [mark, words(gateway + 9)];
  }
  const [from, to] = kind === 'event' ? [envoy, gateway] : [gateway, envoy];
  const way = Math.sign(to - from);
  const dash = kind === 'command' ? ' stroke-dasharray="5 3"' : '';
  return [
    `<path class="s-${ink}" d="M${from} ${base}H${to - way * 6}"${dash}/>`,
    `<path class="f-${ink}" d="M${to} ${base}l${-way * 8} -4v8z"/>`,
    words(MIDDLE, 'middle'),
  ];
}

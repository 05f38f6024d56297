/** The words of Graphviz: boxes, clusters and arcs as DOT, in inks for the theme to colour. */
import type { AnyStateNode } from 'xstate';
import type { Line } from './arcs.js';
import type { Ink } from './svg.js';
import { escaped, INK } from './svg.js';

/** A piece of text in one of the theme's inks. */
export interface Span {
  readonly text: string;
  readonly ink: Ink;
  readonly bold?: true;
}
/** Lines of pieces, one below the other. */
export type Cell = readonly (readonly Span[])[];

export const said = (text: string, ink: Ink = 'text'): Cell => [[{ text, ink }]];

/** A family of fonts whose letters are all as wide, so that a layout fits wherever it is seen. */
const LOOK = 'fontname="Courier" fontsize=12';

export const HEAD = `compound=true; pad=0.1; bgcolor=transparent; ranksep=0.16; nodesep=0.2;
${LOOK.replace(' ', '; ')};
node [${LOOK} shape=box style="rounded,filled" margin="0.08,0.04" height=0.3
  color="${INK.line}" fillcolor="${INK.box}"];
edge [fontname="Courier" fontsize=11 color="${INK.edge}" arrowsize=0.7];`;

function spanned({ text, ink, bold }: Span): string {
  const inner = bold ? `<B>${escaped(text)}</B>` : escaped(text);
  return `<FONT COLOR="${INK[ink]}">${inner}</FONT>`;
}

const NOTHING = '<TD></TD>';

/** A line of a cell. The last cell of a row spans the columns that the row does not have. */
function lineOf(spans: readonly Span[] | undefined, columns: number): string {
  const span = columns > 1 ? ` COLSPAN="${columns}"` : '';
  if (spans === undefined) return NOTHING.replace('<TD', `<TD${span}`);
  // A line of one piece stands a little higher than one of two, so there are always two.
  const pieces = spans.length === 1 ? [...spans, { text: ' ', ink: 'text' as const }] : spans;
  return `<TD ALIGN="LEFT" HEIGHT="15"${span}>${pieces.map(spanned).join('')}</TD>`;
}

/**
 * Rows of cells as a label. Each line of a cell is a row of Graphviz' own, since in one piece of
 * text those of two inks would stand closer to each other.
 */
export function labelOf(rows: readonly (readonly Cell[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const lines = rows.flatMap((cells, row) => {
    const height = Math.max(...cells.map((cell) => cell.length));
    const gap = row === 0 ? [] : [`<TR><TD HEIGHT="4" COLSPAN="${columns}"></TD></TR>`];
    const texts = Array.from({ length: height }, (_, at) => {
      const span = (cell: number) => (cell === cells.length - 1 ? columns - cell : 1);
      return `<TR>${cells.map((cell, i) => lineOf(cell[at], span(i))).join('')}</TR>`;
    });
    return [...gap, ...texts];
  });
  const look = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"';
  return `<<TABLE ${look}>${lines.join('')}</TABLE>>`;
}

/** Breaks a list of words into lines of at most so many letters. */
export function wrapped(words: readonly string[], letters: number, between = ', '): string[] {
  const lines: string[] = [];
  for (const [at, word] of words.entries()) {
    const piece = at === words.length - 1 ? word : word + between;
    const last = lines.at(-1);
    if (last !== undefined && (last + piece).trimEnd().length <= letters) {
      lines[lines.length - 1] = last + piece;
    } else lines.push(piece);
  }
  return lines.map((line) => line.trimEnd());
}

/** Events and guard of a line, then what it orders, each in its ink. */
export function wordsOf({ events, guard, commands }: Line, letters: number): Cell {
  const lines = wrapped(events, letters).map((text): Span[] => [{ text, ink: 'event' }]);
  return [...withGuard(lines, guard, letters), ...commandsOf(commands, letters)];
}

function withGuard(lines: readonly Span[][], guard: string | undefined, letters: number): Cell {
  if (guard === undefined) return lines;
  const last = lines.at(-1) ?? [];
  const asked: Span = { text: `[${guard}]`, ink: 'guard' };
  const length = [...last, asked].map(({ text }) => text).join(' ').length;
  if (length > letters + 4) return [...lines, [asked]];
  const gap: Span = { text: ' ', ink: 'guard' };
  return [...lines.slice(0, -1), [...last, gap, asked]];
}

export function commandsOf(commands: readonly string[], letters: number): Cell {
  return wrapped(commands, letters - 2).map((text, at) => [
    { text: `${at === 0 ? '/ ' : '  '}${text}`, ink: 'command' },
  ]);
}

export const quoted = (text: string) => JSON.stringify(text);

/** The name of a state's box, which those who hover over it see. */
export const idOf = ({ path }: AnyStateNode) => path.join('.');

/** A part of the machine with all that its states do. What they absorb is in the table. */
import type { AnyStateNode } from 'xstate';
import type { Arc, Chart, Line } from './arcs.js';
import { childrenOf, isFolded, isWithin, linesOf, textOfAction } from './arcs.js';
import type { View } from './diagram.js';
import { arcsBetween, graphOf } from './diagram.js';
import type { Cell } from './dot.js';
import { commandsOf, said, wordsOf } from './dot.js';

const LETTERS = 40;

/** A line of a state's box: where it leads, and in which other state that is. */
interface Told extends Line {
  readonly where: string;
  readonly outer: string;
}

/** Arcs within a part are drawn; what leads out of it, or stays, stands in the state's box. */
export function pictureOf(chart: Chart, parts: readonly AnyStateNode[]): string {
  const inside = ({ source, target }: Arc) =>
    target !== undefined &&
    source !== target &&
    parts.some((part) => isWithin(source, part) && isWithin(target, part));
  const told = (node: AnyStateNode) => [
    ...entriesOf(node),
    ...linesOf(chart.arcs.filter((arc) => arc.source === node && !inside(arc))).map(toldOf),
  ];
  const variants = (node: AnyStateNode) =>
    isFolded(chart, node) ? merged(childrenOf(node).map(told)) : undefined;
  const view: View = {
    folds: (node) => variants(node) !== undefined,
    rows: (node) => {
      const inner = variants(node);
      if (inner === undefined) return told(node).map(rowOf);
      const names = childrenOf(node).map(({ key }) => key);
      return [
        [said(names.join(names.length > 2 ? ' · ' : ' | '), 'command')],
        ...[...told(node), ...inner].toSorted(byWhere).map(rowOf),
      ];
    },
    letters: LETTERS,
  };
  return graphOf(view, parts, arcsBetween(view, chart.arcs.filter(inside), linesOf));
}

/** What variants do, told once: where they differ, each in its turn, or left open if many. */
function merged(variants: readonly (readonly Told[])[]): Told[] | undefined {
  const [first = []] = variants;
  if (variants.some((told) => told.length !== first.length)) return undefined;
  const lines = first.map((_, at) => mergedLine(variants.map((told) => told[at] as Told)));
  return lines.every((line) => line !== undefined) ? lines : undefined;
}

function mergedLine(lines: readonly Told[]): Told | undefined {
  const shapes = lines.map(({ events, guard, commands, outer }) =>
    JSON.stringify([events, guard, outer, commands.map((text) => text.replace(/\(.*/, ''))]),
  );
  const [first] = lines;
  if (first === undefined || new Set(shapes).size > 1) return undefined;
  const together = (of: (line: Told) => string) => mergedText(lines.map(of));
  return {
    ...first,
    where: together(({ where }) => where),
    commands: first.commands.map((_, at) => together(({ commands }) => commands[at] as string)),
  };
}

function mergedText(texts: readonly string[]): string {
  const words = texts.map((text) => text.split(/\b/));
  return (words[0] ?? [])
    .map((_, at) => [...new Set(words.map((list) => list[at]))])
    .map((word) => (word.length > 2 ? '…' : word.join(' | ')))
    .join('');
}

/** What is ordered on the way in and out comes first. */
function byWhere(one: Told, other: Told): number {
  const rank = ({ where }: Told) => ['entry', 'exit', where].indexOf(where);
  return rank(one) - rank(other);
}

function entriesOf(node: AnyStateNode): Told[] {
  const told = (where: string, list: readonly unknown[]): Told[] =>
    list.length === 0 ? [] : [{ where, outer: '', events: [], commands: list.map(textOfAction) }];
  return [...told('entry', node.entry), ...told('exit', node.exit)];
}

function toldOf(line: Line): Told {
  const { target } = line;
  if (target === undefined) return { ...line, where: 'stays', outer: '' };
  const [outer = ''] = target.path.length > 1 ? target.path : [];
  return { ...line, where: `→ ${target.key}`, outer: outer === 'settling' ? '' : outer };
}

function rowOf(told: Told): Cell[] {
  const { where, outer, events, commands } = told;
  const name = [...said(`${where}  `), ...(outer === '' ? [] : said(`  ${outer}`, 'command'))];
  return [name, events.length === 0 ? commandsOf(commands, LETTERS) : wordsOf(told, LETTERS)];
}

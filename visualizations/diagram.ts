/** States as boxes and clusters, and arcs between them, as DOT: what each picture is made of. */
import type { AnyStateNode } from 'xstate';
import type { Arc, Line } from './arcs.js';
import { childrenOf, isWithin, nodesIn } from './arcs.js';
import type { Cell, Span } from './dot.js';
import { HEAD, idOf, labelOf, quoted, said, wordsOf } from './dot.js';
import { INK } from './svg.js';

export type Rows = readonly (readonly Cell[])[];

/** How a picture sees a machine. */
export interface View {
  /** Whether a state that has states is drawn as one box all the same. */
  readonly folds: (node: AnyStateNode) => boolean;
  /** What stands in a state's box, below its name. */
  readonly rows: (node: AnyStateNode) => Rows;
  /** How many letters the label of an arc is wide. */
  readonly letters: number;
}

/** An arc as it is drawn: from box to box, or from and to a whole state that has states. */
export interface Drawn {
  readonly from: AnyStateNode;
  readonly to: AnyStateNode;
  readonly rows: Rows;
}

/** A picture of some states, of all that is in them, and of arcs. */
export function graphOf(
  view: View,
  nodes: readonly AnyStateNode[],
  arcs: readonly Drawn[],
): string {
  const within = nodes.map((node) => arcs.filter((arc) => isInside(arc, node)));
  const lines = [
    ...nodes.flatMap((node, at) => drawn(view, node, within[at] ?? [])),
    ...arcs.filter((arc) => !within.flat().includes(arc)).flatMap((arc) => arcOf(view, arc, arcs)),
    ...nodes.slice(1).flatMap((node, at) => below(view, nodes[at] as AnyStateNode, node, arcs)),
  ];
  return `digraph {\n${HEAD}\n${lines.join('\n')}\n}\n`;
}

const isInside = ({ from, to }: Drawn, node: AnyStateNode) =>
  from !== node && to !== node && isWithin(from, node) && isWithin(to, node);

/** Arcs are told in the innermost cluster that has both ends, or their labels would leave it. */
function drawn(view: View, node: AnyStateNode, arcs: readonly Drawn[]): string[] {
  const label = labelOf([[nameOf(node)], ...view.rows(node)]);
  if (isBox(view, node)) return [`${quoted(idOf(node))} [label=${label}];`];
  const look = node.parent?.type === 'parallel' ? 'region' : 'cluster';
  const inner = childrenOf(node).map((child) => arcs.filter((arc) => isInside(arc, child)));
  return [
    `subgraph ${clusterOf(node)} {`,
    `label=${label}; labeljust=l; style="rounded,filled"; margin=8;`,
    `color="${INK.line}"; fillcolor="${INK[look]}";`,
    ...childrenOf(node).flatMap((child, at) => drawn(view, child, inner[at] ?? [])),
    ...arcs.filter((arc) => !inner.flat().includes(arc)).flatMap((arc) => arcOf(view, arc, arcs)),
    ...stacked(view, node, arcs),
    '}',
  ];
}

/** Where a state that has states begins is marked, since it is where an arc to the whole leads. */
const isFirst = (node: AnyStateNode) =>
  node.parent !== undefined &&
  node.parent.type !== 'parallel' &&
  node.parent.initial.target?.[0] === node;

function nameOf(node: AnyStateNode): Cell {
  const mark: Span[] = isFirst(node) ? [{ text: '● ', ink: 'guard' }] : [];
  return [[...mark, { text: node.key, ink: 'text', bold: true }]];
}

const clusterOf = (node: AnyStateNode) => quoted(`cluster_${idOf(node)}`);
const isBox = ({ folds }: View, node: AnyStateNode) => childrenOf(node).length === 0 || folds(node);

const boxesIn = (view: View, node: AnyStateNode) =>
  nodesIn(node).filter((inner) => shownAs(view, inner) === inner);

/** The smallest region of a parallel state is below the next smallest, or all would be too wide. */
function stacked(view: View, node: AnyStateNode, arcs: readonly Drawn[]): string[] {
  if (node.type !== 'parallel') return [];
  const size = (region: AnyStateNode) => boxesIn(view, region).length;
  const [lower, upper] = childrenOf(node).toSorted((one, other) => size(one) - size(other));
  return lower === undefined || upper === undefined ? [] : below(view, upper, lower, arcs);
}

/** Arcs that nobody sees. */
function below(
  view: View,
  upper: AnyStateNode,
  lower: AnyStateNode,
  arcs: readonly Drawn[],
): string[] {
  const to = quoted(idOf(shownAs(view, lower)));
  const last = lowest(view, upper, arcs);
  return last.map((box) => `${quoted(idOf(box))} -> ${to} [style=invis];`);
}

/** The boxes of a state that nothing in it follows; of a round, the last. */
function lowest(view: View, node: AnyStateNode, arcs: readonly Drawn[]): AnyStateNode[] {
  const boxes = boxesIn(view, node);
  const inside = arcs.filter((arc) => isInside(arc, node));
  const ends = boxes.filter((box) => !inside.some(({ from }) => from === box));
  return ends.length > 0 ? ends : boxes.slice(-1);
}

/** The box that stands for a state: of one that is drawn whole, its first. */
export function shownAs(view: View, node: AnyStateNode): AnyStateNode {
  const folded = ancestorsOf(node).find(view.folds);
  if (folded !== undefined) return folded;
  if (isBox(view, node)) return node;
  const [first] = node.type === 'parallel' ? childrenOf(node) : (node.initial.target ?? []);
  return shownAs(view, first as AnyStateNode);
}

const ancestorsOf = (node: AnyStateNode): AnyStateNode[] =>
  node.parent === undefined ? [] : [...ancestorsOf(node.parent), node.parent];

/** Arcs with the same ends are one, with a line for each answer. */
export function arcsBetween(
  view: View,
  arcs: readonly Arc[],
  linesOf: (arcs: readonly Arc[]) => Line[],
): Drawn[] {
  const sources = [...new Set(arcs.map(({ source }) => source))];
  return sources.flatMap((source) => {
    const lines = linesOf(arcs.filter((one) => one.source === source));
    const ends = (line: Line) => shownAs(view, line.target as AnyStateNode);
    return [...new Set(lines.map(ends))].map((to) => {
      const rows = lines
        .filter((line) => ends(line) === to)
        .map((line): Cell[] => [[...wordsOf(line, view.letters), ...variantOf(line, to)]]);
      return { from: shownAs(view, source), to, rows };
    });
  });
}

/** Which of the states in a box an arc leads to. */
function variantOf({ target }: Line, to: AnyStateNode): Cell {
  return target === undefined || isWithin(to, target) ? [] : said(`→ ${target.key}`);
}

/**
 * The words of an arc are a box of their own, which the arc passes: Graphviz would put a label
 * beside the line, where it may cover others and leave its cluster.
 */
function arcOf(view: View, { from, to, rows }: Drawn, arcs: readonly Drawn[]): string[] {
  const ends = [lowest(view, from, arcs).at(-1) ?? from, shownAs(view, to)] as const;
  const [start, end] = ends.map((node) => quoted(idOf(node))) as [string, string];
  const tail = isBox(view, from) ? '' : ` ltail=${clusterOf(from)}`;
  const head = isBox(view, to) ? '' : ` lhead=${clusterOf(to)}`;
  if (rows.length === 0) return [`${start} -> ${end} [${tail}${head}];`];
  const words = quoted(`${idOf(from)} to ${idOf(to)}`);
  const box = `${words} [shape=plain style="" fontsize=11 label=${labelOf(rows)}];`;
  // An arc that leads back is told the other way round, or its words would be below both ends.
  return ends[0].order > ends[1].order
    ? [box, `${end} -> ${words} [dir=back${head}];`, `${words} -> ${start} [dir=none${tail}];`]
    : [box, `${start} -> ${words} [dir=none${tail}];`, `${words} -> ${end} [${head}];`];
}

/**
 * The whole machine in one picture: its states, and what changes them.
 *
 * Deadlines are left to the pictures of the parts. What leads from one part to another is told in
 * the box where it leads, since most of it comes from many states: the outcomes above all.
 */
import type { AnyStateNode } from 'xstate';
import type { Arc, Chart } from './arcs.js';
import { childrenOf, ELSE, isFolded, linesOf } from './arcs.js';
import type { Drawn, View } from './diagram.js';
import { arcsBetween, graphOf } from './diagram.js';
import type { Cell, Span } from './dot.js';
import { said, wordsOf, wrapped } from './dot.js';

const LETTERS = 76;
const isDeadline = (command: string) => /^(start|stop)Deadlines?\b/.test(command);

type Moving = Arc & { readonly target: AnyStateNode };
const isMoving = (arc: Arc): arc is Moving => arc.target !== undefined;

export function overviewOf(chart: Chart): string {
  const { root } = chart.machine;
  const moving = chart.arcs.filter(isMoving);
  const crosses = ({ source, target }: Moving) => phaseOf(source) !== phaseOf(target);
  const across = moving.filter(crosses);
  const view: View = {
    folds: (node) => isFolded(chart, node),
    rows: (node) => rowsOf(chart, across, node),
    letters: 26,
  };
  const within = moving.filter((arc) => !crosses(arc));
  return graphOf(view, childrenOf(root), [
    ...arcsBetween(view, within, (arcs) => linesOf(arcs, (text) => !isDeadline(text))),
    ...crossings(view, across),
  ]);
}

/** The phase of an exchange that a state is in: a state of the machine itself. */
function phaseOf(node: AnyStateNode): AnyStateNode {
  return node.parent?.parent === undefined ? node : phaseOf(node.parent);
}

/** Of a folded phase: each of its states, with what leads there. Of another: the states in it. */
function rowsOf(chart: Chart, across: readonly Moving[], node: AnyStateNode): Cell[][] {
  if (!isFolded(chart, node)) return [];
  const children = childrenOf(node);
  if (phaseOf(node) !== node)
    return [[said(children.map(({ key }) => key).join(' · '), 'command')]];
  const first = node.initial.target?.[0];
  const told = children.map((child) =>
    eventsInto(
      across.filter(({ target }) => target === child || (target === node && child === first)),
    ),
  );
  const common = (told[0] ?? []).filter((word) => told.every((words) => words.includes(word)));
  const rest = children.map(({ key }, at): [string, string[]] => [
    key,
    (told[at] ?? []).filter((word) => !common.includes(word)),
  ]);
  return [['each', common] as const, ...rest]
    .filter(([, words]) => words.length > 0)
    .map(([name, words]) => [
      said(`${name}  `),
      wrapped(words, LETTERS).map((text): Span[] => [{ text, ink: 'event' }]),
    ]);
}

/** The events of arcs with one target. A guard is told where it is the only one. */
function eventsInto(arcs: readonly Moving[]): string[] {
  return [...new Set(arcs.map(({ event }) => event))].map((event) => {
    const guards = new Set(arcs.filter((arc) => arc.event === event).map(({ guard }) => guard));
    const [guard] = guards;
    return guards.size === 1 && guard !== undefined && guard !== ELSE
      ? `${event} [${guard}]`
      : event;
  });
}

/** One arc from part to part. To a phase that tells its ways in, it has no label. */
function crossings(view: View, across: readonly Moving[]): Drawn[] {
  const pairs = new Map<string, Moving[]>();
  for (const arc of across) {
    const key = `${phaseOf(arc.source).id} ${phaseOf(arc.target).id}`;
    pairs.set(key, [...(pairs.get(key) ?? []), arc]);
  }
  return [...pairs.values()].map((arcs) => {
    const [{ source, target }] = arcs as [Moving];
    const to = phaseOf(target);
    const lines = view.folds(to) ? [] : linesOf(arcs.filter((arc) => arc.source === source));
    const rows = lines.map((line): Cell[] => [wordsOf(line, view.letters)]);
    return { from: phaseOf(source), to, rows };
  });
}

/**
 * The machine as a Mermaid state diagram, derived from the machine itself. Pure: text out.
 *
 * What is absorbed is left out, since it changes nothing, and so are deadlines. An arc that decides
 * the outcome ends at the one state `settling`, and the outcome stands on the arc.
 */
import type { AnyStateNode } from 'xstate';
import type { Chart, Line } from './arcs.js';
import { childrenOf, linesOf, nodesIn } from './arcs.js';

/** Phases whose inside is one state for each outcome: drawn as one state each. */
const BY_OUTCOME = ['settling', 'processed'];
const isDeadline = (command: string) => /^(start|stop)Deadlines?\b/.test(command);

export function stateDiagramOf({ machine: { root }, arcs }: Chart): string {
  const labels = new Map<string, Set<string>>();
  for (const node of nodesIn(root)) {
    const own = arcs.filter(({ source, target }) => source === node && target !== undefined);
    for (const line of linesOf(own, (command) => !isDeadline(command))) {
      const ends = `${nameOf(node)} --> ${nameOf(line.target as AnyStateNode)}`;
      labels.set(ends, (labels.get(ends) ?? new Set()).add(labelOf(line)));
    }
  }
  const lines = [...labels].map(([ends, among]) => `  ${ends} : ${[...among].join('<br/>')}`);
  return `stateDiagram-v2\n${inside(root, '  ').join('\n')}\n${lines.join('\n')}\n`;
}

function labelOf({ events, guard, commands, target }: Line): string {
  const [phase = ''] = target?.path ?? [];
  const asked = guard === undefined ? '' : ` [${guard}]`;
  // From each outcome its record leads to the same outcome, so there it goes without saying.
  const decides = phase === 'settling' ? ` → ${target?.key}` : '';
  const ordered = commands.length === 0 || decides !== '' ? '' : ` / ${commands.join(', ')}`;
  return `${events.join(', ')}${asked}${ordered}${decides}`;
}

/** The states in a state, as nested boxes; the regions of a parallel state beside each other. */
function inside(node: AnyStateNode, indent: string): string[] {
  const boxes = childrenOf(node).map((child) => {
    const head = `${indent}state "${child.key}" as ${nameOf(child)}`;
    const whole = childrenOf(child).length === 0 || BY_OUTCOME.includes(child.key);
    return whole ? [head] : [`${head} {`, ...inside(child, `${indent}  `), `${indent}}`];
  });
  if (node.type === 'parallel') {
    return boxes.flatMap((box, at) => (at === 0 ? box : [`${indent}--`, ...box]));
  }
  const [first] = node.initial.target ?? [];
  const start = first === undefined ? [] : [`${indent}[*] --> ${nameOf(first)}`];
  return [...start, ...boxes.flat()];
}

/** Mermaid takes no dots in a name. */
function nameOf({ path }: AnyStateNode): string {
  const [phase = ''] = path;
  return BY_OUTCOME.includes(phase) ? phase : path.join('_');
}

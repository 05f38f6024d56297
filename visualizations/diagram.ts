/**
 * The machine as a Mermaid state diagram, derived from the machine itself. Pure: text out.
 *
 * What is absorbed is left out, since it changes nothing. An arc that decides the outcome ends at
 * the one state `settling`, and the outcome stands on the arc.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** Phases whose inside is one state for each outcome: drawn as one state each. */
const BY_OUTCOME = ['settling', 'processed'];

export function renderDiagram({ root }: AnyStateMachine): string {
  const arcs = new Map<string, Set<string>>();
  collectArcs(root, arcs);
  const lines = [...arcs].map(([ends, labels]) => `  ${ends} : ${[...labels].join(', ')}`);
  return `stateDiagram-v2\n${inside(root, '  ').join('\n')}\n${lines.join('\n')}\n`;
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

function collectArcs(node: AnyStateNode, arcs: Map<string, Set<string>>): void {
  for (const transition of [...node.transitions.values()].flat()) {
    for (const target of transition.target ?? []) {
      const ends = `${nameOf(node)} --> ${nameOf(target)}`;
      const decides = target.path[0] === 'settling';
      const label = decides ? `${transition.eventType} → ${target.key}` : transition.eventType;
      arcs.set(ends, (arcs.get(ends) ?? new Set()).add(label));
    }
  }
  for (const child of childrenOf(node)) collectArcs(child, arcs);
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states);
}

/** Mermaid takes no dots in a name. */
function nameOf({ path }: AnyStateNode): string {
  const [phase = ''] = path;
  return BY_OUTCOME.includes(phase) ? phase : path.join('_');
}

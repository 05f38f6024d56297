/**
 * Judging what is claimed of whole runs: `eventually`, under the fairness that a claim states, and
 * that no run stops before its exchange is over.
 *
 * A claim is broken by a run that owes for ever although the world is fair. In a finite graph such a
 * run ends in a cycle, so it is looked for in the strongly connected components of what owes, and
 * given as a lasso: events up to the cycle, then the cycle, which can be gone round for ever.
 */
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Eventuality, Fairness } from '../../machines/properties.js';
import type { TraceRecord } from '../trace.js';
import { componentsOf, OUTSIDE } from './components.js';
import type { Graph, Run } from './explore.js';
import { runOf } from './explore.js';
import type { Product } from './product.js';
import { NOTHING, productOf } from './product.js';

/** A run for ever: `prefix`, then `cycle` again and again. After an empty cycle the world is silent. */
export interface Lasso {
  readonly prefix: readonly Event[];
  readonly cycle: readonly Event[];
  /** What the machine makes of the prefix and of one round, run on its table once more. */
  readonly trace: readonly TraceRecord[];
}

export interface LivenessVerdict {
  readonly claim: Eventuality;
  readonly holds: boolean;
  /** How many triples were seen of node, the claim's memory, and what is waited for. */
  readonly states: number;
  /** A fair run that owes for ever, by the shortest way to its cycle. */
  readonly lasso?: Lasso;
}

/** Whether every fair run of `graph` pays what it owes. */
export function judgeEventually(graph: Graph, claim: Eventuality): LivenessVerdict {
  const product = productOf(graph, claim, claim.fairness);
  const { owes } = product;
  const states = product.firstEdge.length - 1;
  const components = componentsOf(product, owes);
  const fair = fairOf(product, components);
  for (let node = 0; node < states; node++) {
    if (!owes(node)) continue;
    const silent = mayFallSilent(product, node);
    if (!silent && !fair.has(components[node] as number)) continue;
    const cycle = silent ? [] : roundOf(product, components, node);
    return { claim, holds: false, states, lasso: lassoOf(graph, product, node, cycle) };
  }
  return { claim, holds: true, states };
}

/** Whether a run may stop here: nobody has to speak, or nobody can. */
function mayFallSilent({ firstEdge, waits }: Product, node: number): boolean {
  return !waits(node) || firstEdge[node] === firstEdge[node + 1];
}

/** Whether every run of `graph` can go on fairly for ever. Where it cannot, claims are hollow. */
export function isFeasible(graph: Graph, fairness: readonly Fairness[]): boolean {
  const product = productOf(graph, NOTHING, fairness);
  const components = componentsOf(product, () => true);
  const live = fairOf(product, components);
  const { firstEdge, nodeAfter } = product;
  const members = membersOf(components);
  // A component is numbered after all that it leads to, so those are known already.
  for (const [component, nodes] of members.entries()) {
    const leads = nodes.some((node) => {
      if (!product.waits(node)) return true;
      for (let edge = firstEdge[node] as number; edge < (firstEdge[node + 1] as number); edge++) {
        if (live.has(components[nodeAfter[edge] as number] as number)) return true;
      }
      return false;
    });
    if (leads) live.add(component);
  }
  return live.size === members.length;
}

export interface DeadlockVerdict {
  readonly holds: boolean;
  /** A shortest run after which nothing may come, or nothing leads to the end any more. */
  readonly run?: Run;
}

const isProcessed = (state: string) => state.startsWith('processed');

/** Whether the environment lets something come at every node whose state is not over. */
export function judgeDeadlock(graph: Graph, isOver = isProcessed): DeadlockVerdict {
  const { firstEdge, stateAt, table } = graph;
  return firstNode(
    graph,
    (node) =>
      firstEdge[node] === firstEdge[node + 1] &&
      !isOver(table.states[stateAt[node] as number] as string),
  );
}

/** Whether from every node some run leads to a state that is over: there is no trap. */
export function judgeTraps(graph: Graph, isOver = isProcessed): DeadlockVerdict {
  const { stateAt, table } = graph;
  const over = Uint8Array.from(stateAt, (state) => (isOver(table.states[state] as string) ? 1 : 0));
  for (let changed = true; changed; ) {
    changed = false;
    for (let node = graph.states - 1; node >= 0; node--) {
      if (over[node] === 1 || !leadsTo(graph, node, over)) continue;
      over[node] = 1;
      changed = true;
    }
  }
  return firstNode(graph, (node) => over[node] === 0);
}

function leadsTo({ firstEdge, nodeAfter }: Graph, node: number, over: Uint8Array): boolean {
  for (let edge = firstEdge[node] as number; edge < (firstEdge[node + 1] as number); edge++) {
    if (over[nodeAfter[edge] as number] === 1) return true;
  }
  return false;
}

/** Nodes are numbered as breadth-first search found them, so the first is a nearest one. */
function firstNode(graph: Graph, bad: (node: number) => boolean): DeadlockVerdict {
  for (let node = 0; node < graph.states; node++) {
    if (!bad(node)) continue;
    const product = productOf(graph, NOTHING, []);
    return { holds: false, run: runOf(graph.table, product.eventsTo(node)) };
  }
  return { holds: true };
}

/** The components in which a run can stay for ever and be fair. */
function fairOf(product: Product, components: Int32Array): Set<number> {
  const keptIn = new Map<number, number>();
  for (const [node, component] of components.entries()) {
    if (component === OUTSIDE) continue;
    for (const edge of edgesWithin(product, components, node)) {
      keptIn.set(component, (keptIn.get(component) ?? 0) | (product.kept[edge] as number));
    }
  }
  const fair = [...keptIn].filter(([, kept]) => kept === product.everyFairness);
  return new Set(fair.map(([component]) => component));
}

function* edgesWithin(
  { firstEdge, nodeAfter }: Product,
  components: Int32Array,
  node: number,
): Generator<number> {
  for (let edge = firstEdge[node] as number; edge < (firstEdge[node + 1] as number); edge++) {
    if (components[nodeAfter[edge] as number] === components[node]) yield edge;
  }
}

function membersOf(components: Int32Array): number[][] {
  const members: number[][] = [];
  for (const [node, component] of components.entries()) {
    members[component] ??= [];
    members[component].push(node);
  }
  return members;
}

/** The edges of one round from `start` within its component that keeps every fairness. */
function roundOf(product: Product, components: Int32Array, start: number): number[] {
  const round: number[] = [];
  let at = start;
  let kept = 0;
  const go = (way: readonly number[]) => {
    for (const edge of way) {
      round.push(edge);
      kept |= product.kept[edge] as number;
      at = product.nodeAfter[edge] as number;
    }
  };
  const way = (wanted: (edge: number) => boolean) => nearest(product, components, at, wanted);
  while (kept !== product.everyFairness) {
    const missing = product.everyFairness & ~kept;
    const keeps = (edge: number) => (product.kept[edge] as number) & missing;
    // One step that keeps all that is missing tells a plainer story than several that share it.
    const whole = way((edge) => keeps(edge) === missing);
    go(whole.length > 0 ? whole : way((edge) => keeps(edge) !== 0));
  }
  if (at !== start || round.length === 0) go(way((edge) => product.nodeAfter[edge] === start));
  return round;
}

/** The shortest way within a component through an edge that is wanted; empty if there is none. */
function nearest(
  product: Product,
  components: Int32Array,
  start: number,
  wanted: (edge: number) => boolean,
): number[] {
  const ways = new Map<number, number[]>([[start, []]]);
  // A map takes new entries while it is iterated, in order, which makes this breadth first.
  for (const [node, way] of ways) {
    for (const edge of edgesWithin(product, components, node)) {
      if (wanted(edge)) return [...way, edge];
      const to = product.nodeAfter[edge] as number;
      if (!ways.has(to)) ways.set(to, [...way, edge]);
    }
  }
  return [];
}

function lassoOf(graph: Graph, product: Product, node: number, round: readonly number[]): Lasso {
  const prefix = product.eventsTo(node);
  const cycle = round.map((edge) => EVENTS[product.codeOn[edge] as number] as Event);
  return { prefix, cycle, trace: runOf(graph.table, [...prefix, ...cycle]).trace };
}

/**
 * Where an exchange of a log may stand: a node is a state of the machine together with what the
 * environment remembers, and a belief is the set of nodes that are possible after what was seen.
 *
 * The machine alone answers every event, so what is refused is defined here: what the environment
 * does not let come, what the machine answers as a violation, and, if asked for, anomalies.
 */
import type { Environment } from '../../../machines/environments.js';
import type { Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import type { Table } from '../../table.js';
import { wordOf } from '../../trace.js';
import type { Graph } from '../explore.js';
import { explore } from '../explore.js';

/** Why an event is refused. */
export const REFUSALS = {
  environment: 'the environment does not let it come here',
  violation: 'the machine answers it as a violation of the protocol',
  anomaly: 'the machine absorbs it as an anomaly, and anomalies are refused',
} as const;
export type Refusal = keyof typeof REFUSALS;
const REFUSED: readonly Refusal[] = ['environment', 'violation', 'anomaly'];

export interface SpaceOptions {
  readonly table: Table;
  readonly environment: Environment;
  /** Whether an event that the machine answers as a violation is refused. */
  readonly violations: boolean;
  /** Whether an event that the machine counts as an anomaly is refused. */
  readonly anomalies: boolean;
}

export const WIDTH = EVENTS.length;
const ALL: readonly number[] = EVENTS.map((_, code) => code);

/** All nodes, with where each event leads from each. Node 0 is the start. */
export class Space {
  readonly table: Table;
  readonly environment: Environment;
  readonly size: number;
  /** The node after each event at each node; below 0, why it is refused. */
  readonly after: Int32Array;
  readonly #stateAt: Int32Array;

  constructor({ table, environment, violations, anomalies }: SpaceOptions) {
    const graph = graphOf(table, environment);
    this.table = table;
    this.environment = environment;
    this.size = graph.states;
    this.#stateAt = graph.stateAt;
    this.after = new Int32Array(graph.states * WIDTH).fill(numberOf('environment'));
    for (let node = 0; node < graph.states; node++) {
      const to = graph.firstEdge[node + 1] as number;
      for (let edge = graph.firstEdge[node] as number; edge < to; edge++) {
        const code = graph.codeOn[edge] as number;
        const { answer } = table.step(this.stateOf(node), code);
        let then = graph.nodeAfter[edge] as number;
        if (violations && answer === 'violation') then = numberOf('violation');
        if (anomalies && this.anomalyAt(node, code) !== undefined) then = numberOf('anomaly');
        this.after[node * WIDTH + code] = then;
      }
    }
  }

  stateOf(node: number): number {
    return this.#stateAt[node] as number;
  }

  nameOf(node: number): string {
    return this.table.states[this.stateOf(node)] as string;
  }

  /** Whether the outcome is known here, so that only what is late may follow. */
  isOver(node: number): boolean {
    return /^(reading|settling|processed)\b/.test(this.nameOf(node));
  }

  isProcessed(node: number): boolean {
    return this.nameOf(node).startsWith('processed.');
  }

  refusalAt(node: number, code: number): Refusal | undefined {
    const then = this.after[node * WIDTH + code] as number;
    return then < 0 ? REFUSED[-1 - then] : undefined;
  }

  /** The anomaly that the machine counts when this event comes here. */
  anomalyAt(node: number, code: number): string | undefined {
    for (const command of this.table.step(this.stateOf(node), code).commands) {
      if (command.type === 'countAnomaly') return command.anomaly;
    }
    return undefined;
  }

  /** The events that are legal at one of the nodes, among those with these codes. */
  legalAt(nodes: readonly number[], among: readonly number[] = ALL): string[] {
    const legal = among.filter((code) =>
      nodes.some((node) => this.after[node * WIDTH + code]! >= 0),
    );
    return legal.map(textOfCode);
  }
}

const graphs = new WeakMap<Table, Map<Environment, Graph>>();

/** Explored once for each pair: it is the slowest part of a validation that is short. */
function graphOf(table: Table, environment: Environment): Graph {
  const known = graphs.get(table) ?? new Map<Environment, Graph>();
  graphs.set(table, known);
  const graph = known.get(environment) ?? explore(table, environment);
  known.set(environment, graph);
  return graph;
}

function numberOf(refusal: Refusal): number {
  return -1 - REFUSED.indexOf(refusal);
}

export function textOfCode(code: number): string {
  return wordOf(EVENTS[code] as Event);
}

/** What an event makes of a belief, and the anomalies of which one is certain. */
interface Sighting {
  readonly belief: Belief;
  readonly anomaly: string | undefined;
}

/** A set of nodes. There is one object for each set, and each remembers what it has worked out. */
export class Belief {
  readonly words: Uint32Array;
  readonly empty: boolean;
  closed: Belief | undefined;
  over: boolean | undefined;
  sightings: (Sighting | undefined)[] = [];

  constructor(words: Uint32Array) {
    this.words = words;
    this.empty = words.every((word) => word === 0);
  }

  *nodes(): Generator<number> {
    for (const [place, word] of this.words.entries()) {
      for (let left = word; left !== 0; left &= left - 1) {
        yield place * 32 + 31 - Math.clz32(left & -left);
      }
    }
  }
}

/** How many sets are remembered before all is forgotten and worked out anew: it bounds memory. */
const SETS_MAX = 8192;

/** The beliefs over a space, where some events may happen without being seen. */
export class Beliefs {
  readonly space: Space;
  readonly start: Belief;
  readonly anywhere: Belief;
  readonly nothing: Belief;
  readonly #unseen: readonly number[];
  #known = new Map<string, Belief>();

  constructor(space: Space, unseen: readonly number[]) {
    this.space = space;
    this.#unseen = unseen;
    this.start = this.of([0]);
    this.nothing = this.of([]);
    this.anywhere = this.of(Array.from({ length: space.size }, (_, node) => node));
  }

  of(nodes: Iterable<number>): Belief {
    const words = new Uint32Array((this.space.size + 31) >> 5);
    for (const node of nodes) words[node >> 5] = (words[node >> 5] as number) | (1 << (node & 31));
    const key = String.fromCharCode(...new Uint16Array(words.buffer));
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= SETS_MAX) this.#forget();
    const made = new Belief(words);
    this.#known.set(key, made);
    return made;
  }

  /** With all that may have happened unseen. */
  closed(belief: Belief): Belief {
    belief.closed ??= this.#close(belief);
    return belief.closed;
  }

  after(belief: Belief, code: number): Belief {
    return this.sighting(belief, code).belief;
  }

  sighting(belief: Belief, code: number): Sighting {
    belief.sightings[code] ??= this.#see(belief, code);
    return belief.sightings[code];
  }

  either(one: Belief, other: Belief): Belief {
    return one === other ? one : this.of([...one.nodes(), ...other.nodes()]);
  }

  /** Whether the outcome is known, whatever happened unseen. */
  isOver(belief: Belief): boolean {
    belief.over ??= [...this.closed(belief).nodes()].every((node) => this.space.isOver(node));
    return belief.over;
  }

  #close(belief: Belief): Belief {
    const found = [...belief.nodes()];
    const seen = new Set(found);
    for (let at = 0; at < found.length; at++) {
      const row = (found[at] as number) * WIDTH;
      for (const code of this.#unseen) {
        const then = this.space.after[row + code] as number;
        if (then < 0 || seen.has(then)) continue;
        seen.add(then);
        found.push(then);
      }
    }
    return this.of(found);
  }

  #see(belief: Belief, code: number): Sighting {
    const then: number[] = [];
    const names = new Set<string | undefined>();
    for (const node of this.closed(belief).nodes()) {
      const to = this.space.after[node * WIDTH + code] as number;
      if (to < 0) continue;
      then.push(to);
      names.add(this.space.anomalyAt(node, code));
    }
    // Where one possible past explains the event without an anomaly, none is certain.
    const certain = names.size > 0 && !names.has(undefined);
    return { belief: this.of(then), anomaly: certain ? [...names].join(' or ') : undefined };
  }

  /** What is in use stays alive through those that use it; what they lead to is worked out again. */
  #forget(): void {
    for (const belief of this.#known.values()) {
      belief.closed = undefined;
      belief.sightings = [];
    }
    this.#known = new Map();
  }
}

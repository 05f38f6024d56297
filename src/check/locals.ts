/** One exchange among others: its table, its world, and what it holds of what a gateway shares. */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { codeOf, EVENTS } from '../../machines/events.js';
import type { Memory } from '../../machines/properties.js';
import { InterlockError } from '../errors.js';
import type { Table } from '../table.js';
import { stepAt } from './explore.js';
import type { Gateway, Local } from './sharing.js';
import { begins } from './sharing.js';

/** What it takes for an edge to be open: that one resource has so many units left, or has not. */
export interface Room {
  readonly resource: number;
  readonly units: number;
  readonly there: boolean;
}

export interface LocalEdge {
  readonly code: number;
  readonly to: number;
  /** Absent where the edge takes nothing. */
  readonly room?: Room;
}

/** All that one exchange can be and do, as far as the gateway tells it apart. Node 0 is the start. */
export interface Locals {
  readonly table: Table;
  readonly gateway: Gateway;
  readonly nodes: readonly Local[];
  readonly edges: readonly (readonly LocalEdge[])[];
  /** Where the gateway's broadcast leads from each node. */
  readonly broadcast: Int32Array;
}

export interface LocalOptions {
  readonly table: Table;
  readonly environment: Environment;
  readonly gateway: Gateway;
  /** What may come at all. Fewer events make a smaller product, and a weaker claim. */
  readonly events?: readonly Event[];
}

interface Node {
  readonly state: number;
  readonly world: Memory;
  readonly told: boolean;
  readonly begun: boolean;
  readonly memories: readonly Memory[];
}

/** Explores one exchange, with every answer that a gateway can give it for want of room. */
export function localsOf(options: LocalOptions): Locals {
  const { table, environment, gateway, events = EVENTS } = options;
  const codes = events.map(codeOf).filter((code) => EVENTS[code] !== gateway.broadcast);
  const search = new Search(options);
  const edges: LocalEdge[][] = [];
  const broadcast: number[] = [];
  for (let at = 0; at < search.nodes.length; at++) {
    const node = search.nodes[at] as Node;
    const local = localOf(table, gateway, node);
    const own: LocalEdge[] = [];
    for (const code of codes) {
      const event = EVENTS[code] as Event;
      if (!environment.allows(node.world, event) || !gateway.admits(local, event)) continue;
      own.push(...search.edgesOn(node, code));
    }
    edges.push(own);
    broadcast.push(gateway.reaches(local) ? search.told(node, at) : at);
  }
  const nodes = search.nodes.map((node) => localOf(table, gateway, node));
  return { table, gateway, nodes, edges, broadcast: Int32Array.from(broadcast) };
}

function localOf(table: Table, gateway: Gateway, node: Node): Local {
  const state = table.states[node.state] as string;
  return {
    state,
    over: state.startsWith('processed') || !node.begun,
    begun: node.begun,
    told: node.told,
    units: unitsOf(gateway, node.memories),
  };
}

const unitsOf = ({ resources }: Gateway, memories: readonly Memory[]) =>
  resources.map(({ units }, place) => units(memories[place] as Memory));

class Search {
  readonly nodes: Node[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #options: LocalOptions;

  constructor(options: LocalOptions) {
    this.#options = options;
    const memories = options.gateway.resources.map(() => 0);
    const world = options.environment.initial;
    this.#numberOf({ state: 0, world, told: false, begun: false, memories });
  }

  /** One edge where nothing is taken; else one with room and, if it need not wait, one without. */
  edgesOn(node: Node, code: number): LocalEdge[] {
    const { gateway } = this.#options;
    const whole = this.#after(node, code, -1);
    const before = unitsOf(gateway, node.memories);
    const taken = unitsOf(gateway, whole.memories).map((units, at) => units - (before[at] ?? 0));
    const bounded = taken.flatMap((units, at) =>
      units > 0 && Number.isFinite(gateway.resources[at]?.capacity) ? [at] : [],
    );
    const [resource] = bounded;
    if (resource === undefined) return [{ code, to: this.#numberOf(whole) }];
    if (bounded.length > 1) {
      throw new InterlockError('INTERLOCK_BAD_OPTION', 'a step takes from one resource at most');
    }
    const units = taken[resource] as number;
    const edges = [{ code, to: this.#numberOf(whole), room: { resource, units, there: true } }];
    if (gateway.resources[resource]?.without === undefined) return edges;
    const less = this.#numberOf(this.#after(node, code, resource));
    return [...edges, { code, to: less, room: { resource, units, there: false } }];
  }

  /** Where the broadcast leads, which the gateway sends whatever the peers of this exchange do. */
  told(node: Node, at: number): number {
    const { gateway } = this.#options;
    if (gateway.broadcast === undefined) return at;
    return this.#numberOf({ ...this.#after(node, codeOf(gateway.broadcast), -1), told: true });
  }

  #after(node: Node, code: number, without: number): Node {
    const { table, environment, gateway } = this.#options;
    const step = stepAt(table, node.state, code);
    const memories = gateway.resources.map((resource, place) => {
      const next = place === without ? resource.without : undefined;
      return (next ?? resource.next)(node.memories[place] as Memory, step);
    });
    return {
      state: table.step(node.state, code).state,
      world: environment.next(node.world, step),
      told: node.told,
      begun: node.begun || begins(EVENTS[code] as Event),
      memories,
    };
  }

  #numberOf(node: Node): number {
    const { state, world, told, begun, memories } = node;
    const key = `${state} ${world} ${told} ${begun} ${memories.join(' ')}`;
    const known = this.#numbers.get(key) ?? this.nodes.push(node) - 1;
    this.#numbers.set(key, known);
    return known;
  }
}

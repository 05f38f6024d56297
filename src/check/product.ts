/** A graph beside what a claim remembers and what is waited for: where `eventually` is judged. */
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import { OWED } from '../../machines/properties/monitor.js';
import type { Eventuality, Fairness, Memory, Step } from '../../machines/properties.js';
import type { Edges } from './components.js';
import type { Graph } from './explore.js';

/** Its nodes are numbered as breadth-first search finds them; 0 is the start. */
export interface Product extends Edges {
  readonly firstEdge: readonly number[];
  readonly nodeAfter: readonly number[];
  readonly codeOn: readonly number[];
  /** On each edge, a bit per fairness that the step keeps. */
  readonly kept: readonly number[];
  readonly everyFairness: number;
  /** At each node, whether something is owed. */
  readonly owes: (node: number) => boolean;
  /** At each node, whether something is waited for. */
  readonly waits: (node: number) => boolean;
  /** A shortest run to a node. */
  readonly eventsTo: (node: number) => Event[];
}

/** Something that owes nothing, for whoever asks about the world alone. */
export const NOTHING: Pick<Eventuality, 'initial' | 'next'> = { initial: 0, next: () => 0 };

export function productOf(
  graph: Graph,
  claim: Pick<Eventuality, 'initial' | 'next'>,
  fairness: readonly Fairness[],
): Product {
  const minds = new Minds(graph.steps, claim, fairness);
  const [places, mindAt, firstEdge, edgeTo, parent] = [[0], [0], [0], [-1], [-1]];
  const [nodeAfter, codeOn, kept]: [number[], number[], number[]] = [[], [], []];
  /** Per mind, the number of each node of the graph, from 1; 0 is none yet. */
  const numbers: Int32Array[] = [new Int32Array(graph.states)];
  (numbers[0] as Int32Array)[0] = 1;

  for (let node = 0; node < places.length; node++) {
    const place = places[node] as number;
    const mind = mindAt[node] as number;
    const last = graph.firstEdge[place + 1] as number;
    for (let edge = graph.firstEdge[place] as number; edge < last; edge++) {
      const code = graph.codeOn[edge] as number;
      const cell = (graph.stateAt[place] as number) * EVENTS.length + code;
      const then = minds.after(mind, cell);
      const to = graph.nodeAfter[edge] as number;
      numbers[then] ??= new Int32Array(graph.states);
      const known = numbers[then];
      if (known[to] === 0) {
        known[to] = places.push(to);
        mindAt.push(then);
        edgeTo.push(codeOn.length);
        parent.push(node);
      }
      nodeAfter.push((known[to] as number) - 1);
      codeOn.push(code);
      kept.push(minds.kept(mind, cell));
    }
    firstEdge.push(codeOn.length);
  }
  return {
    firstEdge,
    nodeAfter,
    codeOn,
    kept,
    everyFairness: (1 << fairness.length) - 1,
    owes: (node) => minds.owes(mindAt[node] as number),
    waits: (node) => minds.waits(mindAt[node] as number),
    eventsTo: (node) => {
      const events: Event[] = [];
      for (let at = node; at > 0; at = parent[at] as number) {
        events.push(EVENTS[codeOn[edgeTo[at] as number] as number] as Event);
      }
      return events.reverse();
    },
  };
}

const UNASKED = -1;

/** A claim's memory with what is waited for: a mind. Each is asked once about each step. */
class Minds {
  readonly #memories: Memory[];
  /** Per mind, a bit per fairness that is waited for. */
  readonly #waits = [0];
  readonly #numbers = new Map<string, number>();
  readonly #after: Int32Array[] = [];
  readonly #kept: Int32Array[] = [];
  readonly #steps: readonly Step[];
  readonly #next: Eventuality['next'];
  readonly #fairness: readonly Fairness[];

  constructor(
    steps: readonly Step[],
    { initial, next }: Pick<Eventuality, 'initial' | 'next'>,
    fairness: readonly Fairness[],
  ) {
    this.#memories = [initial];
    this.#numbers.set(`${initial} 0`, 0);
    this.#steps = steps;
    this.#next = next;
    this.#fairness = fairness;
  }

  owes(mind: number): boolean {
    return ((this.#memories[mind] as Memory) & OWED) !== 0;
  }

  waits(mind: number): boolean {
    return this.#waits[mind] !== 0;
  }

  /** The mind after the step in this cell. */
  after(mind: number, cell: number): number {
    this.#after[mind] ??= new Int32Array(this.#steps.length).fill(UNASKED);
    if (this.#after[mind][cell] === UNASKED) this.#ask(mind, cell);
    return this.#after[mind][cell] as number;
  }

  /** Which fairness the step in this cell keeps, once `after` was asked. */
  kept(mind: number, cell: number): number {
    return this.#kept[mind]?.[cell] as number;
  }

  #ask(mind: number, cell: number): void {
    const step = this.#steps[cell] as Step;
    const memory = this.#next(this.#memories[mind] as Memory, step);
    let waits = 0;
    let kept = 0;
    for (const [place, item] of this.#fairness.entries()) {
      const bit = 1 << place;
      const waited = item.waits(((this.#waits[mind] as number) & bit) !== 0, step);
      if (waited) waits |= bit;
      if (!waited || item.renews(step)) kept |= bit;
    }
    const key = `${memory} ${waits}`;
    const known = this.#numbers.get(key) ?? this.#memories.push(memory) - 1;
    this.#numbers.set(key, known);
    this.#waits[known] = waits;
    (this.#after[mind] as Int32Array)[cell] = known;
    this.#kept[mind] ??= new Int32Array(this.#steps.length);
    this.#kept[mind][cell] = kept;
  }
}

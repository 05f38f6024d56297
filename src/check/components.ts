/**
 * Strongly connected components of a graph in flat arrays (Tarjan, 1972), without recursion: a run
 * of a model is longer than a call stack is deep.
 */

/** The edges of node `n` lead from `firstEdge[n]` up to `firstEdge[n + 1]` to `nodeAfter`. */
export interface Edges {
  readonly firstEdge: ArrayLike<number>;
  readonly nodeAfter: ArrayLike<number>;
}

/** A node that is left out is in no component. */
export const OUTSIDE = -1;

/**
 * The component of each node that is `inside`, in the subgraph of those nodes. Components are
 * numbered from 0, each after all that it leads to.
 */
export function componentsOf(edges: Edges, inside: (node: number) => boolean): Int32Array {
  const size = edges.firstEdge.length - 1;
  const components = new Int32Array(size).fill(OUTSIDE);
  const search = new Search(edges, inside, components);
  for (let node = 0; node < size; node++) {
    if (inside(node)) search.from(node);
  }
  return components;
}

class Search {
  readonly #edges: Edges;
  readonly #inside: (node: number) => boolean;
  readonly #components: Int32Array;
  /** When each node was found, from 1, and the earliest found node that it leads back to. */
  readonly #found: Int32Array;
  readonly #low: Int32Array;
  readonly #nextEdge: Int32Array;
  /** Found, and in no component yet. */
  readonly #open: number[] = [];
  #time = 0;
  #count = 0;

  constructor(edges: Edges, inside: (node: number) => boolean, components: Int32Array) {
    this.#edges = edges;
    this.#inside = inside;
    this.#components = components;
    this.#found = new Int32Array(components.length);
    this.#low = new Int32Array(components.length);
    this.#nextEdge = new Int32Array(components.length);
  }

  from(root: number): void {
    if (this.#found[root] !== 0) return;
    const path = [root];
    this.#enter(root);
    while (path.length > 0) {
      const node = path.at(-1) as number;
      const to = this.#follow(node);
      if (to !== undefined) {
        path.push(to);
        this.#enter(to);
        continue;
      }
      path.pop();
      if (this.#low[node] === this.#found[node]) this.#close(node);
      const above = path.at(-1);
      if (above !== undefined) this.#reach(above, this.#low[node] as number);
    }
  }

  #enter(node: number): void {
    this.#found[node] = this.#low[node] = ++this.#time;
    this.#nextEdge[node] = this.#edges.firstEdge[node] as number;
    this.#open.push(node);
  }

  /** The next node to enter from here, if there is one. */
  #follow(node: number): number | undefined {
    const { firstEdge, nodeAfter } = this.#edges;
    const end = firstEdge[node + 1] as number;
    while ((this.#nextEdge[node] as number) < end) {
      const to = nodeAfter[(this.#nextEdge[node] as number)++] as number;
      if (!this.#inside(to)) continue;
      if (this.#found[to] === 0) return to;
      if (this.#components[to] === OUTSIDE) this.#reach(node, this.#found[to] as number);
    }
    return undefined;
  }

  #reach(node: number, time: number): void {
    this.#low[node] = Math.min(this.#low[node] as number, time);
  }

  #close(root: number): void {
    for (let node = OUTSIDE; node !== root; ) {
      node = this.#open.pop() as number;
      this.#components[node] = this.#count;
    }
    this.#count++;
  }
}

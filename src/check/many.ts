/**
 * K exchanges at once in one gateway: breadth-first over all that they can do together.
 *
 * An exchange alone, with what it holds, is explored first (`localsOf`). Together they are a tuple of
 * its nodes. Exchanges are alike, so tuples that differ in order only are one: `reduced` keeps the
 * sorted one. That is sound for claims that do not depend on the order, and every claim here is one.
 *
 * A gateway holds back what takes something, and never a deadline. So what an exchange does alone in
 * the end (`machines/properties/liveness.ts`), trusting deadlines only, it does among others too.
 */
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Run } from './explore.js';
import { runOf } from './explore.js';
import type { LocalEdge, Locals } from './locals.js';
import type { Local, SharedClaim } from './sharing.js';

export interface ManyOptions {
  readonly exchanges: number;
  /** Whether tuples that differ in the order of their exchanges are one. */
  readonly reduced: boolean;
  readonly claims?: readonly SharedClaim[];
  /** Whether to ask if all can end from everywhere, which takes as long again. Default: no. */
  readonly endings?: boolean;
}

/** What happened to whom. What the gateway tells all at once has no one exchange. */
export interface ManyStep {
  readonly exchange: number | 'all';
  readonly event: Event;
}

export interface ManyRun {
  readonly steps: readonly ManyStep[];
  /** The part of each exchange, run on its table alone. */
  readonly runs: readonly Run[];
}

export interface ManyVerdict {
  readonly claim: Pick<SharedClaim, 'name' | 'sentence'>;
  readonly holds: boolean;
  /** A shortest run that breaks it. */
  readonly run?: ManyRun;
}

export interface ManyReport {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** How many states these are if order counts. Unreduced, it is `states`. */
  readonly unfolded: number;
  readonly verdicts: readonly ManyVerdict[];
}

export function exploreMany(locals: Locals, options: ManyOptions): ManyReport {
  const search = new Search(locals, options);
  const claims = options.claims ?? [];
  const broken = new Map<SharedClaim, number>();
  const view: Local[] = [];
  let unfolded = 0;
  for (let at = 0; at < search.keys.length; at++) {
    const tuple = search.tupleAt(at);
    tuple.forEach((node, place) => {
      view[place] = locals.nodes[node] as Local;
    });
    for (const claim of claims) {
      if (!broken.has(claim) && !claim.holds(view)) broken.set(claim, at);
    }
    unfolded += options.reduced ? arrangementsOf(tuple) : 1;
    search.expand(at, tuple);
  }
  const verdicts = claims.map((claim) => search.verdictOn(claim, broken.get(claim)));
  if (options.endings) verdicts.push(search.verdictOn(allCanEnd, search.firstTrap()));
  const { transitions, depth } = search;
  return { states: search.keys.length, transitions, depth, unfolded, verdicts };
}

const allCanEnd = {
  name: 'allCanEnd',
  sentence: 'From everywhere a run leads to where every exchange is over.',
};

/** In how many orders a sorted tuple can be written. */
function arrangementsOf(tuple: ArrayLike<number>): number {
  let count = 1;
  let alike = 0;
  for (let place = 0; place < tuple.length; place++) {
    alike = tuple[place] === tuple[place - 1] ? alike + 1 : 1;
    // Each step multiplies before it divides, and the quotient is a whole number every time.
    count = (count * (place + 1)) / alike;
  }
  return count;
}

/** Up to here the number of every tuple that there could be is kept in an array of its own. */
const DENSE_MAX = 1 << 25;

/** Numbers for keys below `size`: an array where it is small enough, and a map where it is not. */
function numbering(size: number) {
  if (size > DENSE_MAX) {
    const numbers = new Map<number, number>();
    return {
      get: (key: number) => numbers.get(key) ?? -1,
      set: (key: number, number: number) => {
        numbers.set(key, number);
      },
    };
  }
  const numbers = new Int32Array(size).fill(-1);
  return {
    get: (key: number) => numbers[key] as number,
    set: (key: number, number: number) => {
      numbers[key] = number;
    },
  };
}

const EVERYBODY = -1;

class Search {
  /** The tuple of each state, as one number: its nodes are the digits. */
  readonly keys: number[] = [];
  transitions = 0;
  depth = 0;
  readonly #parents: number[] = [];
  readonly #depths: number[] = [];
  /** Who stepped, and by which of its edges. */
  readonly #places: number[] = [];
  readonly #edges: (LocalEdge | undefined)[] = [];
  readonly #locals: Locals;
  readonly #options: ManyOptions;
  readonly #numbers: ReturnType<typeof numbering>;
  readonly #left: number[];
  readonly #digits: Int32Array;
  readonly #told: Uint8Array;

  constructor(locals: Locals, options: ManyOptions) {
    this.#locals = locals;
    this.#options = options;
    this.#numbers = numbering(locals.nodes.length ** options.exchanges);
    this.#left = locals.gateway.resources.map(() => 0);
    this.#digits = new Int32Array(options.exchanges);
    this.#told = Uint8Array.from(locals.nodes, ({ told }) => Number(told));
    this.#add(0, -1, EVERYBODY, undefined);
  }

  tupleAt(at: number): Int32Array {
    const tuple = new Int32Array(this.#options.exchanges);
    let rest = this.keys[at] as number;
    for (let place = tuple.length - 1; place >= 0; place--) {
      tuple[place] = rest % this.#locals.nodes.length;
      rest = Math.floor(rest / this.#locals.nodes.length);
    }
    return tuple;
  }

  expand(at: number, tuple: Int32Array): void {
    this.#successors(tuple, (key, place, edge) => {
      this.transitions++;
      if (this.#numbers.get(key) < 0) this.#add(key, at, place, edge);
    });
  }

  /** The nearest state from which not all can end, once everything was expanded. */
  firstTrap(): number | undefined {
    const { nodes } = this.#locals;
    const ends = new Uint8Array(this.keys.length);
    for (let changed = true; changed; ) {
      changed = false;
      // What is farther from the start is nearer to the end, so one sweep back settles most.
      for (let at = ends.length - 1; at >= 0; at--) {
        if (ends[at] === 1) continue;
        const tuple = this.tupleAt(at);
        let leads = tuple.every((node) => nodes[node]?.over);
        if (!leads) {
          this.#successors(tuple, (key) => {
            leads ||= ends[this.#numbers.get(key)] === 1;
          });
        }
        if (leads) ends[at] = 1;
        changed ||= leads;
      }
    }
    const trap = ends.indexOf(0);
    return trap < 0 ? undefined : trap;
  }

  verdictOn(claim: ManyVerdict['claim'], brokenAt: number | undefined): ManyVerdict {
    if (brokenAt === undefined) return { claim, holds: true };
    return { claim, holds: false, run: this.#runTo(brokenAt) };
  }

  #add(key: number, parent: number, place: number, edge: LocalEdge | undefined): void {
    this.#numbers.set(key, this.keys.push(key) - 1);
    this.#parents.push(parent);
    this.#places.push(place);
    this.#edges.push(edge);
    const depth = parent < 0 ? 0 : (this.#depths[parent] as number) + 1;
    this.#depths.push(depth);
    this.depth = depth;
  }

  #successors(
    tuple: Int32Array,
    visit: (key: number, place: number, edge: LocalEdge | undefined) => void,
  ): void {
    const { edges, broadcast, gateway } = this.#locals;
    this.#countRoom(tuple);
    let told = false;
    // This is the hot loop of every large product, so it makes no iterators.
    for (let place = 0; place < tuple.length; place++) {
      const node = tuple[place] as number;
      told ||= this.#told[node] === 1;
      // Exchanges that stand at one node lead to the same places, if order does not count.
      if (this.#options.reduced && node === tuple[place - 1]) continue;
      const own = edges[node] as readonly LocalEdge[];
      for (let at = 0; at < own.length; at++) {
        const edge = own[at] as LocalEdge;
        const { room } = edge;
        if (room && room.units <= (this.#left[room.resource] as number) !== room.there) continue;
        this.#digits.set(tuple);
        this.#digits[place] = edge.to;
        visit(this.#keyOfDigits(), place, edge);
      }
    }
    if (gateway.broadcast === undefined || told) return;
    for (let place = 0; place < tuple.length; place++) {
      this.#digits[place] = broadcast[tuple[place] as number] as number;
    }
    visit(this.#keyOfDigits(), EVERYBODY, undefined);
  }

  #countRoom(tuple: Int32Array): void {
    const { gateway, nodes } = this.#locals;
    for (let resource = 0; resource < gateway.resources.length; resource++) {
      let left = gateway.resources[resource]?.capacity as number;
      for (let place = 0; place < tuple.length; place++) {
        left -= nodes[tuple[place] as number]?.units[resource] as number;
      }
      this.#left[resource] = left;
    }
  }

  #keyOfDigits(): number {
    if (this.#options.reduced) this.#digits.sort();
    let key = 0;
    for (let place = 0; place < this.#digits.length; place++) {
      key = key * this.#locals.nodes.length + (this.#digits[place] as number);
    }
    return key;
  }

  /** Follows each exchange through the sorting of the tuples, so that a run tells who did what. */
  #runTo(at: number): ManyRun {
    const path: number[] = [];
    for (let here = at; here > 0; here = this.#parents[here] as number) path.unshift(here);
    const { gateway, broadcast, nodes, table } = this.#locals;
    const standing = Array.from(this.#digits, (_, exchange) => ({ exchange, node: 0 }));
    const parts = standing.map((): Event[] => []);
    const steps = path.map((here): ManyStep => {
      const edge = this.#edges[here];
      const place = this.#places[here] as number;
      const event = (edge === undefined ? gateway.broadcast : EVENTS[edge.code]) as Event;
      const all = standing.filter(({ node }) => gateway.reaches(nodes[node] as Local));
      const movers = edge === undefined ? all : standing.slice(place, place + 1);
      for (const one of movers) {
        one.node = edge?.to ?? (broadcast[one.node] as number);
        parts[one.exchange]?.push(event);
      }
      const exchange = edge === undefined ? 'all' : (movers[0]?.exchange as number);
      if (this.#options.reduced) standing.sort((one, other) => one.node - other.node);
      return { exchange, event };
    });
    const runs = parts.map((events, exchange) => runOf(table, events, `exchange-${exchange}`));
    return { steps, runs };
  }
}

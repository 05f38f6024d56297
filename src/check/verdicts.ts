/**
 * Which mutants break a claim, without exploring each anew: what monitors can reach in the right
 * machine is explored once, and a mutant is asked only about its one cell and what that leads to.
 */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Memory, Property, Step } from '../../machines/properties.js';
import type { Table } from '../table.js';
import type { Graph } from './explore.js';
import { explore, judge, stepAt } from './explore.js';
import type { Mutant } from './mutants.js';
import { tableOf } from './mutants.js';

const WIDTH = EVENTS.length;

/** A place of the search: where the table, the environment and the monitor stand, and how it came there. */
interface Place {
  readonly state: number;
  readonly world: Memory;
  readonly memory: Memory;
  readonly parent: Place | undefined;
  /** The cell that led here. */
  readonly cell: number;
}

/** One `always` in one environment, which the right machine keeps. */
export class Ground {
  readonly property: Property;
  readonly environment: Environment;
  readonly #table: Table;
  readonly #steps: readonly Step[];
  readonly #known = new Set<string>();
  readonly #byState: Place[][];

  constructor(table: Table, steps: readonly Step[], property: Property, environment: Environment) {
    this.property = property;
    this.environment = environment;
    this.#table = table;
    this.#steps = steps;
    this.#byState = table.states.map(() => []);
    this.#explore();
  }

  #explore(): void {
    const { initial } = this.property;
    const start = { state: 0, world: this.environment.initial, memory: initial };
    const queue: Place[] = [{ ...start, parent: undefined, cell: -1 }];
    this.#known.add(keyOf(queue[0] as Place));
    for (const place of queue) {
      (this.#byState[place.state] as Place[]).push(place);
      for (let code = 0; code < WIDTH; code++) {
        if (!this.environment.allows(place.world, EVENTS[code] as Event)) continue;
        const cell = place.state * WIDTH + code;
        const to = this.#after(place, this.#steps[cell] as Step, cell);
        if (to === 'violated') throw new RangeError(`${this.property.name} does not hold`);
        if (this.#known.has(keyOf(to))) continue;
        this.#known.add(keyOf(to));
        queue.push(to);
      }
    }
  }

  #after(place: Place, step: Step, cell: number, state?: number): Place | 'violated' {
    const memory = this.property.next(place.memory, step);
    if (typeof memory === 'string') return 'violated';
    const world = this.environment.next(place.world, step);
    const to = state ?? this.#table.step(place.state, cell % WIDTH).state;
    return { state: to, world, memory, parent: place, cell };
  }

  /** Whether the claim is broken by the mutant, in this environment. */
  breaks(mutant: Mutant): boolean {
    const cell = mutant.from * WIDTH + mutant.code;
    const places = (this.#byState[mutant.from] as Place[]).filter(({ world }) =>
      this.environment.allows(world, EVENTS[mutant.code] as Event),
    );
    // A run to the cell that passes it before is no run of the mutant, so it proves no fault; but
    // where the rest finds none either, there is none: such places are more than there are.
    const proven = places.filter((place) => !passes(place, cell));
    if (this.#leadsAstray(proven, mutant)) return true;
    if (proven.length === places.length || !this.#leadsAstray(places, mutant)) return false;
    return !judge(explore(tableOf(this.#table, mutant), this.environment), this.property).holds;
  }

  /** Breadth first from the fault, over what the right machine never reaches. */
  #leadsAstray(places: readonly Place[], mutant: Mutant): boolean {
    const cell = mutant.from * WIDTH + mutant.code;
    const faulty: Step = {
      from: this.#table.states[mutant.from] as string,
      event: EVENTS[mutant.code] as Event,
      commands: mutant.commands,
      to: this.#table.states[mutant.state] as string,
    };
    const seen = new Set<string>();
    const queue: Place[] = [];
    const take = (place: Place, at: number): boolean => {
      const isFault = at === cell;
      const step = isFault ? faulty : (this.#steps[at] as Step);
      const to = this.#after(place, step, at, isFault ? mutant.state : undefined);
      if (to === 'violated') return true;
      const key = keyOf(to);
      if (this.#known.has(key) || seen.has(key)) return false;
      seen.add(key);
      queue.push(to);
      return false;
    };
    if (places.some((place) => take(place, cell))) return true;
    for (const place of queue) {
      for (let code = 0; code < WIDTH; code++) {
        if (!this.environment.allows(place.world, EVENTS[code] as Event)) continue;
        if (take(place, place.state * WIDTH + code)) return true;
      }
    }
    return false;
  }
}

/** One `sometimes` in one environment: its shortest example, and whether a mutant leaves any. */
export class Example {
  readonly property: Property;
  readonly environment: Environment;
  readonly #table: Table;
  readonly #cells = new Set<number>();

  constructor(graph: Graph, property: Property) {
    const { table, environment } = graph;
    this.property = property;
    this.environment = environment;
    this.#table = table;
    const { run } = judge(graph, property);
    let state = 0;
    for (const event of run?.events ?? []) {
      const code = EVENTS.indexOf(event);
      this.#cells.add(state * WIDTH + code);
      ({ state } = table.step(state, code));
    }
  }

  breaks(mutant: Mutant): boolean {
    // An example that does not pass the fault is the mutant's as well.
    if (!this.#cells.has(mutant.from * WIDTH + mutant.code)) return false;
    return !judge(explore(tableOf(this.#table, mutant), this.environment), this.property).holds;
  }
}

const keyOf = ({ state, world, memory }: Place) => `${state} ${world} ${memory}`;

function passes(place: Place, cell: number): boolean {
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
    if (at.cell === cell) return true;
  }
  return false;
}

/** The step of each cell, for monitors to read. */
export function stepsOf(table: Table): Step[] {
  return table.states.flatMap((_, state) => EVENTS.map((_, code) => stepAt(table, state, code)));
}

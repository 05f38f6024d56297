/**
 * Breadth-first search of a table in an environment, and the judging of properties on what it found.
 *
 * `explore` builds the product of table and environment once, as flat arrays; `judge` runs one
 * monitor over that graph. Breadth first means that the run it gives is a shortest one.
 */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Memory, Property, Step } from '../../machines/properties.js';
import type { Table } from '../table.js';
import type { TraceRecord } from '../trace.js';
import { TRACE_VERSION, wordOf } from '../trace.js';

/** What can happen: nodes are pairs of a table's state and an environment's memory; 0 is the start. */
export interface Graph {
  readonly table: Table;
  readonly environment: Environment;
  readonly states: number;
  readonly transitions: number;
  /** How many events the farthest node is from the start. */
  readonly depth: number;
  /** The table's state at each node. */
  readonly stateAt: Int32Array;
  /** The environment's memory at each node. */
  readonly memoryAt: Int32Array;
  /** The edges of node `n` are `firstEdge[n]` up to, but not with, `firstEdge[n + 1]`. */
  readonly firstEdge: Int32Array;
  readonly codeOn: Uint8Array;
  readonly nodeAfter: Int32Array;
  /** The step of each state and event of the table, for monitors to read. */
  readonly steps: readonly Step[];
}

/** Events from the start of a table, and the trace they leave. */
export interface Run {
  readonly events: readonly Event[];
  readonly trace: readonly TraceRecord[];
}

export interface Verdict {
  readonly property: Property;
  readonly holds: boolean;
  /** How many pairs of node and monitor memory were seen. */
  readonly states: number;
  /** A shortest counterexample of an `always`, or a shortest example of a `sometimes`. */
  readonly run?: Run;
}

export interface Report {
  readonly graph: Graph;
  readonly verdicts: readonly Verdict[];
}

export function check(
  table: Table,
  environment: Environment,
  properties: readonly Property[],
): Report {
  const graph = explore(table, environment);
  return { graph, verdicts: properties.map((property) => judge(graph, property)) };
}

export function explore(table: Table, environment: Environment): Graph {
  const stateAt = [0];
  const memoryAt = [environment.initial];
  const depthAt = [0];
  const firstEdge = [0];
  const codeOn: number[] = [];
  const nodeAfter: number[] = [];
  const width = table.states.length;
  const steps = stepsOf(table);
  /** Per memory, the node of each state, from 1; 0 is none yet. */
  const numbers = new Map<Memory, Int32Array>();
  const row = (memory: Memory) => {
    const known = numbers.get(memory) ?? new Int32Array(width);
    if (!numbers.has(memory)) numbers.set(memory, known);
    return known;
  };
  row(environment.initial)[0] = 1;

  for (let node = 0; node < stateAt.length; node++) {
    const state = stateAt[node] as number;
    const memory = memoryAt[node] as Memory;
    for (let code = 0; code < EVENTS.length; code++) {
      if (!environment.allows(memory, EVENTS[code] as Event)) continue;
      const to = table.step(state, code).state;
      const then = environment.next(memory, steps[state * EVENTS.length + code] as Step);
      const known = row(then);
      if (known[to] === 0) {
        known[to] = stateAt.push(to);
        memoryAt.push(then);
        depthAt.push((depthAt[node] as number) + 1);
      }
      codeOn.push(code);
      nodeAfter.push((known[to] as number) - 1);
    }
    firstEdge.push(codeOn.length);
  }
  return {
    table,
    environment,
    states: stateAt.length,
    transitions: codeOn.length,
    depth: depthAt.at(-1) as number,
    stateAt: Int32Array.from(stateAt),
    memoryAt: Int32Array.from(memoryAt),
    firstEdge: Int32Array.from(firstEdge),
    codeOn: Uint8Array.from(codeOn),
    nodeAfter: Int32Array.from(nodeAfter),
    steps,
  };
}

const DECIDED = -1;
const UNASKED = -2;

/** Runs the monitor of `property` over every path of `graph`, up to the first that decides it. */
export function judge(graph: Graph, property: Property): Verdict {
  const { table, stateAt, firstEdge, codeOn, nodeAfter } = graph;
  const monitor = new Monitor(graph.steps, property);
  const nodes = [0];
  const memories = [0];
  const parents = [-1];
  const codes = [-1];
  /** Per monitor memory, whether each node was seen with it. */
  const seen: Uint8Array[] = [new Uint8Array(graph.states)];
  (seen[0] as Uint8Array)[0] = 1;

  for (let pair = 0; pair < nodes.length; pair++) {
    const node = nodes[pair] as number;
    const memory = memories[pair] as number;
    for (let edge = firstEdge[node] as number; edge < (firstEdge[node + 1] as number); edge++) {
      const code = codeOn[edge] as number;
      const then = monitor.next(memory, (stateAt[node] as number) * EVENTS.length + code);
      if (then === DECIDED) {
        const events = [...eventsTo(pair, parents, codes), EVENTS[code] as Event];
        const holds = property.mood === 'sometimes';
        return { property, holds, states: nodes.length, run: runOf(table, events) };
      }
      while (seen.length <= then) seen.push(new Uint8Array(graph.states));
      const marks = seen[then] as Uint8Array;
      const to = nodeAfter[edge] as number;
      if (marks[to] === 1) continue;
      marks[to] = 1;
      nodes.push(to);
      memories.push(then);
      parents.push(pair);
      codes.push(code);
    }
  }
  return { property, holds: property.mood === 'always', states: nodes.length };
}

/** A property's fold over the steps of one table, asked once per memory and step. */
class Monitor {
  readonly #steps: readonly Step[];
  readonly #property: Property;
  readonly #memories: Memory[];
  readonly #places = new Map<Memory, number>();
  readonly #answers: Int32Array[] = [];

  constructor(steps: readonly Step[], property: Property) {
    this.#steps = steps;
    this.#property = property;
    this.#memories = [property.initial];
    this.#places.set(property.initial, 0);
  }

  /** The place of the memory after the step in this cell, from 0, or `DECIDED`. */
  next(place: number, cell: number): number {
    this.#answers[place] ??= new Int32Array(this.#steps.length).fill(UNASKED);
    const answers = this.#answers[place];
    if (answers[cell] === UNASKED) answers[cell] = this.#ask(place, cell);
    return answers[cell] as number;
  }

  #ask(place: number, cell: number): number {
    const memory = this.#memories[place] as Memory;
    const then = this.#property.next(memory, this.#steps[cell] as Step);
    if (typeof then === 'string') return DECIDED;
    const known = this.#places.get(then) ?? this.#memories.push(then) - 1;
    this.#places.set(then, known);
    return known;
  }
}

function stepsOf(table: Table): Step[] {
  // By hand: a list per state, and one of all of them, would cost as much as the search.
  const steps: Step[] = [];
  for (let state = 0; state < table.states.length; state++) {
    for (let code = 0; code < EVENTS.length; code++) steps.push(stepAt(table, state, code));
  }
  return steps;
}

/** A step of the table in the words of properties and environments. */
export function stepAt(table: Table, state: number, code: number): Step {
  const { state: to, commands } = table.step(state, code);
  return {
    from: table.states[state] as string,
    event: EVENTS[code] as Event,
    commands,
    to: table.states[to] as string,
  };
}

function eventsTo(pair: number, parents: readonly number[], codes: readonly number[]): Event[] {
  const events: Event[] = [];
  for (let at = pair; (parents[at] as number) >= 0; at = parents[at] as number) {
    events.push(EVENTS[codes[at] as number] as Event);
  }
  return events.reverse();
}

/** Runs `events`, members of `EVENTS`, through `table`. A model has no clock: `at` counts steps. */
export function runOf(table: Table, events: readonly Event[], exchange = table.machine): Run {
  let state = 0;
  const trace = events.map((event, seq): TraceRecord => {
    const step = table.step(state, EVENTS.indexOf(event));
    state = step.state;
    return {
      v: TRACE_VERSION,
      exchange,
      seq,
      at: seq,
      event: wordOf(event),
      state: table.states[state] as string,
      commands: step.commands.map(wordOf),
    };
  });
  return { events, trace };
}

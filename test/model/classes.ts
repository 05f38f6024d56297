/** Which orderings HTTP can express whole, which up to an event, and which only the Exchange can take. */
import type { Event } from '../../machines/events.js';
import { codeOf, EVENTS } from '../../machines/events.js';
import { stepAt } from '../../src/check/explore.js';
import { table } from '../../src/step.js';
import { cannot, http } from './http.js';
import type { Ordering } from './script.js';

export interface Classes {
  /** How many orderings peers can bring about over HTTP, event for event. */
  driven: number;
  /** How many of them they can bring about only that far: `drivenUpTo[3]`, the first three events. */
  readonly drivenUpTo: Record<number, number>;
  /** How many they cannot even begin. */
  exchange: number;
  /** Why not, and how many orderings there are for which it is the first reason. */
  readonly why: Record<string, number>;
}

interface Place {
  readonly state: number;
  readonly memory: number;
}

const START: Place = { state: 0, memory: http.initial };

function after({ state, memory }: Place, event: Event): Place {
  const code = codeOf(event);
  return {
    state: table.step(state, code).state,
    memory: http.next(memory, stepAt(table, state, code)),
  };
}

/** Counts every ordering of `length` events in its class. Those with a beginning in common are counted at once. */
export function classesOf(length: number): Classes {
  const classes: Classes = { driven: 0, drivenUpTo: {}, exchange: 0, why: {} };
  const count = (place: Place, at: number): void => {
    if (at === length) {
      classes.driven++;
      return;
    }
    for (const event of EVENTS) {
      const why = cannot(place.memory, event);
      if (why === undefined) {
        count(after(place, event), at + 1);
        continue;
      }
      const rest = EVENTS.length ** (length - at - 1);
      if (at === 0) classes.exchange += rest;
      else classes.drivenUpTo[at] = (classes.drivenUpTo[at] ?? 0) + rest;
      classes.why[why] = (classes.why[why] ?? 0) + rest;
    }
  };
  count(START, 0);
  return classes;
}

/** The events of an ordering that HTTP can express, up to the first that it cannot. */
export function expressible(ordering: Ordering): Ordering {
  let place = START;
  for (const [at, event] of ordering.entries()) {
    if (cannot(place.memory, event) !== undefined) return ordering.slice(0, at);
    place = after(place, event);
  }
  return ordering;
}

/** A walk through what HTTP can express: at each step, the choice says which of the events is next. */
export function walk(choices: readonly number[]): Ordering {
  const events: Event[] = [];
  let place = START;
  for (const choice of choices) {
    const possible = EVENTS.filter((event) => cannot(place.memory, event) === undefined);
    if (possible.length === 0) break;
    const event = possible[choice % possible.length] as Event;
    events.push(event);
    place = after(place, event);
  }
  return events;
}

/** Those that are not the beginning of another one: driving them drives all. */
export function longest(orderings: readonly Ordering[]): Ordering[] {
  const begun = new Set<string>();
  const unique = new Map<string, Ordering>();
  for (const ordering of orderings) {
    const codes = ordering.map(codeOf);
    unique.set(codes.join(' '), ordering);
    for (let end = 0; end < codes.length; end++) begun.add(codes.slice(0, end).join(' '));
  }
  return [...unique].filter(([key]) => !begun.has(key)).map(([, ordering]) => ordering);
}

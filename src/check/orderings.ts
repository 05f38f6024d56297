/**
 * Every ordering of events, generated lazily: late and duplicate events included, which the path
 * generators of XState never produce, since they do not walk an edge that changes nothing.
 */
import type { Environment } from '../../machines/environments.js';
import { anyone } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { codeOf } from '../../machines/events.js';
import { InterlockError } from '../errors.js';
import { table as exchange } from '../step.js';
import type { Table } from '../table.js';
import { stepAt } from './explore.js';

export interface OrderingOptions {
  /** The events to order, each of which may come any number of times. */
  readonly events: readonly Event[];
  /** How many events an ordering has. */
  readonly length: number;
  /** Prunes what these peers would not do. Default: `anyone`. */
  readonly environment?: Environment;
  /** Whose commands the environment sees. Default: the exchange machine. */
  readonly table?: Table;
}

/** Where an ordering stands: the table's state and the environment's memory. */
interface Place {
  readonly state: number;
  readonly memory: number;
}

/**
 * Yields every ordering from the start that has `length` events, and every shorter one after which
 * the environment lets none of `events` come. What is shorter otherwise is a prefix of these.
 * Throws `INTERLOCK_BAD_OPTION` for an event that the alphabet does not have.
 */
export function* orderings(options: OrderingOptions): Generator<readonly Event[]> {
  const { start, after } = walker(options);
  const prefix: Event[] = [];
  function* from(place: Place): Generator<readonly Event[]> {
    const next = prefix.length < options.length ? after(place) : [];
    if (next.length === 0) yield Object.freeze([...prefix]);
    for (const [event, then] of next) {
      prefix.push(event);
      yield* from(then);
      prefix.pop();
    }
  }
  yield* from(start);
}

/** How many orderings `orderings` yields, counted without making them. */
export function countOrderings(options: OrderingOptions): number {
  const { start, after } = walker(options);
  const counts = new Map<string, number>();
  const count = (place: Place, left: number): number => {
    const key = `${place.state} ${place.memory} ${left}`;
    const known = counts.get(key);
    if (known !== undefined) return known;
    const next = left > 0 ? after(place) : [];
    const sum = next.reduce((total, [, then]) => total + count(then, left - 1), 0);
    counts.set(key, next.length === 0 ? 1 : sum);
    return next.length === 0 ? 1 : sum;
  };
  return count(start, options.length);
}

function walker({ events, environment = anyone, table = exchange }: OrderingOptions) {
  const codes = events.map((event) => {
    const code = codeOf(event);
    if (code >= 0) return code;
    throw new InterlockError('INTERLOCK_BAD_OPTION', 'option "events" must be events only');
  });
  const after = ({ state, memory }: Place): [Event, Place][] =>
    codes.flatMap((code, place): [Event, Place][] => {
      const event = events[place] as Event;
      if (!environment.allows(memory, event)) return [];
      const step = stepAt(table, state, code);
      const then = environment.next(memory, step);
      return [[event, { state: table.step(state, code).state, memory: then }]];
    });
  return { start: { state: 0, memory: environment.initial }, after };
}

/** Yields every distinct ordering of a bag: each event as often as the bag holds it. */
export function* orderingsOfBag(bag: readonly Event[]): Generator<readonly Event[]> {
  const kinds = [...new Set(bag)];
  const left = kinds.map((kind) => bag.filter((event) => event === kind).length);
  const prefix: Event[] = [];
  function* from(): Generator<readonly Event[]> {
    if (prefix.length === bag.length) yield Object.freeze([...prefix]);
    for (const [place, kind] of kinds.entries()) {
      if (left[place] === 0) continue;
      (left[place] as number)--;
      prefix.push(kind);
      yield* from();
      prefix.pop();
      (left[place] as number)++;
    }
  }
  yield* from();
}

/** How many distinct orderings a bag has: the factorial of its size, over that of each kind. */
export function countOrderingsOfBag(bag: readonly Event[]): number {
  const seen = new Map<Event, number>();
  // Each step multiplies before it divides, and the quotient is a whole number every time.
  return bag.reduce((count, event, place) => {
    const times = (seen.get(event) ?? 0) + 1;
    seen.set(event, times);
    return (count * (place + 1)) / times;
  }, 1);
}

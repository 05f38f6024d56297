/** The name of a state, taken apart: where each of its regions stands. */
import type { StateValue } from '../src/names.js';
import { stateValueOf } from '../src/names.js';

/** Where one region stands: the way from the machine down to a state with no states in it. */
export type Place = readonly string[];

export function placesOf(name: string): Place[] {
  return leavesOf(stateValueOf(name), []);
}

function leavesOf(value: StateValue | undefined, way: Place): Place[] {
  if (value === undefined || value === '') return [way];
  if (typeof value === 'string') return [[...way, value]];
  const inner = Object.entries(value);
  if (inner.length === 0) return [way];
  return inner.flatMap(([key, below]) => leavesOf(below, [...way, key]));
}

/** A place by its last two words, which no two places have in common. */
export const shortOf = (place: Place) => place.slice(-2).join('.');

/** What a step changes: the places that it leads to. */
export function movesOf(from: string, to: string): string[] {
  const before = placesOf(from).map((place) => place.join('.'));
  return placesOf(to)
    .filter((place) => !before.includes(place.join('.')))
    .map(shortOf);
}

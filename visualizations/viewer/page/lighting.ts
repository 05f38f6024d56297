/** Which boxes of a diagram a state lights. Pure. */
import type { Place } from '../../places.js';
import { placesOf } from '../../places.js';

/**
 * The states that a name holds: each place it stands at, and what that place is in. A trace may
 * hold a text that names no state; it lights nothing.
 */
export function statesIn(name: string): Set<string> {
  const states = new Set<string>();
  for (const place of placesIn(name)) {
    for (let depth = 1; depth <= place.length; depth++) {
      states.add(place.slice(0, depth).join('.'));
    }
  }
  return states;
}

function placesIn(name: string): Place[] {
  try {
    return placesOf(name);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

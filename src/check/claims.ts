/** Which property is claimed in which environment. What is broken elsewhere is broken as expected. */
import type { Environment } from '../../machines/environments.js';
import { anyone } from '../../machines/environments.js';
import type { Property } from '../../machines/properties.js';
import { nobodyIsCounted, nobodyIsRefused, properties } from '../../machines/properties.js';

export const allProperties: readonly Property[] = [...properties, nobodyIsRefused, nobodyIsCounted];

/**
 * `sometimes` is claimed against `anyone` alone: another environment is there to keep peers from
 * what some examples need. Refusals and counts are what rude peers get, so they are claimed absent
 * only where peers are not rude, or not more than the field has seen.
 */
export function isClaimed(property: Property, environment: Environment): boolean {
  if (property.mood === 'sometimes') return environment.name === anyone.name;
  if (property === nobodyIsRefused) return environment.name !== anyone.name;
  if (property === nobodyIsCounted) return environment.name === 'wellBehaved';
  return true;
}

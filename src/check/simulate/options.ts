/** What a simulation is asked for, checked: each error names the option and what is accepted. */
import { InterlockError } from '../../errors.js';
import type { Fault } from './faults.js';
import { FAULTS } from './faults.js';
import type { Traffic } from './plan.js';
import { KINDS_OF_TRAFFIC, WORLDS } from './plan.js';

/** The faults in a list with commas; `none` is none. Throws `INTERLOCK_BAD_OPTION`. */
export function faultsOf(text: string): Fault[] {
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (FAULTS.includes(name as Fault)) continue;
    throw bad('faults', `a list with commas of ${FAULTS.join(', ')}; or none`, name);
  }
  // In the order of the list, so that the order in which they are asked for changes nothing.
  return FAULTS.filter((fault) => names.includes(fault));
}

/** Throws `INTERLOCK_BAD_OPTION` for traffic that cannot be. */
export function checkTraffic({ seed, kind, worlds, faults, lateEnds }: Traffic): void {
  if (!isCount(seed)) throw bad('seed', 'a whole number from 0', seed);
  if (!KINDS_OF_TRAFFIC.includes(kind)) throw bad('traffic', KINDS_OF_TRAFFIC.join(' or '), kind);
  if (!(lateEnds >= 0 && lateEnds <= 1)) throw bad('lateEnds', 'a share from 0 to 1', lateEnds);
  const world = worlds.find((name) => !WORLDS.includes(name));
  if (world !== undefined || worlds.length === 0) {
    throw bad('worlds', `one or more of ${WORLDS.join(', ')}`, world);
  }
  const fault = faults.find((name) => !FAULTS.includes(name));
  if (fault !== undefined) throw bad('faults', `some of ${FAULTS.join(', ')}`, fault);
}

export function checkCount(name: string, value: number): void {
  if (!isCount(value)) throw bad(name, 'a whole number from 0', value);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function bad(name: string, accepted: string, found: unknown): InterlockError {
  return new InterlockError(
    'INTERLOCK_BAD_OPTION',
    `option "${name}" must be ${accepted}; found ${String(found)}`,
  );
}

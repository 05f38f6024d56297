/**
 * Walks through a machine: what peers of an environment may do, drawn by lot, and what they may do
 * next. The page of the viewer plays them too, so this runs in a browser.
 */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { EVENTS } from '../../machines/events.js';
import type { Table } from '../table.js';
import { stepAt } from './explore.js';

/** Numbers in [0, 1), the same ones for the same seed: mulberry32. */
export function chanceOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface WalkOptions {
  readonly environment: Environment;
  /** How many events a walk has at most. */
  readonly length: number;
}

/** The codes of its events. It is shorter where nothing may come any more. */
export function walk(
  table: Table,
  { environment, length }: WalkOptions,
  chance: () => number,
): number[] {
  const codes: number[] = [];
  let [state, memory] = [0, environment.initial];
  while (codes.length < length) {
    const may = allowedBy(environment, memory);
    const code = may[Math.floor(chance() * may.length)];
    if (code === undefined) break;
    codes.push(code);
    memory = environment.next(memory, stepAt(table, state, code));
    ({ state } = table.step(state, code));
  }
  return codes;
}

/** The codes of what may come after these events. */
export function mayFollow(
  table: Table,
  environment: Environment,
  codes: readonly number[],
): number[] {
  let [state, memory] = [0, environment.initial];
  for (const code of codes) {
    memory = environment.next(memory, stepAt(table, state, code));
    ({ state } = table.step(state, code));
  }
  return allowedBy(environment, memory);
}

function allowedBy(environment: Environment, memory: number): number[] {
  return [...EVENTS.keys()].filter((code) => environment.allows(memory, EVENTS[code] as Event));
}

/**
 * The exchange machine, compiled: `start()` and `step()`, pure, one lookup, nothing allocated.
 *
 * Importing this loads the generated rows only. XState is where they come from (`compile.ts`), and
 * a test shows both equal on every reachable pair of state and event.
 */
import type { Event } from '../machines/events.js';
import { codeOf } from '../machines/events.js';
import { rows } from './exchange.generated.js';
import type { Step } from './table.js';
import { Table } from './table.js';

export const table = new Table(rows);

/** The state of an exchange of which nothing has been seen. */
export function start(): number {
  return 0;
}

/** What `state` makes of `event`. Throws a `RangeError` for an event the alphabet does not have. */
export function step(state: number, event: Event): Step {
  const code = codeOf(event);
  if (code < 0) throw new RangeError('no such event in the alphabet');
  return table.step(state, code);
}

/** Is told of every step of one exchange in numbers, which costs nearly nothing. It must not throw. */
export interface StepObserver {
  /** `event` is its place in `EVENTS`; `before` and `after` are states of `table`. */
  stepped(event: number, before: number, after: number): void;
}

/** Logs for the tests of the validator: made by the machine, and changed in one place. */
import type { Environment } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS } from '../machines/events.js';
import { explore, stepAt } from '../src/check/explore.js';
import type { Report } from '../src/check/validate/report.js';
import type { ValidateOptions } from '../src/check/validate/validate.js';
import { Validator } from '../src/check/validate/validate.js';
import { Exchange } from '../src/exchange.js';
import { table } from '../src/step.js';
import type { TraceRecord } from '../src/trace.js';
import { encode } from '../src/trace.js';

/** Whole numbers below a bound, the same for the same seed. */
export function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function validated(text: string, options: ValidateOptions = {}): Report {
  const validator = new Validator(options);
  validator.feed(Buffer.from(text));
  return validator.end();
}

export const textOf = (records: readonly TraceRecord[]) => records.map(encode).join('');

/** The trace that a live exchange leaves of these events. */
export function traceOf(events: readonly Event[], id = 'x'): TraceRecord[] {
  const records: TraceRecord[] = [];
  const now = () => 0.25 + records.length;
  const live = new Exchange({ id, now, trace: (record) => records.push(record) });
  for (const event of events) live.receive(event);
  return records;
}

/** A shortest run to every place that there is in an environment. */
export function runsTo(environment: Environment): (readonly Event[])[] {
  const graph = explore(table, environment);
  const runs: (readonly Event[] | undefined)[] = [[]];
  for (let node = 0; node < graph.states; node++) {
    for (let edge = graph.firstEdge[node] as number; edge < graph.firstEdge[node + 1]!; edge++) {
      const run = [...(runs[node] as Event[]), EVENTS[graph.codeOn[edge] as number] as Event];
      runs[graph.nodeAfter[edge] as number] ??= run;
    }
  }
  return runs as Event[][];
}

/** A run on from `events`, in which the environment lets each event come. */
export function walk(
  environment: Environment,
  length: number,
  pick: (below: number) => number,
  events: readonly Event[] = [],
): Event[] {
  let [state, memory] = [0, environment.initial];
  const run: Event[] = [];
  while (run.length < length) {
    const legal = EVENTS.filter((event) => environment.allows(memory, event));
    const event = events[run.length] ?? legal[pick(legal.length)];
    if (event === undefined) break;
    const code = EVENTS.indexOf(event);
    memory = environment.next(memory, stepAt(table, state, code));
    state = table.step(state, code).state;
    run.push(event);
  }
  return run;
}

export type Change = 'deletion' | 'duplication' | 'swap';

/** Every list that one change makes of this one. */
export function* changed<T>(items: readonly T[]): Generator<[Change, number, readonly T[]]> {
  for (let at = 0; at < items.length; at++) {
    yield ['deletion', at, items.toSpliced(at, 1)];
    yield ['duplication', at, items.toSpliced(at, 0, items[at] as T)];
    if (at === 0) continue;
    const [one, other] = items.slice(at - 1) as [T, T];
    yield ['swap', at, items.toSpliced(at - 1, 2, other, one)];
  }
}

/** The lines of several logs in one, each in its own order. */
export function interleaved<T>(
  logs: readonly (readonly T[])[],
  pick: (below: number) => number,
): T[] {
  const left = logs.filter((log) => log.length > 0).map((log) => [...log]);
  const mixed: T[] = [];
  while (left.length > 0) {
    const at = pick(left.length);
    mixed.push((left[at] as T[]).shift() as T);
    if (left[at]?.length === 0) left.splice(at, 1);
  }
  return mixed;
}

/** A check of every property in every environment, piece by piece, and what it says in text and JSON. */
import { setImmediate } from 'node:timers/promises';
import type { Environment } from '../../machines/environments.js';
import { textOf } from '../../machines/events.js';
import type { Eventuality, Property } from '../../machines/properties.js';
import type { Table } from '../table.js';
import { isClaimed } from './claims.js';
import type { Counterexample } from './counterexample.js';
import { storyOf } from './counterexample.js';
import type { Graph, Run } from './explore.js';
import { explore, judge } from './explore.js';
import { judgeEventually } from './liveness.js';

export type Claim = Property | Eventuality;

/** What is known of one environment: the size of its product with the machine. */
export interface World {
  readonly environment: Environment;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly ms: number;
}

/** One property in one environment. */
export interface Row {
  readonly environment: Environment;
  readonly property: Claim;
  /** Whether it is claimed there; if not, it is shown and proves nothing. */
  readonly claimed: boolean;
  readonly holds: boolean;
  /** How many pairs of node and monitor memory were seen. */
  readonly states: number;
  readonly ms: number;
  /** A shortest counterexample, or a shortest example of a `sometimes`. */
  readonly run?: Run;
  /** How many of the run's last events go round for ever, where the claim is about whole runs. */
  readonly cycle?: number;
}

export interface CheckReport {
  readonly machine: string;
  readonly worlds: readonly World[];
  readonly rows: readonly Row[];
  /** How many rows there would be. Fewer are there if it was stopped. */
  readonly asked: number;
  readonly stopped: boolean;
}

export interface CheckOptions {
  readonly table: Table;
  readonly environments: readonly Environment[];
  readonly properties: readonly Claim[];
  /** Stops it between two rows, and the report is of those that are done. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, asked: number, row: Row) => void;
}

/** Judges one after another and gives way to the event loop in between, so that signals are heard. */
export async function runCheck(options: CheckOptions): Promise<CheckReport> {
  const { table, environments, properties, signal, onProgress } = options;
  const worlds: World[] = [];
  const rows: Row[] = [];
  const asked = environments.length * properties.length;
  const stopped = () => signal?.aborted === true;
  await setImmediate();
  for (const environment of environments) {
    if (stopped()) break;
    const since = performance.now();
    const graph = explore(table, environment);
    const { states, transitions, depth } = graph;
    worlds.push({ environment, states, transitions, depth, ms: performance.now() - since });
    for (const property of properties) {
      await setImmediate();
      if (stopped()) break;
      const row = rowOf(graph, property);
      rows.push(row);
      onProgress?.(rows.length, asked, row);
    }
  }
  return { machine: table.machine, worlds, rows, asked, stopped: rows.length < asked };
}

function rowOf(graph: Graph, property: Claim): Row {
  const { environment } = graph;
  const since = performance.now();
  const found =
    property.mood === 'eventually' ? lastingly(graph, property) : judge(graph, property);
  const { holds, states, run } = found;
  return {
    environment,
    property,
    claimed: property.mood === 'eventually' || isClaimed(property, environment),
    holds,
    states,
    ms: performance.now() - since,
    ...(run === undefined ? {} : { run }),
    ...('cycle' in found ? { cycle: found.cycle } : {}),
  };
}

function lastingly(graph: Graph, claim: Eventuality) {
  const { holds, states, lasso } = judgeEventually(graph, claim);
  if (lasso === undefined) return { holds, states, run: undefined };
  const events = [...lasso.prefix, ...lasso.cycle];
  return { holds, states, run: { events, trace: lasso.trace }, cycle: lasso.cycle.length };
}

/** What is claimed and is not so. */
export function brokenIn(report: CheckReport): Row[] {
  return report.rows.filter(({ claimed, holds }) => claimed && !holds);
}

export function counterexampleOf(report: CheckReport, row: Row): Counterexample | undefined {
  if (row.holds || row.run === undefined) return undefined;
  const { environment, property, run, cycle } = row;
  const { machine } = report;
  return { machine, environment, property, run, ...(cycle === undefined ? {} : { cycle }) };
}

/** The shortest counterexample of each environment, of what is claimed there. */
export function shortestOf(report: CheckReport): Counterexample[] {
  return report.worlds.flatMap(({ environment }) => {
    const found = brokenIn(report)
      .filter((row) => row.environment === environment)
      .flatMap((row) => counterexampleOf(report, row) ?? []);
    const [shortest] = found.sort((one, other) => one.run.events.length - other.run.events.length);
    return shortest === undefined ? [] : [shortest];
  });
}

/** The table of properties and environments, the verdict, and the shortest stories. */
export function textOfReport(report: CheckReport): string {
  return `${[gridOf(report), '', verdictOf(report), ...storiesOf(report)].join('\n')}\n`;
}

/** Whether all is as claimed, and whether all is known. */
export function verdictOf(report: CheckReport): string {
  const broken = brokenIn(report);
  const claimed = report.rows.filter((row) => row.claimed);
  const verdict =
    broken.length === 0
      ? `All ${claimed.length} claims are kept; a claim is a property in an environment.`
      : `Broken: ${broken.length} of ${claimed.length} claims; a claim is a property in an environment.`;
  const partial = report.stopped
    ? `Stopped: this is partial, ${report.rows.length} of ${report.asked}. The rest is not known.\n`
    : '';
  return partial + verdict;
}

function storiesOf(report: CheckReport): string[] {
  // One run may be the shortest in several environments; it is told once, in the first.
  const told = new Map<string, Counterexample>();
  for (const found of shortestOf(report)) {
    const key = `${found.property.name}: ${found.run.events.map(textOf).join(' ')}`;
    if (!told.has(key)) told.set(key, found);
  }
  if (told.size === 0) return [];
  const stories = [...told.values()].flatMap((found) => ['', storyOf(found).trimEnd()]);
  return [
    '',
    'Of each environment, a shortest counterexample (the same one is told once):',
    ...stories,
  ];
}

function gridOf({ machine, worlds, rows }: CheckReport): string {
  const names = [...new Set(rows.map(({ property }) => property.name))];
  const find = (name: string, world: World) =>
    rows.find((row) => row.property.name === name && row.environment === world.environment);
  const lines = names.map((name) => {
    const cells = worlds.map((world) => find(name, world));
    const ms = cells.reduce((sum, row) => sum + (row?.ms ?? 0), 0);
    return [
      name,
      ...cells.flatMap((row) => [wordOf(row), String(row?.states ?? '')]),
      ms.toFixed(1),
    ];
  });
  const foot = (label: string, of: (world: World) => number | string) => [
    label,
    ...worlds.flatMap((world) => ['', String(of(world))]),
    '',
  ];
  return aligned([
    [
      `machine: ${machine}`,
      ...worlds.flatMap(({ environment }) => [environment.name, 'states']),
      'ms',
    ],
    ...lines,
    [''],
    foot('states', ({ states }) => states),
    foot('transitions', ({ transitions }) => transitions),
    foot('depth', ({ depth }) => depth),
    foot('ms to explore', ({ ms }) => ms.toFixed(1)),
  ]);
}

/** A verdict in a word or two. What is not claimed stands in parentheses. */
export function wordOf(row: Row | undefined): string {
  if (row === undefined) return 'not known';
  const { property, holds, claimed, run } = row;
  const length = run?.events.length ?? 0;
  if (property.mood === 'sometimes') {
    if (holds) return `seen in ${length}`;
    return claimed ? 'NEVER SEEN' : '(not seen)';
  }
  if (holds) return 'holds';
  return claimed ? `BROKEN in ${length}` : `(broken in ${length})`;
}

/** Columns, of which every second one from the third on is of numbers. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...lines.map((line) => line[at]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((text, at) => {
          const width = widths[at] as number;
          return at >= 2 && at % 2 === 0 ? text.padStart(width) : text.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same for programs. A property's fold and an environment's automaton are named, not shown. */
export function jsonOf(report: CheckReport): unknown {
  const { machine, worlds, rows, asked, stopped } = report;
  return {
    machine,
    complete: !stopped,
    asked,
    broken: brokenIn(report).length,
    environments: worlds.map(({ environment: { name, sentence }, ...sizes }) => ({
      name,
      sentence,
      ...sizes,
    })),
    results: rows.map(({ environment, property, run, ...rest }) => ({
      environment: environment.name,
      property: property.name,
      sentence: property.sentence,
      mood: property.mood,
      ...rest,
      ...(run === undefined
        ? {}
        : { events: run.events.map(textOf), commands: run.trace.map(({ commands }) => commands) }),
    })),
  };
}

/** SPIN to hold the checker against, and small machines in small worlds to do it on. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Environment } from '../machines/environments.js';
import { COMMANDS, EVENTS, textOf } from '../machines/events.js';
import type { Memory, Step } from '../machines/properties.js';
import type { Graph } from '../src/check/explore.js';
import { explore } from '../src/check/explore.js';
import { rows as legacyRows } from '../src/legacy.generated.js';
import { Table } from '../src/table.js';

/** What a comparison needs, and is not here. */
const missing = ['spin', 'cc'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);

/** Comparisons with SPIN: skipped with the reason where it is missing, but not in CI. */
export function describeBesideSpin(claim: string, compare: () => void): void {
  const title = missing.length === 0 ? claim : `${claim} (skipped: no ${missing.join(', no ')})`;
  // A reporter shows no titles of what is skipped, and that nothing was compared must be seen.
  if (missing.length > 0) console.warn(title);
  describe('SPIN', () => {
    it.runIf(process.env.CI === 'true')('is there, since CI has to compare with it', () => {
      expect(missing).toEqual([]);
    });
  });
  describe.skipIf(missing.length > 0)(title, compare);
}

interface Asked {
  readonly table: Table;
  readonly environment: Environment;
  readonly property?: { readonly name: string };
  readonly claim?: { readonly name: string };
}

const titleOf = ({ table, environment, property, claim }: Asked) =>
  [table.machine, environment.name, (property ?? claim)?.name ?? 'sizes'].join(', ');

/** Findings by title, so that a difference is told with the product that it is in. */
export function told(subjects: readonly Asked[], findings: readonly unknown[]) {
  return Object.fromEntries(subjects.map((subject, place) => [titleOf(subject), findings[place]]));
}

/** How a model is compiled, and how each of its subjects is searched. */
export interface Search {
  readonly flags: readonly string[];
  readonly options: readonly string[];
}

const run = promisify(execFile);
const EACH = `count=$1; shift; i=0; while [ $i -lt $count ]; do
  echo "next: $i"; SUBJECT=$i ./pan "$@"; i=$((i+1))
done`;

/** Builds one verifier for all `count` subjects of a model; gives its report on each. */
export async function reportsOf(model: string, count: number, search: Search): Promise<string[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'interlock-spin-'));
  try {
    writeFileSync(join(cwd, 'product.pml'), model);
    await run('spin', ['-a', 'product.pml'], { cwd });
    await run('cc', ['-O1', '-w', ...search.flags, '-o', 'pan', 'pan.c'], { cwd });
    const words = ['-c', EACH, 'sh', `${count}`, ...search.options];
    const { stdout } = await run('sh', words, { cwd, maxBuffer: 2 ** 26 });
    const reports = stdout.split(/^next: \d+\n/m).slice(1);
    expect(reports).toHaveLength(count);
    return reports;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** A number in a report, which must be there. */
export function numberIn(report: string, pattern: RegExp): number {
  return Number(pattern.exec(report)?.[1] ?? expect.fail(`no ${pattern} in ${report}`));
}

/** A search that gave up has found nothing. */
export function expectCompleted(report: string): void {
  expect(report).not.toMatch(/not completed|too small|out of memory/);
}

export const legacy = new Table(legacyRows);

const graphs = new Map<Environment, Map<Table, Graph>>();

export function graphOf(table: Table, environment: Environment): Graph {
  const known = graphs.get(environment) ?? new Map<Table, Graph>();
  graphs.set(environment, known);
  const graph = known.get(table) ?? explore(table, environment);
  known.set(table, graph);
  return graph;
}

export const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

/** A number from 0 up to, but not with, `bound`, that depends on the words alone. */
export function chance(bound: number, ...words: readonly unknown[]): number {
  let hash = 0x811c9dc5;
  const text = words.join(' ');
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % bound;
}

/** A table whose every answer is drawn, with commands now and then. */
export function smallTable(seed: number): Table {
  const states = Array.from({ length: 1 + chance(12, seed, 'states') }, (_, state) => `s${state}`);
  const cells = states.map((state) =>
    EVENTS.map((_, code) => states.indexOf(state) * EVENTS.length + code),
  );
  const steps = cells.flat().map((cell): [number, 'taken', '', ...number[]] => {
    const codes = [0, 1].map((place) => chance(3 * COMMANDS.length, seed, cell, place));
    const commands = codes.filter((code) => code < COMMANDS.length);
    return [chance(states.length, seed, cell, 'to'), 'taken', '', ...commands];
  });
  return new Table({ machine: `small ${seed}`, states, steps, cells });
}

/**
 * What a drawn fold hears of a step, as a number. Half of them look at states as well as at words,
 * and those do so each time, since the tables of a model are made by watching who looks.
 */
export function smallEar(seed: number, role: string): (step: Step) => number {
  const looks = chance(2, seed, role, 'looks') === 1;
  const numbers = new WeakMap<Step, number>();
  return (step) => {
    const states = looks ? [step.from, step.to] : [];
    const known = numbers.get(step);
    if (known !== undefined) return known;
    const said = [step.event, ...step.commands].map(textOf);
    const number = chance(2 ** 32, ...said, ...states);
    numbers.set(step, number);
    return number;
  };
}

/** A fold whose every answer is drawn. */
export function smallFold(seed: number, role: string) {
  const memories = 1 + chance(5, seed, role, 'memories');
  const words = smallEar(seed, role);
  return {
    initial: chance(memories, seed, role, 'initial'),
    next: (memory: Memory, step: Step): Memory => chance(memories, seed, role, memory, words(step)),
    decides: (memory: Memory, step: Step): boolean =>
      chance(8 << chance(8, seed, role), seed, role, memory, words(step), 'decides') === 0,
  };
}

export function smallEnvironment(seed: number): Environment {
  const { initial, next } = smallFold(seed, 'environment');
  const oneIn = 1 + chance(12, seed, 'talk');
  return {
    name: 'small',
    sentence: 'Whoever is drawn may speak.',
    initial,
    next,
    allows: (memory, event) => chance(oneIn, seed, 'allows', memory, textOf(event)) === 0,
  };
}

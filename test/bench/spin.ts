/**
 * The checker beside SPIN, in states per second of one search. The exchange is searched in less time
 * than a process takes to start, so both search a machine whose answers are drawn, under an
 * environment that remembers enough to make the product large.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../machines/environments.js';
import { COMMANDS, codeOf, EVENTS } from '../../machines/events.js';
import { explore } from '../../src/check/explore.js';
import { promelaOf } from '../../src/check/promela.js';
import { Table } from '../../src/table.js';
import { median } from './numbers.js';

const STATES = 800;
const MEMORIES = 256;

/** A number below `bound` that depends on the others alone. */
function drawn(bound: number, ...from: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const number of from) hash = Math.imul(hash ^ number, 0x01000193) ^ (hash >>> 15);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % bound;
}

function drawnTable(): Table {
  const cells = Array.from({ length: STATES }, (_, state) =>
    EVENTS.map((_, code) => state * EVENTS.length + code),
  );
  return new Table({
    machine: 'drawn',
    states: cells.map((_, state) => `s${state}`),
    steps: cells
      .flat()
      .map((cell) => [drawn(STATES, cell, 1), 'taken', '', drawn(COMMANDS.length, cell, 2)]),
    cells,
  });
}

const nextMemory = Int32Array.from({ length: MEMORIES * EVENTS.length }, (_, place) =>
  drawn(MEMORIES, place, 3),
);
const environment: Environment = {
  name: 'drawn',
  sentence: 'Anyone may say anything, and all of it is remembered.',
  initial: 0,
  allows: () => true,
  next: (memory, { event }) => nextMemory[memory * EVENTS.length + codeOf(event)] as number,
};

export interface SpinResult {
  readonly states: number;
  readonly transitions: number;
  readonly statesPerSecond: readonly [ours: number, spins: number];
}

/** Nothing where SPIN or a C compiler is missing. Throws if the two do not find the same. */
export function benchSpin(rounds = 3): SpinResult | undefined {
  if (['spin', 'cc'].some((tool) => spawnSync(tool, ['--version']).error !== undefined)) return;
  const table = drawnTable();
  const cwd = mkdtempSync(join(tmpdir(), 'interlock-bench-'));
  try {
    writeFileSync(join(cwd, 'drawn.pml'), promelaOf([{ table, environment }]));
    execFileSync('spin', ['-a', 'drawn.pml'], { cwd });
    const flags = ['-O2', '-w', '-DNOREDUCE', '-DSAFETY', '-DBFS'];
    execFileSync('cc', [...flags, '-o', 'pan', 'pan.c'], { cwd });
    const { states, transitions } = explore(table, environment);
    const [ours, spins]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      ours.push(timed(() => explore(table, environment).states === states));
      spins.push(timed(() => foundBy(join(cwd, 'pan'), cwd) === `${states} ${transitions}`));
    }
    const perSecond = (times: readonly number[]) => (states * 1000) / median(times);
    return { states, transitions, statesPerSecond: [perSecond(ours), perSecond(spins)] };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** States and transitions; SPIN counts the start as a transition, to which no edge leads. */
function foundBy(pan: string, cwd: string): string {
  const report = execFileSync(pan, ['-w20'], { cwd, encoding: 'utf8' });
  const transitions = Number(/(\d+) transitions \(= stored\+matched\)/.exec(report)?.[1]) - 1;
  return `${/(\d+) states, stored/.exec(report)?.[1]} ${transitions}`;
}

function timed(agrees: () => boolean): number {
  const from = performance.now();
  if (!agrees()) throw new Error('the checker and SPIN do not find the same');
  return performance.now() - from;
}

if (process.argv[1]?.endsWith('spin.ts')) console.log(benchSpin() ?? 'no spin, or no cc');

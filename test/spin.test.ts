/**
 * The checker beside SPIN, which is older than ours by decades and shares no line with it: on the
 * same products it must find as many states and transitions, and come to the same verdicts.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../machines/environments.js';
import { environments } from '../machines/environments.js';
import { COMMANDS, EVENTS, textOf } from '../machines/events.js';
import type { Memory, Property, Step } from '../machines/properties.js';
import { nobodyIsCounted, nobodyIsRefused, properties } from '../machines/properties.js';
import { explore, judge } from '../src/check/explore.js';
import type { Subject } from '../src/check/promela.js';
import { promelaOf } from '../src/check/promela.js';
import { rows as legacyRows } from '../src/legacy.generated.js';
import { table as exchange } from '../src/step.js';
import { Table } from '../src/table.js';

const missing = ['spin', 'cc'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
const isCi = process.env.CI === 'true';
const skipped = `skipped: no ${missing.join(', no ')} on the PATH`;
const title = (claim: string) => (missing.length === 0 ? claim : `${claim} (${skipped})`);
// A reporter shows no titles of what is skipped, and that nothing was compared must not go unseen.
if (missing.length > 0) console.warn(title('SPIN agrees with the checker'));

/** What either says of a product. How much was seen before a property was decided is left out. */
type Finding =
  | { readonly states: number; readonly transitions?: number; readonly depth?: number }
  | { readonly decidedAfter: number };

/** A product that is not asked for a property is compared in all its sizes. */
function ours({ table, environment, property }: Subject): Finding {
  const graph = graphOf(table, environment);
  if (property === undefined) {
    const { states, transitions, depth } = graph;
    return { states, transitions, depth };
  }
  const { states, run } = judge(graph, property);
  return run === undefined ? { states } : { decidedAfter: run.events.length - 1 };
}

const graphs = new Map<Environment, Map<Table, ReturnType<typeof explore>>>();

function graphOf(table: Table, environment: Environment) {
  const known = graphs.get(environment) ?? new Map();
  graphs.set(environment, known);
  if (!known.has(table)) known.set(table, explore(table, environment));
  return known.get(table) as ReturnType<typeof explore>;
}

/** Reads the verifier's report. SPIN counts the start as a transition; no edge led there. */
function findingIn(report: string, { property }: Subject): Finding {
  const number = (pattern: RegExp) =>
    Number(pattern.exec(report)?.[1] ?? expect.fail(`no ${pattern} in ${report}`));
  if (number(/errors: (\d+)/) > 0) {
    // Any other error than this one is a fault of the model, and is not taken for a verdict.
    const after = number(/assertion violated \(monitor!= -\(1\)\) \(at depth (\d+)\)/);
    return { decidedAfter: after };
  }
  expect(report).not.toMatch(/not completed|too small|out of memory/);
  const states = number(/(\d+) states, stored/);
  if (property !== undefined) return { states };
  const transitions = number(/(\d+) transitions \(= stored\+matched\)/) - 1;
  return { states, transitions, depth: number(/depth reached (\d+)/) };
}

const run = promisify(execFile);
const EACH = `i=0; while [ $i -lt $1 ]; do
  echo "next: $i"; SUBJECT=$i ./pan -w16; i=$((i+1))
done`;

/** Builds one verifier for all subjects, and lets it search each by itself. */
async function spins(subjects: readonly Subject[]): Promise<Finding[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'interlock-spin-'));
  try {
    writeFileSync(join(cwd, 'product.pml'), promelaOf(subjects));
    await run('spin', ['-a', 'product.pml'], { cwd });
    const flags = ['-O1', '-w', '-DNOREDUCE', '-DSAFETY', '-DBFS'];
    await run('cc', [...flags, '-o', 'pan', 'pan.c'], { cwd });
    const options = { cwd, maxBuffer: 2 ** 26 };
    const { stdout } = await run('sh', ['-c', EACH, 'sh', `${subjects.length}`], options);
    const reports = stdout.split(/^next: \d+\n/m).slice(1);
    expect(reports).toHaveLength(subjects.length);
    return reports.map((report, place) => findingIn(report, subjects[place] as Subject));
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const legacy = new Table(legacyRows);
const all = [...properties, nobodyIsRefused, nobodyIsCounted];
const real = [exchange, legacy].flatMap((table) =>
  environments.flatMap((environment): Subject[] => [
    { table, environment },
    ...all.map((property) => ({ table, environment, property })),
  ]),
);

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

/** A number from 0 up to, but not with, `bound`, that depends on the words alone. */
function chance(bound: number, ...words: readonly unknown[]): number {
  let hash = 0x811c9dc5;
  for (const letter of words.join(' ')) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) as number), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % bound;
}

/** A table whose every answer is drawn, with commands now and then. */
function smallTable(seed: number): Table {
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

/** A fold whose every answer is drawn. Half of them look at states as well as at words. */
function smallFold(seed: number, role: string) {
  const memories = 1 + chance(5, seed, role, 'memories');
  const looks = chance(2, seed, role, 'looks') === 1;
  const words = ({ event, commands, from, to }: Step) => {
    const said = [event, ...commands].map(textOf).join(' ');
    return looks ? `${said} ${from} ${to}` : said;
  };
  return {
    initial: chance(memories, seed, role, 'initial'),
    next: (memory: Memory, step: Step): Memory => chance(memories, seed, role, memory, words(step)),
    decides: (memory: Memory, step: Step): boolean =>
      chance(8 << chance(8, seed, role), seed, role, memory, words(step), 'decides') === 0,
  };
}

function smallEnvironment(seed: number): Environment {
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

function smallProperty(seed: number, mood: 'always' | 'sometimes'): Property {
  const { initial, next, decides } = smallFold(seed, mood);
  const decision = mood === 'always' ? 'violated' : 'seen';
  return {
    name: `${mood} ${seed}`,
    sentence: 'Something drawn holds.',
    mood,
    initial,
    next: (memory, step) => (decides(memory, step) ? decision : next(memory, step)),
  };
}

const small = SEEDS.flatMap((seed): Subject[] => {
  const [table, environment] = [smallTable(seed), smallEnvironment(seed)];
  return [
    { table, environment },
    { table, environment, property: smallProperty(seed, 'always') },
    { table, environment, property: smallProperty(seed, 'sometimes') },
  ];
});

const titleOf = ({ table, environment, property }: Subject) =>
  [table.machine, environment.name, property?.name ?? 'sizes'].join(', ');

/** Findings by title, so that a difference is told with the product that it is in. */
function told(subjects: readonly Subject[], findings: readonly Finding[]) {
  return Object.fromEntries(subjects.map((subject, place) => [titleOf(subject), findings[place]]));
}

describe('SPIN', () => {
  it.runIf(isCi)('is there, since CI has to compare with it', () => {
    expect(missing).toEqual([]);
  });
});

describe.skipIf(missing.length > 0)(title('SPIN agrees with the checker'), () => {
  let findings: Map<Subject, Finding>;

  beforeAll(async () => {
    const found = await Promise.all([spins(real), spins(small)]);
    const subjects = [...real, ...small];
    findings = new Map(found.flat().map((finding, place) => [subjects[place] as Subject, finding]));
  }, 180_000);

  const compare = (subjects: readonly Subject[]) => {
    const theirs = subjects.map((subject) => findings.get(subject) as Finding);
    expect(told(subjects, subjects.map(ours))).toEqual(told(subjects, theirs));
    return theirs;
  };
  const isDecided = (finding: Finding) => 'decidedAfter' in finding;

  for (const table of [exchange, legacy]) {
    for (const environment of environments) {
      const claim = `on the ${table.machine} machine against ${environment.name}`;
      it(`${claim}: its sizes, and the verdict on every property`, () => {
        const about = (subject: Subject) =>
          subject.table === table && subject.environment === environment;
        const theirs = compare(real.filter(about));
        expect(theirs).toHaveLength(1 + all.length);
        // Each verdict is there, so neither checker agrees by saying always the same.
        expect(new Set(theirs.map(isDecided)).size).toBe(2);
      });
    }
  }

  it('on how short the story of the bug is: four events, and a second end', () => {
    const story = real.find(
      ({ table, environment, property }) =>
        table === legacy && environment.name === 'anyone' && property?.name === 'firstTerminalWins',
    );
    // field: A1
    expect(findings.get(story as Subject)).toEqual({ decidedAfter: 4 });
  });

  it(`on ${SEEDS.length} small machines that are drawn, each with peers and properties`, () => {
    const decided = compare(small).filter(isDecided).length;
    expect(decided).toBeGreaterThan(100);
    expect(decided).toBeLessThan(300);
  });
});

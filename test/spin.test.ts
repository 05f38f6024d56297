/**
 * The checker beside SPIN, which is older than ours by decades and shares no line with it: on the
 * same products it must find as many states and transitions, and come to the same verdicts.
 */
import { beforeAll, expect, it } from 'vitest';
import { environments } from '../machines/environments.js';
import type { Property } from '../machines/properties.js';
import { nobodyIsCounted, nobodyIsRefused, properties } from '../machines/properties.js';
import { judge } from '../src/check/explore.js';
import type { Subject } from '../src/check/promela.js';
import { promelaOf } from '../src/check/promela.js';
import { table as exchange } from '../src/step.js';
import {
  describeBesideSpin,
  expectCompleted,
  graphOf,
  legacy,
  numberIn,
  reportsOf,
  SEEDS,
  smallEnvironment,
  smallFold,
  smallTable,
  told,
} from './spin.js';

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

/** Reads the verifier's report. SPIN counts the start as a transition; no edge led there. */
function findingIn(report: string, { property }: Subject): Finding {
  if (numberIn(report, /errors: (\d+)/) > 0) {
    // Any other error than this one is a fault of the model, and is not taken for a verdict.
    const decided = /assertion violated \(monitor!= -\(1\)\) \(at depth (\d+)\)/;
    return { decidedAfter: numberIn(report, decided) };
  }
  expectCompleted(report);
  const states = numberIn(report, /(\d+) states, stored/);
  if (property !== undefined) return { states };
  const transitions = numberIn(report, /(\d+) transitions \(= stored\+matched\)/) - 1;
  return { states, transitions, depth: numberIn(report, /depth reached (\d+)/) };
}

async function spins(subjects: readonly Subject[]): Promise<Finding[]> {
  const flags = ['-DNOREDUCE', '-DSAFETY', '-DBFS'];
  const search = { flags, options: ['-w16'] };
  const reports = await reportsOf(promelaOf(subjects), subjects.length, search);
  return reports.map((report, place) => findingIn(report, subjects[place] as Subject));
}

const all = [...properties, nobodyIsRefused, nobodyIsCounted];
const real = [exchange, legacy].flatMap((table) =>
  environments.flatMap((environment): Subject[] => [
    { table, environment },
    ...all.map((property) => ({ table, environment, property })),
  ]),
);

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

describeBesideSpin('SPIN agrees with the checker', () => {
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

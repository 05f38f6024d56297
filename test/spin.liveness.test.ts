/**
 * What the checker says of whole runs, beside SPIN: `eventually` as a formula of linear temporal
 * logic, searched for cycles by another method, in a product that another program put together.
 */
import { beforeAll, expect, it } from 'vitest';
import { environments } from '../machines/environments.js';
import type { Eventuality, Fairness, Step } from '../machines/properties.js';
import { eventualities } from '../machines/properties.js';
import { judgeEventually } from '../src/check/liveness.js';
import type { LivenessSubject } from '../src/check/promela-liveness.js';
import { livenessPromelaOf } from '../src/check/promela-liveness.js';
import { table as exchange } from '../src/step.js';
import {
  chance,
  describeBesideSpin,
  expectCompleted,
  graphOf,
  legacy,
  numberIn,
  reportsOf,
  SEEDS,
  smallEar,
  smallEnvironment,
  smallFold,
  smallTable,
  told,
} from './spin.js';

type Finding = 'holds' | 'broken';

const judged = ({ table, environment, claim }: LivenessSubject) =>
  judgeEventually(graphOf(table, environment), claim);

const ours = (subject: LivenessSubject): Finding => (judged(subject).holds ? 'holds' : 'broken');

/** SPIN's cycle is one of the product, so a search that found one need not have been complete. */
function findingIn(report: string): Finding {
  if (numberIn(report, /errors: (\d+)/) === 0) {
    expectCompleted(report);
    return 'holds';
  }
  // Any other error than this one is a fault of the model, and is not taken for a verdict.
  numberIn(report, /acceptance cycle \(at depth (\d+)\)/);
  return 'broken';
}

async function spins(subjects: readonly LivenessSubject[]): Promise<Finding[]> {
  const search = { flags: ['-DNOREDUCE', '-DNOFAIR'], options: ['-a', '-w16', '-m20000'] };
  const reports = await reportsOf(livenessPromelaOf(subjects), subjects.length, search);
  return reports.map(findingIn);
}

/** The claims that trust the world with one thing less, in all the ways to do so. */
function weakened(claim: Eventuality): Eventuality[] {
  return claim.fairness.map((dropped) => ({
    ...claim,
    name: `${claim.name} without ${dropped.name}`,
    fairness: claim.fairness.filter((item) => item !== dropped),
  }));
}

const everywhere = (claims: readonly Eventuality[]) =>
  environments.flatMap((environment) => claims.map((claim) => ({ environment, claim })));
const real = [exchange, legacy].flatMap((table) =>
  everywhere(eventualities).map((asked): LivenessSubject => ({ table, ...asked })),
);
const distrusting = everywhere(eventualities.flatMap(weakened)).map(
  (asked): LivenessSubject => ({ table: exchange, ...asked }),
);

/** A claim, and what it trusts, that know nothing of each other. */
function drawnClaim(seed: number): Eventuality {
  const { initial, next } = smallFold(seed, 'debt');
  const fairness = Array.from({ length: chance(4, seed, 'slots') }, (_, slot): Fairness => {
    const words = smallEar(seed, `fairness ${slot}`);
    const [waits, renews] = [2 + chance(40, seed, slot, 'waits'), 2 + chance(20, seed, slot)];
    return {
      name: `drawn ${slot}`,
      sentence: 'Something drawn does not stay out for ever.',
      waits: (before, step) => chance(waits, seed, slot, before, words(step)) > 0,
      renews: (step) => chance(renews, seed, slot, words(step), 'renews') === 0,
    };
  });
  return {
    name: `drawn ${seed}`,
    sentence: 'Something drawn comes.',
    mood: 'eventually',
    fairness,
    initial,
    next,
  };
}

/**
 * A debt that is paid in stages, as those of the exchange are by one deadline after another. Each
 * stage has a fairness that brings the next. All of it is sound, but for flaws that are drawn.
 */
function stagedClaim(seed: number): Eventuality {
  const words = smallEar(seed, 'staged');
  const stages = 1 + chance(3, seed, 'stages');
  const rarity = 2 << chance(10, seed, 'flaws');
  const said = (step: Step, ...what: readonly unknown[]) => [seed, ...what, words(step)];
  const begins = (step: Step) => chance(6, ...said(step, 'begins')) === 0;
  const brings = (stage: number, step: Step) => chance(4, ...said(step, stage, 'brings')) === 0;
  const starts = (stage: number, step: Step) =>
    stage === 0 ? begins(step) : brings(stage - 1, step);
  const isFlawed = (step: Step, ...where: readonly unknown[]) =>
    chance(rarity, ...said(step, ...where, 'flaw')) === 0;
  const fairness = Array.from(
    { length: stages },
    (_, stage): Fairness => ({
      name: `stage ${stage}`,
      sentence: 'What a stage waits for comes.',
      waits: (before, step) =>
        !isFlawed(step, stage) && (starts(stage, step) || (before && !brings(stage, step))),
      renews: (step) => brings(stage, step),
    }),
  );
  const next: Eventuality['next'] = (memory, step) => {
    if (isFlawed(step, 'debt')) return 2 * chance(stages, ...said(step)) + 1;
    if (memory % 2 === 0) return begins(step) ? 1 : 0;
    if (!brings((memory - 1) / 2, step)) return memory;
    return memory + 2 < 2 * stages ? memory + 2 : 0;
  };
  return {
    name: `staged ${seed}`,
    sentence: 'What began is brought to its end.',
    mood: 'eventually',
    fairness,
    initial: 0,
    next,
  };
}

const worlds = SEEDS.map((seed) => [smallTable(seed), smallEnvironment(seed)] as const);
const drawnIn = (claimOf: (seed: number) => Eventuality) =>
  worlds.map(
    ([table, environment], seed): LivenessSubject => ({ table, environment, claim: claimOf(seed) }),
  );
const drawn = drawnIn(drawnClaim);
const staged = drawnIn(stagedClaim);
/** A claim that no longer trusts its last stage is broken, unless nothing ever comes so far. */
const shortened = staged.map(
  ({ claim, ...where }): LivenessSubject => ({
    ...where,
    claim: weakened(claim).at(-1) as Eventuality,
  }),
);

describeBesideSpin('SPIN agrees with the checker on whole runs', () => {
  const findings = new Map<LivenessSubject, Finding>();

  beforeAll(async () => {
    const batches = [
      [...real, ...distrusting],
      [...drawn, ...staged, ...shortened],
    ];
    const search = async (subjects: readonly LivenessSubject[]) => {
      for (const [place, finding] of (await spins(subjects)).entries()) {
        findings.set(subjects[place] as LivenessSubject, finding);
      }
    };
    await Promise.all(batches.map(search));
  }, 180_000);

  /** Both say the same of each; how many hold, and how many are broken. */
  const compare = (subjects: readonly LivenessSubject[]) => {
    const theirs = subjects.map((subject) => findings.get(subject));
    expect(told(subjects, subjects.map(ours))).toEqual(told(subjects, theirs));
    const count = (wanted: Finding) => theirs.filter((finding) => finding === wanted).length;
    return { holds: count('holds'), broken: count('broken') };
  };
  const onMachine = (subjects: readonly LivenessSubject[], name: string) =>
    subjects.filter(({ environment }) => environment.name === name);

  it.each(environments)('on every claim of the exchange machine: $name', ({ name }) => {
    const about = onMachine(real, name).filter(({ table }) => table === exchange);
    expect(compare(about)).toEqual({ holds: eventualities.length, broken: 0 });
  });

  it.each(environments)('on every claim of the legacy machine: $name', ({ name }) => {
    const about = onMachine(real, name).filter(({ table }) => table === legacy);
    expect(compare(about)).toEqual({ holds: 3, broken: 9 });
  });

  it.each(environments)(
    'that no claim trusts the world with more than it needs: $name',
    ({ name }) => {
      expect(compare(onMachine(distrusting, name))).toEqual({ holds: 0, broken: 20 });
    },
  );

  it(`on ${SEEDS.length} small machines that are drawn, with a claim that is drawn`, () => {
    expect(compare(drawn)).toEqual({ holds: 51, broken: 149 });
  });

  it('on the same with a claim that is paid in stages, and one thing not trusted', () => {
    expect(compare(staged)).toEqual({ holds: 56, broken: 144 });
    expect(compare(shortened)).toEqual({ holds: 8, broken: 192 });
  });
});

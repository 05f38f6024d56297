/** `interlock check --mutants`: the mutation score of the model. */
import { setImmediate } from 'node:timers/promises';
import type { Mutant } from '../check/mutants.js';
import { allMutants, sampleMutants } from '../check/mutants.js';
import type { Trial } from '../check/mutate.js';
import { Court, Scores } from '../check/mutate.js';
import { jsonOfScores, textOfScores } from '../check/scores.js';
import { chanceOf } from '../check/walks.js';
import { table } from '../step.js';
import { progressOn } from './progress.js';

export interface MutantFlags {
  readonly json?: true;
  readonly sample?: number;
  readonly seed?: number;
  readonly signal: AbortSignal;
}

const EXIT_SURVIVED = 1;
/** How long mutants are tried at a stretch before signals are listened for. */
const STRETCH_MS = 50;

export async function checkMutants({ json, sample, seed = 1, signal }: MutantFlags): Promise<void> {
  const what = sample === undefined ? 'all mutants' : `${sample} mutants, seed ${seed}`;
  // Said at once, since it can take minutes, and from here on it can be stopped.
  if (!json) console.log(`machine: ${table.machine}; ${what}`);
  await setImmediate();
  const progress = progressOn(process.stderr);
  const court = new Court(table, { seed });
  const mutants =
    sample === undefined ? allMutants(table) : sampleMutants(table, sample, chanceOf(seed));
  const scores = new Scores();
  const complete = await tryAll(court, mutants, signal, (trial) => {
    scores.add(trial);
    progress.show(`${scores.tried} mutants tried  ${scores.survivors.length} survive`);
  });
  progress.clear();
  const result = { table, court, scores, complete };
  if (json) console.log(JSON.stringify(jsonOfScores(result), null, 2));
  else process.stdout.write(textOfScores(result));
  if (complete && scores.survivors.length > 0) process.exitCode = EXIT_SURVIVED;
}

/** Gives false if it was stopped before the end. */
async function tryAll(
  court: Court,
  mutants: Iterable<Mutant>,
  signal: AbortSignal,
  take: (trial: Trial) => void,
): Promise<boolean> {
  let since = performance.now();
  for (const mutant of mutants) {
    take(court.try(mutant));
    if (performance.now() - since < STRETCH_MS) continue;
    await setImmediate();
    if (signal.aborted) return false;
    since = performance.now();
  }
  return true;
}

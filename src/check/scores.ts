/** What a mutation score says, in text and JSON. Pure. */
import type { Table } from '../table.js';
import type { Mutant } from './mutants.js';
import { FAULT_NAMES, FAULTS, wordsOf } from './mutants.js';
import type { Court, Scores, Tally } from './mutate.js';
import { aligned } from './report.js';

export interface ScoreReport {
  readonly table: Table;
  readonly court: Court;
  readonly scores: Scores;
  readonly complete: boolean;
}

/** How many of the queue are printed; JSON has all that are kept. */
const SHOWN = 20;

export function textOfScores({ table, court, scores, complete }: ScoreReport): string {
  const { total } = scores;
  const row = (label: string, tally: Tally) => {
    const real = tally.mutants - tally.equivalent;
    const killed = [tally.properties, tally.tour, tally.logs, tally.either, tally.sameEffect];
    const share = (part: number) => (real === 0 ? '-' : `${((100 * part) / real).toFixed(1)} %`);
    return [label, '', String(tally.mutants), '', String(tally.equivalent)].concat(
      killed.flatMap((part) => ['', share(part)]),
    );
  };
  const killers = ['properties', 'tour', 'logs', 'properties or tour'];
  const heads = ['mutants', 'equivalent', ...killers, 'no property, same effect'];
  const grid = aligned([
    ['killed by, of those not equivalent', ...heads.flatMap((head) => ['', head])],
    ...FAULT_NAMES.map((fault) => row(FAULTS[fault], scores.byFault[fault])),
    row('all', total),
  ]);
  const lines = [
    grid,
    '',
    `The tour has ${court.tour.size} runs; the logs have ${court.logs.events} events, and pass ` +
      `${(100 * court.logs.coverage).toFixed(0)} % of the pairs of state and event.`,
    ...(complete ? [] : [`Stopped: this is partial, of ${total.mutants} mutants.`]),
    '',
    ...queueOf('Survivors, which neither kills', table, scores.survivors, scores.survivors.length),
    ...queueOf(
      'To review: another effect that no property forbids, and the tour shows',
      table,
      scores.unforbidden,
      scores.unforbiddenCount,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function queueOf(title: string, table: Table, queue: readonly Mutant[], count: number): string[] {
  const shown = queue.slice(0, SHOWN).flatMap((mutant) => {
    const { fault, state, event, was, is } = wordsOf(table, mutant);
    return [`  ${fault}: ${state}`, `    ${event}`, `    was ${was}`, `    is  ${is}`];
  });
  const rest = count > SHOWN ? [`  and ${count - SHOWN} more`] : [];
  return [`${title}: ${count}`, ...shown, ...rest];
}

export function jsonOfScores({ table, court, scores, complete }: ScoreReport): unknown {
  return {
    machine: table.machine,
    complete,
    total: scores.total,
    byFault: scores.byFault,
    firstKilledBy: Object.fromEntries(scores.byProperty),
    tour: { runs: court.tour.size },
    logs: { events: court.logs.events, coverage: court.logs.coverage },
    survivors: scores.survivors.map((mutant) => wordsOf(table, mutant)),
    unforbidden: scores.unforbidden.map((mutant) => wordsOf(table, mutant)),
    unforbiddenCount: scores.unforbiddenCount,
  };
}

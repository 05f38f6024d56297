/** What races say: each with its number of orders, or the first order that goes wrong. Pure. */
import { format } from '../../trace.js';
import type { RaceOf, RaceResult } from './races.js';

export function textOfRaces(results: readonly RaceResult[]): string {
  return results.map(textOf).join('\n');
}

function textOf({ race, schedules, found }: RaceResult): string {
  const { name, sentence } = race;
  const head = `${name}: ${sentence}\n  ${actorsOf(race)}`;
  if (found === undefined) {
    return `${head}\n  ${schedules.toLocaleString('en-US')} orders, ${boundOf(race)}: none is wrong.\n`;
  }
  return [
    head,
    `  Wrong in order ${schedules.toLocaleString('en-US')}: ${found.order.join(', ')}`,
    ...found.trace.map(format),
    `  ${found.wrong.sentence} (${found.wrong.name})`,
    '',
  ].join('\n');
}

/** Who takes part, and in how many steps. */
export function actorsOf({ actors }: RaceOf): string {
  const who = Object.entries(actors).map(([actor, steps]) => `${actor} ${steps.length}`);
  return who.join(', ');
}

/** Which orders there are to play. */
export function boundOf({ preemptionsMax }: RaceOf): string {
  return preemptionsMax === undefined
    ? 'all there are'
    : `all with up to ${preemptionsMax} preemptions`;
}

export function jsonOfRaces(results: readonly RaceResult[]) {
  return results.map(({ race, schedules, found }) => ({
    race: race.name,
    sentence: race.sentence,
    ...(race.preemptionsMax !== undefined && { preemptionsMax: race.preemptionsMax }),
    schedules,
    right: found === undefined,
    ...(found !== undefined && { order: found.order, ...found.wrong, trace: found.trace }),
  }));
}

/** What races say: each with its number of orders, or the first order that goes wrong. Pure. */
import { format } from '../../trace.js';
import type { RaceResult } from './races.js';

export function textOfRaces(results: readonly RaceResult[]): string {
  return results.map(textOf).join('\n');
}

function textOf({ race, schedules, found }: RaceResult): string {
  const { name, sentence, actors, preemptionsMax } = race;
  const who = Object.entries(actors).map(([actor, steps]) => `${actor} ${steps.length}`);
  const bound =
    preemptionsMax === undefined ? 'all there are' : `all with up to ${preemptionsMax} preemptions`;
  const head = `${name}: ${sentence}\n  ${who.join(', ')}`;
  if (found === undefined) {
    return `${head}\n  ${schedules.toLocaleString('en-US')} orders, ${bound}: none is wrong.\n`;
  }
  return [
    head,
    `  Wrong in order ${schedules.toLocaleString('en-US')}: ${found.order.join(', ')}`,
    ...found.trace.map(format),
    `  ${found.wrong.sentence} (${found.wrong.name})`,
    '',
  ].join('\n');
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

/** Races as one page: each with its number of orders, or the first order that goes wrong. */
import type { RaceResult } from '../../src/check/simulate/races.js';
import { actorsOf, boundOf } from '../../src/check/simulate/report-races.js';
import { html } from './html.js';
import type { Section } from './page.js';
import { machineOf, pageOf, tableOf } from './page.js';
import { stepsOf } from './steps.js';

export function racesPage(results: readonly RaceResult[]): string {
  const wrong = results.filter(({ found }) => found !== undefined).length;
  const verdict =
    wrong === 0
      ? `None of ${results.length} races goes wrong.`
      : `Of ${results.length} races ${wrong} can go wrong.`;
  const table = tableOf({
    caption: 'What can happen at once to one exchange',
    heads: ['race', 'what happens', 'who, in how many steps', 'orders played', 'of', 'verdict'],
    rows: results.map(({ race, schedules, found }) => [
      race.name,
      race.sentence,
      actorsOf(race),
      schedules,
      boundOf(race),
      found === undefined ? 'none is wrong' : 'the last one is wrong',
    ]),
  });
  const again = html`${table}
<p>Again: <code>interlock simulate --schedules</code></p>`;
  return pageOf('races in every order', verdict, [
    { heading: 'Races', body: again },
    ...results.flatMap(wrongOf),
    ...machineOf('exchange'),
  ]);
}

function wrongOf({ race, found }: RaceResult): Section[] {
  if (found === undefined) return [];
  const { order, wrong, trace } = found;
  return [
    {
      heading: `What goes wrong in ${race.name}`,
      body: html`<p>In the order ${order.join(', ')}.</p>
${stepsOf({
  name: `The race ${race.name}`,
  records: trace,
  wire: 'http',
  ending: `${wrong.sentence} (${wrong.name})`,
})}`,
    },
  ];
}

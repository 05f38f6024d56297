/** A suite as one page: what passing it proves, what it covers, and its first scenarios. */
import type { Event } from '../../machines/events.js';
import { runOf } from '../../src/check/explore.js';
import { coverageOf } from '../../src/check/suites/coverage.js';
import type { Suite } from '../../src/check/suites/suite.js';
import type { Table } from '../../src/table.js';
import { eventOf } from '../../src/trace.js';
import type { Html } from './html.js';
import { html } from './html.js';
import { counted, machineOf, pageOf, tableOf } from './page.js';
import { transitionsOf } from './transitions.js';

/** A suite may have millions, and nobody reads them one by one. */
const SCENARIOS_MAX = 200;

/** `table` is of the machine that the suite names. Walks all of the suite's scenarios. */
export function suitePage(suite: Suite, table: Table): string {
  const { name, size, guarantee, abstraction, machine } = suite;
  const sized = `${counted(size.scenarios)} scenarios, ${counted(size.events)} events`;
  return pageOf(`the suite ${name} of the machine ${machine}`, `${name}: ${sized}`, [
    { heading: 'What it is', body: parametersOf(suite) },
    { heading: 'What passing it proves', body: html`<p>${guarantee}</p>` },
    { heading: 'What it leaves out', body: html`<p>${abstraction}</p>` },
    { heading: 'What it covers', body: transitionsOf(table, coverageOf(suite, table)) },
    { heading: 'Scenarios', body: scenariosOf(suite, table) },
    ...machineOf(machine),
  ]);
}

function parametersOf({ method, parameters, machine, size }: Suite): Html {
  const given = Object.entries(parameters).map(([name, value]) => [
    name,
    typeof value === 'number' ? String(value) : value.join(', '),
  ]);
  return tableOf({
    caption: 'The suite',
    heads: ['what', 'is'],
    rows: [
      ['machine', machine],
      ['method', method],
      ...given,
      ['scenarios', counted(size.scenarios)],
      ['events', counted(size.events)],
    ],
  });
}

function scenariosOf({ scenarios, size }: Suite, table: Table): Html {
  const shown: Html[] = [];
  for (const scenario of scenarios) {
    if (shown.length === SCENARIOS_MAX) break;
    shown.push(scenarioOf(scenario, shown.length, table));
  }
  const part = `${counted(shown.length)} of ${counted(size.scenarios)}`;
  const rest =
    shown.length < size.scenarios &&
    html`<p>These are the first ${part}; <code>--out</code> writes all.</p>`;
  return html`<p>Each begins anew, and the machine says what each event must be answered with.</p>
${rest}
${shown}`;
}

function scenarioOf(scenario: readonly string[], number: number, table: Table): Html {
  const { trace } = runOf(
    table,
    scenario.map((word) => eventOf(word) as Event),
  );
  return html`<details>
<summary>Scenario ${number}: ${scenario.join(', ')}</summary>
${tableOf({
  caption: `Scenario ${number}`,
  heads: ['step', 'event', 'what must be ordered'],
  rows: trace.map(({ event, commands }, at) => [
    at + 1,
    event,
    commands.length === 0 ? 'nothing' : commands.join(', '),
  ]),
  code: true,
})}
</details>
`;
}

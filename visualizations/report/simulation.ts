/** A simulation as one page: what was played, what came of it, and what went wrong. */
import { ANOMALIES } from '../../machines/events.js';
import type { Fault } from '../../src/check/simulate/faults.js';
import { POSITIONS, SENTENCES } from '../../src/check/simulate/faults.js';
import {
  repeatOf,
  replayOf,
  scriptOf,
  verdictOf,
  wrongOf,
} from '../../src/check/simulate/report.js';
import type { Simulation, Story } from '../../src/check/simulate/simulate.js';
import { NO_FAULT, NO_RECORD } from '../../src/check/simulate/simulate.js';
import type { Html, Piece } from './html.js';
import { html } from './html.js';
import type { Section } from './page.js';
import { counted, machineOf, pageOf, tableOf } from './page.js';
import { stepsOf } from './steps.js';
import { transitionsOf } from './transitions.js';

/** A late end is a fault with a rate of its own. */
const WHAT: Readonly<Record<Fault | 'lateEnd', string>> = {
  ...SENTENCES,
  lateEnd: 'a half that has ended gets another end, empty or with its last bytes again',
};

export function simulationPage(simulation: Simulation): string {
  const { traffic, only, alone, failure, judge } = simulation;
  const played = { heading: 'What was played', body: playedOf(simulation) };
  const machine = machineOf(judge.table.machine);
  if (only !== undefined) {
    const told = alone === undefined ? [] : [storyOf('The exchange', alone, simulation)];
    const verdict = alone === undefined ? 'It was not played.' : wrongOf(alone);
    const title = `exchange ${only} of seed ${traffic.seed}`;
    return pageOf(title, verdict, [played, ...told, ...machine]);
  }
  return pageOf(`simulation with seed ${traffic.seed}`, verdictOf(simulation), [
    played,
    ...(failure === undefined ? [] : [storyOf('What went wrong', failure, simulation)]),
    { heading: 'What came of it', body: outcomesOf(simulation) },
    { heading: 'Faults', body: faultsOf(simulation) },
    { heading: 'Anomalies', body: anomaliesOf(simulation) },
    { heading: 'Transitions', body: transitionsOf(judge.table, judge.transitions) },
    ...machine,
  ]);
}

function playedOf(simulation: Simulation): Html {
  const { handler, traffic, asked, exchanges, steps, byWorld } = simulation;
  const { seed, kind, worlds, faults, lateEnds } = traffic;
  const rows = [
    ['seed', String(seed)],
    ['who serves', handler],
    ['traffic', kind],
    ['faults that may happen', faults.length === 0 ? 'none' : faults.join(', ')],
    ['late ends, of the responses', String(lateEnds)],
    ['exchanges asked for', counted(asked)],
    ['exchanges played', counted(exchanges)],
    ...worlds.map((world) => [`of them through ${world}`, counted(byWorld[world])]),
    ['steps', counted(steps)],
  ];
  return html`${tableOf({ caption: 'What was asked for, and played', heads: ['what', 'is'], rows })}
${againBy(repeatOf(simulation))}`;
}

function storyOf(heading: string, story: Story, simulation: Simulation): Section {
  const { plan, trace } = story;
  return {
    heading,
    body: html`<p class="verdict">${scriptOf(story)}</p>
${simulation.only === undefined && againBy(replayOf(plan, simulation))}
${stepsOf({
  name: `Exchange ${plan.number}`,
  records: trace,
  wire: plan.world === 'http' ? 'http' : 'envoy',
  ending: wrongOf(story),
})}`,
  };
}

const againBy = (command: string) => html`<p>Again: <code>${command}</code></p>`;

function outcomesOf({ outcomes, byFault, failed, exchanges }: Simulation): Html {
  const among = [...descending(outcomes).map(([name]) => name), NO_RECORD];
  const faults = [NO_FAULT, ...Object.keys(WHAT)].filter((fault) => Object.hasOwn(byFault, fault));
  const wrong = Object.entries(failed.byName);
  return html`${tableOf({
    caption: 'Records by outcome',
    heads: ['outcome', 'records'],
    rows: descending(outcomes),
  })}
<p>Of ${counted(exchanges)} exchanges, by the faults that they met; one may meet several.</p>
${tableOf({
  caption: 'Exchanges by fault and outcome',
  heads: ['fault', ...among],
  rows: faults.map((fault) => [fault, ...among.map((name) => byFault[fault]?.[name] ?? 0)]),
})}
${
  wrong.length > 0 &&
  tableOf({
    caption: 'What was wrong, by exchanges',
    heads: ['what', 'exchanges'],
    rows: descending(failed.byName),
  })
}`;
}

function faultsOf({ positions }: Simulation): Html {
  const rows = Object.entries(WHAT).map(([fault, sentence]): Piece[] => {
    const places = POSITIONS[fault as Fault];
    const counts = places.map((place) => positions.of(fault, place));
    return [
      fault,
      sentence,
      counts.reduce((sum, count) => sum + count, 0),
      places.map((place, at) => `${place} ${counted(counts[at] as number)}`).join(', '),
    ];
  });
  return tableOf({
    caption: 'Faults, and where they struck',
    heads: ['fault', 'what it is', 'times', 'where'],
    rows,
  });
}

function anomaliesOf({ anomalies }: Simulation): Html {
  const rows = descending(anomalies).map(([name, times]): Piece[] => {
    const sentence = (ANOMALIES as Readonly<Record<string, string>>)[name];
    return [name, sentence ?? '', times];
  });
  if (rows.length === 0) return html`<p>None was counted.</p>`;
  return tableOf({
    caption: 'What was absorbed and counted, in records',
    heads: ['anomaly', 'what it is', 'times'],
    rows,
  });
}

function descending(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([, one], [, other]) => other - one);
}

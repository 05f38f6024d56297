/** Writes what is drawn of the machine: `npm run render`. A test keeps it fresh. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AnyStateNode } from 'xstate';
import { anyone, environments } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { events } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { legacy } from '../machines/legacy.js';
import { eventualities, occasionOf } from '../machines/properties.js';
import { allProperties } from '../src/check/claims.js';
import { traceOf } from '../src/check/counterexample.js';
import { runOf } from '../src/check/explore.js';
import type { CheckReport } from '../src/check/report.js';
import { runCheck } from '../src/check/report.js';
import { compile } from '../src/compile.js';
import { table } from '../src/step.js';
import { Table } from '../src/table.js';
import type { TraceRecord } from '../src/trace.js';
import { eventOf } from '../src/trace.js';
import { chartOf, childrenOf } from './arcs.js';
import type { Kept } from './counterexamples.js';
import { counterexamplesText, tracesText } from './counterexamples.js';
import { stateDiagramOf } from './mermaid.js';
import { overviewOf } from './overview.js';
import { pictureOf } from './part.js';
import { propertiesText } from './properties.js';
import { storySvg } from './story.js';
import { studioText } from './studio.js';
import type { Caption } from './svg.js';
import { svgOf } from './svg.js';
import { tableText } from './table.js';
import { viewerText } from './viewer/pictures.js';

/** A generated file, and the text that it must hold. */
export interface Picture {
  readonly name: string;
  readonly text: string;
}

/** The trace of the bug. */
const BUG = 'legacy-late-end';
const bug = new Table(compile(legacy));

/** Every picture. `kept` are the traces that are kept as regressions. */
export async function render(kept: readonly Kept[]): Promise<Picture[]> {
  const drawn = await diagrams();
  const { broken, pages } = await verdicts();
  return [
    ...drawn,
    { name: 'viewer.generated.ts', text: viewerText(drawn, broken) },
    { name: 'exchange.mmd', text: stateDiagramOf(chartOf(exchange, table)) },
    { name: 'exchange.json', text: studioText(exchange) },
    { name: 'late-end.svg', text: storyOf(kept.find(({ name }) => name === BUG)?.records ?? []) },
    { name: 'traces.md', text: tracesText(kept) },
    { name: 'table.md', text: tableText(table) },
    ...pages,
  ];
}

async function diagrams(): Promise<Picture[]> {
  const chart = chartOf(exchange, table);
  const { active, ...phases } = exchange.root.states;
  const [request, response, shutdown] = childrenOf(active as AnyStateNode);
  const draw = async (name: string, dot: string, caption: Caption) => ({
    name: `${name}.svg`,
    text: await svgOf(dot, caption),
  });
  const part = (name: string, nodes: (AnyStateNode | undefined)[], description: string) => {
    const drawn = nodes.filter((node) => node !== undefined);
    return draw(name, pictureOf(chart, drawn), { title: `The exchange: ${name}`, description });
  };
  return Promise.all([
    draw('exchange', overviewOf(chart), {
      title: 'The life of an exchange',
      description:
        'Request, response and shutdown stand side by side while an exchange is active; then its ' +
        'usage is read, its outcome is settled, and it is processed. On each arc: the event, its ' +
        'guard in brackets, and the commands after a slash.',
    }),
    part('request', [request], 'The request, from downstream to the upstream.'),
    part('response', [response], 'The response, from the upstream to downstream.'),
    part(
      'outcome',
      [shutdown, ...Object.values(phases)],
      'From the end of the response to the record of its usage, and what comes late.',
    ),
    draw('legacy', pictureOf(chartOf(legacy, bug), childrenOf(legacy.root)), {
      title: 'The gateway of the bug',
      description: 'Its end of a response leads back to where a response is waited for.',
    }),
  ]);
}

/** The bug, and what the machine makes of the same messages. */
function storyOf(records: readonly TraceRecord[]): string {
  const told = records.map(({ event }) => eventOf(event) as Event);
  const verdict = allProperties.find(({ name }) => name === 'firstTerminalWins');
  return storySvg(
    [
      {
        title: 'the gateway of the bug',
        records,
        ending: `A finished request is answered with a 500. Broken: ${verdict?.sentence}`,
        tone: 'bad',
      },
      {
        title: 'interlock, told the same',
        records: runOf(table, answered(told)).trace,
        ending: 'The late end is counted, and changes nothing.',
        tone: 'good',
      },
    ],
    {
      title: 'A late end, and what two gateways make of it',
      description:
        'Envoy ends a response twice. The gateway of the bug answers the second end with an ' +
        'error; the machine counts it. Deadlines are left out.',
    },
    (command) => /^(start|stop)Deadlines?\b/.test(command),
  );
}

/** What peers tell, and after it what an adapter tells of what it was ordered to do. */
function answered(told: readonly Event[]): Event[] {
  const all: Event[] = [];
  const ordered = (order: string) =>
    runOf(table, all)
      .trace.at(-1)
      ?.commands.some((command) => command.startsWith(order));
  for (const event of told) {
    all.push(event);
    if (ordered('readUsage')) all.push(events.usageRead);
    if (ordered('recordUsage')) all.push(events.usageRecorded);
  }
  return all;
}

async function verdicts(): Promise<{ broken: CheckReport; pages: Picture[] }> {
  const properties = [...allProperties, ...eventualities, ...eventualities.map(occasionOf)];
  const claims = [...allProperties, ...eventualities];
  const report = await runCheck({ table, environments, properties });
  const broken = await runCheck({ table: bug, environments, properties: claims });
  const against = { ...broken, worlds: broken.worlds.filter((one) => one.environment === anyone) };
  const rows = broken.rows.filter(({ environment }) => environment === anyone);
  const pages = [
    { name: 'properties.md', text: propertiesText(report, { ...against, rows }) },
    { name: 'counterexamples.md', text: counterexamplesText(broken) },
  ];
  return { broken, pages };
}

/** The traces in a folder, in the order of their names. */
export function keptIn(folder: URL): Kept[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.ndjson'));
  return names.toSorted().map((name) => ({
    name: name.replace('.ndjson', ''),
    records: traceOf(readFileSync(new URL(name, folder), 'utf8')),
  }));
}

export const GENERATED = new URL('./generated/', import.meta.url);
export const TRACES = new URL('../test/traces/', import.meta.url);

if (process.argv[1]?.endsWith('render.ts')) {
  const pictures = await render(keptIn(TRACES));
  for (const name of readdirSync(GENERATED)) rmSync(new URL(name, GENERATED));
  for (const { name, text } of pictures) writeFileSync(new URL(name, GENERATED), text);
}

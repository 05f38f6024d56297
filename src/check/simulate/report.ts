/** What a simulation says: texts for people, and the same as JSON. Pure. */
import type { Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import { format, wordOf } from '../../trace.js';
import { POSITIONS } from './faults.js';
import type { Plan } from './plan.js';
import type { Simulation, Story } from './simulate.js';
import { trafficOf } from './simulate.js';

const WIDTH = EVENTS.length;
const COLUMN = 10;
/** Faults that strike parts of a script, which are told as one table. */
const STRIKING = [
  'split',
  'delay',
  'duplicate',
  'drop',
  'reset',
  'stall',
  'block',
  'drain',
  'stray',
] as const;
const OTHERS = ['unrecorded', 'throw', 'lateEnd'] as const;

/** Whether all is as it is said to be. */
export function isRight(simulation: Simulation): boolean {
  if (simulation.handler === 'machine') return simulation.failure === undefined;
  const { failed, withLateEnd } = simulation;
  return failed.withoutLateEnd === 0 && failed.withLateEnd === withLateEnd;
}

export function textOf(simulation: Simulation): string {
  const { alone, failure, only } = simulation;
  if (only !== undefined) return alone === undefined ? '' : storyOf(alone, simulation);
  const story = simulation.handler === 'machine' && failure !== undefined;
  return [
    verdictOf(simulation),
    ...(story ? ['', storyOf(failure, simulation).trimEnd()] : []),
    '',
    countsOf(simulation),
    '',
    transitionsOf(simulation),
    '',
    positionsOf(simulation),
    '',
  ].join('\n');
}

/** Whether all is as it is said to be, in a sentence or two. */
export function verdictOf(simulation: Simulation): string {
  const { handler, exchanges, asked, stopped, failed, withLateEnd, traffic } = simulation;
  const early = stopped ? ` Stopped early: ${number(asked - exchanges)} were not played.` : '';
  const what = `${of(exchanges, 'exchange')} of ${traffic.kind} traffic, seed ${traffic.seed}`;
  if (handler === 'machine') {
    const verdict = simulation.failure === undefined ? 'none is wrong' : 'the last one is wrong';
    return `${what}: ${verdict}.${early}`;
  }
  const sum = failed.withLateEnd + failed.withoutLateEnd;
  const names = Object.entries(failed.byName).map(([name, times]) => `${name} ${number(times)}`);
  const on = isRight(simulation)
    ? 'It failed on each that got a late or repeated end, and on no other.'
    : `It failed on ${number(failed.withLateEnd)} of ${number(withLateEnd)} that got a late or ` +
      'repeated end, ' +
      `and on ${number(failed.withoutLateEnd)} that did not.`;
  const list = names.length === 0 ? '' : ` (${names.join(', ')})`;
  const first =
    simulation.failure === undefined
      ? ''
      : `\nThe first: ${replayOf(simulation.failure.plan, simulation)}`;
  const count = `${what}, with the handler of the bug: ${number(sum)} failed${list}.`;
  return `${count}\n${on}${early}${first}`;
}

function countsOf({ byWorld, steps, outcomes, anomalies }: Simulation): string {
  return [
    `worlds       ${listOf(byWorld)}`,
    `steps        ${number(steps)}`,
    `outcomes     ${listOf(outcomes)}`,
    `in records   ${listOf(anomalies)}`,
  ].join('\n');
}

/** Of each event: how often it came, and in how many of the machine's states. */
function transitionsOf({ judge }: Simulation): string {
  const { states } = judge.table;
  const reached = judge.transitions.filter((count) => count > 0).length;
  const rows = EVENTS.map((event, code) => {
    const counts = states.map((_, state) => judge.transitions[state * WIDTH + code] as number);
    const sum = counts.reduce((total, count) => total + count, 0);
    const where = counts.filter((count) => count > 0).length;
    return rowOf(wordOf(event as Event), number(sum), String(where));
  });
  return [
    `transitions: ${number(reached)} of ${number(states.length * WIDTH)} reached`,
    `${rowOf('event', 'times', 'states')}  of ${states.length}`,
    ...rows,
  ].join('\n');
}

function rowOf(event: string, times: string, states: string): string {
  return `  ${event.padEnd(34)}${times.padStart(12)}${states.padStart(8)}`;
}

function positionsOf({ positions }: Simulation): string {
  const all = [...STRIKING, ...OTHERS].flatMap((fault) =>
    POSITIONS[fault].map((position) => positions.of(fault, position)),
  );
  const reached = all.filter((count) => count > 0).length;
  const places = [...POSITIONS.delay];
  const cell = (fault: (typeof STRIKING)[number], place: string) =>
    POSITIONS[fault].includes(place) ? number(positions.of(fault, place)) : '';
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(20)}${cells.map((text) => text.padStart(COLUMN)).join('')}`.trimEnd();
  return [
    `fault positions: ${reached} of ${all.length} reached`,
    row('', STRIKING),
    ...places.map((place) =>
      row(
        place,
        STRIKING.map((fault) => cell(fault, place)),
      ),
    ),
    ...OTHERS.map((fault) => {
      const counts = POSITIONS[fault].map((place) => [place, positions.of(fault, place)] as const);
      return `  ${fault.padEnd(12)}${listOf(Object.fromEntries(counts))}`;
    }),
  ].join('\n');
}

/** One exchange for people: its script in short, its trace, and what is wrong with it. */
export function storyOf(story: Story, simulation: Simulation): string {
  return [
    scriptOf(story),
    '',
    ...story.trace.map(format),
    '',
    wrongOf(story),
    `Again: ${replayOf(story.plan, simulation)}`,
    '',
  ].join('\n');
}

/** What the exchange was to be, and what it met. */
export function scriptOf({ plan, marks }: Story): string {
  const { status, shape, body, holds } = plan;
  const shown = plan.world === 'http' ? '' : `, ${plan.modes.request} and ${plan.modes.response}`;
  const route = holds ? 'by its model' : 'by its path';
  return (
    `Exchange ${plan.number} (${plan.id}): ${plan.world}${shown}; routed ${route}; ` +
    `its upstream says ${status}, ${shape}, ${body.length} bytes.\n` +
    `Faults met: ${marks.length === 0 ? 'none' : marks.join(', ')}.`
  );
}

export function wrongOf({ wrong }: Story): string {
  if (wrong === undefined) return 'Nothing is wrong with it.';
  return `Wrong: ${wrong.sentence} (${wrong.name})`;
}

/** The command that plays this exchange alone. */
export function replayOf({ number: only }: Pick<Plan, 'number'>, simulation: Simulation): string {
  return commandOf(`--exchange ${only}`, simulation);
}

/** The command that plays all of it again. */
export function repeatOf(simulation: Simulation): string {
  const { only, asked } = simulation;
  return only === undefined
    ? commandOf(`--exchanges ${asked}`, simulation)
    : replayOf({ number: only }, simulation);
}

function commandOf(which: string, { traffic, handler }: Simulation): string {
  const usual = trafficOf({ seed: traffic.seed, exchanges: 0, handler });
  const flags = [`--seed ${traffic.seed}`, which];
  if (handler !== 'machine') flags.push(`--handler ${handler}`);
  if (traffic.kind !== usual.kind) flags.push(`--traffic ${traffic.kind}`);
  if (traffic.lateEnds !== usual.lateEnds) flags.push(`--late-ends ${traffic.lateEnds}`);
  if (traffic.worlds.join() !== usual.worlds.join()) flags.push(`--world ${traffic.worlds[0]}`);
  if (traffic.faults.join() !== usual.faults.join()) {
    flags.push(`--faults ${traffic.faults.length === 0 ? 'none' : traffic.faults.join(',')}`);
  }
  return `interlock simulate ${flags.join(' ')}`;
}

/** Everything that was counted. `transitions` are the reached ones: state, event, times. */
export function jsonOf(simulation: Simulation) {
  const { judge, positions, failure, traffic } = simulation;
  const transitions: [string, string, number][] = [];
  for (const [cell, times] of judge.transitions.entries()) {
    if (times === 0) continue;
    const state = judge.table.states[Math.floor(cell / WIDTH)] as string;
    transitions.push([state, wordOf(EVENTS[cell % WIDTH] as Event), times]);
  }
  const counted = Object.fromEntries(
    Object.entries(POSITIONS).map(([fault, places]) => [
      fault,
      Object.fromEntries(places.map((place) => [place, positions.of(fault, place)])),
    ]),
  );
  const { handler, asked, exchanges, stopped, steps, byWorld, outcomes, anomalies } = simulation;
  return {
    seed: traffic.seed,
    handler,
    traffic: { kind: traffic.kind, faults: traffic.faults, lateEnds: traffic.lateEnds },
    asked,
    exchanges,
    stopped,
    right: isRight(simulation),
    withLateEnd: simulation.withLateEnd,
    failed: simulation.failed,
    steps,
    worlds: byWorld,
    outcomes,
    anomalies,
    faults: counted,
    states: judge.table.states.length,
    events: WIDTH,
    transitions,
    ...(failure !== undefined && {
      failure: {
        exchange: failure.plan.number,
        ...failure.wrong,
        faults: failure.marks,
        replay: replayOf(failure.plan, simulation),
        trace: failure.trace,
      },
    }),
  };
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, one], [, other]) => other - one);
  if (entries.length === 0) return 'none';
  return entries.map(([name, times]) => `${name} ${number(times)}`).join(', ');
}

function of(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}

/** Which transitions of a machine were taken, and how often: by event, and by state. */
import { EVENTS, textOf } from '../../machines/events.js';
import type { Table } from '../../src/table.js';
import type { Html } from './html.js';
import { html } from './html.js';
import { counted, tableOf } from './page.js';

const WIDTH = EVENTS.length;

/** `transitions` counts by state and event, as tables number them. */
export function transitionsOf({ states }: Table, transitions: Float64Array): Html {
  const byEvent = EVENTS.map((event, code) => {
    const counts = states.map((_, state) => transitions[state * WIDTH + code] as number);
    return [textOf(event), sumOf(counts), reachedIn(counts)];
  });
  const byState = states.map((name, state) => {
    const counts = [...transitions.subarray(state * WIDTH, (state + 1) * WIDTH)];
    return [name, sumOf(counts), reachedIn(counts)] as const;
  });
  const reached = byState.filter(([, times]) => times > 0).length;
  const taken = `${counted(reachedIn([...transitions]))} of ${counted(states.length * WIDTH)}`;
  const from = `${counted(reached)} of ${counted(states.length)}`;
  return html`<p>A transition is a state and an event: ${taken} were taken, from ${from} states.</p>
${tableOf({
  caption: 'By event',
  heads: ['event', 'times', `from how many of ${counted(states.length)} states`],
  rows: byEvent,
  code: true,
})}
${tableOf({
  caption: 'By state',
  heads: ['state', 'times', `by how many of ${WIDTH} events`],
  rows: byState,
  code: true,
})}`;
}

const sumOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
const reachedIn = (counts: readonly number[]) => counts.filter((count) => count > 0).length;

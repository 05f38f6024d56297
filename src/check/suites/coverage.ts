/** What a suite asks of its machine: each event in each state, and how often. */

import type { Event } from '../../../machines/events.js';
import { codeOf, EVENTS } from '../../../machines/events.js';
import type { Table } from '../../table.js';
import { wordOf } from '../../trace.js';
import type { Suite } from './suite.js';

const WIDTH = EVENTS.length;

/** How often each transition of the suite's machine is taken, by state and event. */
export function coverageOf({ scenarios }: Pick<Suite, 'scenarios'>, table: Table): Float64Array {
  const codes = new Map(EVENTS.map((event: Event) => [wordOf(event), codeOf(event)]));
  const transitions = new Float64Array(table.states.length * WIDTH);
  for (const scenario of scenarios) {
    let state = 0;
    for (const word of scenario) {
      const code = codes.get(word) as number;
      const cell = state * WIDTH + code;
      transitions[cell] = (transitions[cell] as number) + 1;
      ({ state } = table.step(state, code));
    }
  }
  return transitions;
}

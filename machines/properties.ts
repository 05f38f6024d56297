/**
 * What is claimed of an exchange: monitors, each named by a sentence, each a fold over steps.
 *
 * They speak of events and commands, hardly ever of states, so that one list judges the exchange
 * machine, the gateway of the bug, and every mutant of either. Beside each `always` stands a
 * `sometimes` that shows it is not vacuous: what it forbids has an occasion.
 */
import { deadlines } from './properties/deadlines.js';
import { downstream } from './properties/downstream.js';
import { duties } from './properties/duties.js';
import type { Property } from './properties/monitor.js';
import { always } from './properties/monitor.js';
import { occasions } from './properties/occasions.js';
import { outcomes } from './properties/outcome.js';
import { counts, resources } from './properties/resources.js';
import { upstream } from './properties/upstream.js';

export { eventualities, expiries } from './properties/liveness.js';
export type {
  Decision,
  Eventuality,
  Fairness,
  Memory,
  Mood,
  Property,
  Step,
} from './properties/monitor.js';
export { occasionOf } from './properties/monitor.js';

/** What holds whoever speaks, in any order. */
export const properties: readonly Property[] = Object.freeze([
  ...outcomes,
  ...downstream,
  ...upstream,
  ...resources,
  ...deadlines,
  ...duties,
  ...occasions,
]);

/** What holds as long as the peers keep to their grammar, or break it as the field does. */
export const nobodyIsRefused: Property = always(
  'nobodyIsRefused',
  'Nobody is refused as a violation of the protocol.',
  (memory, step) =>
    step.commands.some((item) => item.type === 'recordUsage' && item.outcome === 'violated')
      ? 'violated'
      : memory,
);

/** What holds only where every peer, and our own adapter, is well behaved. */
export const nobodyIsCounted: Property = always(
  'nobodyIsCounted',
  'No anomaly is counted, but for an upstream that lingers and a record that is not written.',
  (memory, step) => (counts(step) ? 'violated' : memory),
);

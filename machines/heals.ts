/**
 * What mends itself: each rule is a transition of a machine, and this table says which. Those of an
 * exchange are deadlines that decide; those beside it are of the machines `audit` and `upstream`.
 */
import type { Deadline, Event } from './events.js';

/** Each rule, with what it does. */
export const HEALS = {
  missingEnd: 'a response whose last event was seen is ended, if its end does not come',
  stalledUpstream: 'an upstream that does not go on is given up',
  stalledDownstream: 'a client that neither sends nor reads is given up',
  silentTransport: 'an exchange whose peers died without a word ends by its whole time',
  unsettledUsage: 'a record that is not written in time is not waited for',
  driftedAccounting: 'a count that differs from what it counts is set right',
  failingUpstream: 'an upstream that fails again and again is left alone, tried, and taken back',
} as const;
export type Heal = keyof typeof HEALS;

const byDeadline: Readonly<Record<Deadline, Heal | undefined>> = Object.freeze({
  connect: 'stalledUpstream',
  responseHeaders: 'stalledUpstream',
  firstByte: 'stalledUpstream',
  idle: 'stalledUpstream',
  progress: 'stalledUpstream',
  detach: 'stalledUpstream',
  linger: 'missingEnd',
  requestBody: 'stalledDownstream',
  stall: 'stalledDownstream',
  total: 'silentTransport',
  settle: 'unsettledUsage',
  // A shutdown mends nothing.
  drain: undefined,
});

/** The rule by which an exchange mended itself, when this event led it on to another state. */
export function healBy(event: Event): Heal | undefined {
  return event.type === 'deadline.expired' ? byDeadline[event.deadline] : undefined;
}

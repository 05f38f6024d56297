/** The golden traces: what an exchange leaves of an order of events that the field has shown. */
import { describe, expect, it } from 'vitest';
import type { Event } from '../machines/events.js';
import { events } from '../machines/events.js';
import { textOf, traceOf, validated } from './logs.js';

const request = [events.requestHeaders, events.requestBody, events.requestEnd];
const called = [...request, events.requestRouted, events.upstreamConnected];
const streaming = [...called, events.responseHeaders('success'), events.responseBody];
const settled = [events.usageRead, events.usageRecorded];

type Story = readonly [name: string, outcome: string, events: readonly Event[]];
const STORIES: readonly Story[] = [
  // field: A1 - the order of events that broke the gateway of the bug
  ['late-end', 'completed', [...streaming, events.responseEnd, ...settled, events.responseEnd]],
  // field: H22 - the client that leaves after the last event has all that it asked for
  [
    'left-after-the-last-event',
    'completed',
    [
      ...streaming,
      events.responseTerminal('succeeded'),
      events.downstreamClosed('cancel'),
      ...settled,
    ],
  ],
  [
    'left-early',
    'cancelled',
    [...streaming, events.downstreamClosed('cancel'), events.usageRecorded],
  ],
  ['truncated', 'upstreamFailed', [...streaming, events.upstreamFailed, events.usageRecorded]],
  [
    'stalled',
    'timedOut',
    [...streaming, events.deadlineExpired('idle'), events.usageRecorded, events.responseBody],
  ],
  ['refused', 'rejected', [...request, events.requestRefused, events.usageRecorded]],
];

describe('the trace of an exchange', () => {
  it.each(STORIES)('that is %s is the one that is kept: %s', async (name, outcome, told) => {
    const records = traceOf(told, name);
    await expect(textOf(records)).toMatchFileSnapshot(`traces/${name}.ndjson`);
    expect(records.at(-1)?.state).toBe(`processed.${outcome}`);
    expect(validated(textOf(records))).toMatchObject({ diverging: 0, unreadable: 0 });
  });
});

/** What a mapping may say, checked whole before a log is read: its keys, its events and its fields. */
import { z } from 'zod';
import { EVENTS } from '../../../machines/events.js';
import { acceptedFor } from '../../spelling.js';
import { acceptedEvents, wordOf } from '../../trace.js';
import { conditions, pattern } from './fields.js';

/** The code of each event, by its text. */
export const codes = new Map(EVENTS.map((event, code) => [wordOf(event), code]));

const event = z.string().refine((text) => codes.has(text), {
  error: ({ input }) => acceptedEvents(input),
});
const source = z
  .strictObject({ field: z.string().optional(), regex: pattern.optional() })
  .refine(({ field, regex }) => field !== undefined || regex !== undefined, {
    error: 'accepted: { field }, { regex } or both',
  });
const named = z.strictObject({ field: z.string(), names: z.record(z.string(), event).optional() });

const rule = z.strictObject({
  when: conditions.optional(),
  event: z.union([event, z.array(event), named], {
    error: 'accepted: an event, a list of events, or { field, names }',
  }),
  last: z.boolean().default(false),
});

export const schema = z
  .strictObject({
    format: z.enum(['ndjson', 'text']),
    pattern: pattern.optional(),
    records: z
      .array(z.strictObject({ path: z.string(), as: z.string().optional() }))
      .min(1)
      .default([{ path: '' }]),
    id: z.union([z.literal('line'), source]),
    time: z
      .strictObject({ field: z.string(), as: z.enum(['ms', 's', 'us', 'ns', 'iso']) })
      .optional(),
    whole: z.boolean().default(false),
    match: z.enum(['first', 'all']).default('first'),
    events: z.array(rule).min(1),
    ignore: z.array(conditions).default([]),
    otherwise: z.enum(['refuse', 'ignore']).default('refuse'),
    unseen: z.array(event).optional(),
    begins: z.enum(['start', 'anywhere']).default('start'),
    environment: z.enum(['anyone', 'wellBehaved', 'observed']).default('observed'),
    idleMs: z.int().min(1).optional(),
  })
  .superRefine((file, context) => {
    for (const [path, input, message] of misnamed(file)) {
      context.addIssue({ code: 'custom', path: [...path], input, message });
    }
  });

export type File = z.output<typeof schema>;
export type Source = z.output<typeof source>;
export type What = z.output<typeof rule>['event'];

type Path = readonly (string | number)[];

/** What the parts of a mapping name that no other part has: the place, the name, what is accepted. */
function* misnamed(file: File): Generator<[Path, string, string]> {
  const { format, pattern: shape, records } = file;
  if (format !== 'text' && shape !== undefined) {
    yield [['pattern'], shape.source, 'accepted: a pattern where the format is text'];
  }
  // Which fields the lines of NDJSON have, nobody knows before they are read.
  const known = format === 'text' ? [...groupsOf(shape), '$line', '$record'] : undefined;
  for (const [path, field] of fieldsAskedFor(file)) {
    if (known?.includes(field) === false) yield [path, field, acceptedFor(field, known)];
  }
  const kinds = records.flatMap(({ as }) => as ?? []);
  for (const [path, when] of conditionsIn(file)) {
    const kind = when.$record;
    if (typeof kind !== 'string' || kinds.includes(kind)) continue;
    yield [[...path, '$record'], kind, acceptedFor(kind, kinds)];
  }
}

/** The names of a pattern's groups, which are the fields of a line of text. */
function groupsOf(shape: RegExp | undefined): string[] {
  // With nothing as another choice it matches the empty text, and tells its groups.
  return Object.keys(new RegExp(`${shape?.source ?? ''}|`).exec('')?.groups ?? {});
}

function* fieldsAskedFor(file: File): Generator<[Path, string]> {
  const { id, time, events } = file;
  if (id !== 'line' && id.field !== undefined) yield [['id', 'field'], id.field];
  if (time !== undefined) yield [['time', 'field'], time.field];
  for (const [at, { event: what }] of events.entries()) {
    if (typeof what === 'object' && 'field' in what)
      yield [['events', at, 'event', 'field'], what.field];
  }
  for (const [path, when] of conditionsIn(file)) {
    for (const field of Object.keys(when)) yield [[...path, field], field];
  }
}

function* conditionsIn({ events, ignore }: File): Generator<[Path, z.output<typeof conditions>]> {
  for (const [at, { when = {} }] of events.entries()) yield [['events', at, 'when'], when];
  for (const [at, when] of ignore.entries()) yield [['ignore', at], when];
}

/** Fields of a record of a log, by their paths, and what a mapping may ask of them. */
import { z } from 'zod';

/** A record with those it stands in, from the inside out: a field is the first that has it. */
export type Scopes = readonly unknown[];

/**
 * The value at a dotted path. A key may itself have dots, and a list of `{ key, value }`, as OTLP
 * writes attributes, is read by its keys.
 */
export function fieldOf(scopes: Scopes, path: string): unknown {
  for (const scope of scopes) {
    const found = valueAt(scope, path);
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

function valueAt(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return attributeIn(value, path);
  if (typeof value !== 'object' || value === null) return undefined;
  const own = (value as Record<string, unknown>)[path];
  // Most fields are there by their whole name; what every object inherits is none.
  if (own !== undefined && Object.hasOwn(value, path)) return own;
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (!Object.hasOwn(value, head)) continue;
    const found = valueAt((value as Record<string, unknown>)[head], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function attributeIn(list: readonly unknown[], key: string): unknown {
  for (const item of list) {
    const { key: name, value } = (item ?? {}) as { key?: unknown; value?: unknown };
    if (name !== key) continue;
    // OTLP wraps a value in an object whose one key names its type.
    return typeof value === 'object' && value !== null ? Object.values(value)[0] : value;
  }
  return undefined;
}

/** The records at a path, with the scopes of each: lists on the way are walked through. */
export function* recordsAt(root: unknown, path: string): Generator<Scopes> {
  const keys = path === '' ? [] : path.split('.');
  function* walk(value: unknown, at: number, around: Scopes): Generator<Scopes> {
    if (Array.isArray(value)) {
      for (const item of value) yield* walk(item, at, around);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    const scopes = [value, ...around];
    if (at === keys.length) yield scopes;
    else yield* walk((value as Record<string, unknown>)[keys[at] as string], at + 1, scopes);
  }
  yield* walk(root, 0, []);
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** A regular expression, compiled where the file is read, so that a bad one is named there. */
export const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch (error) {
    const message = `accepted: a regular expression; ${(error as Error).message}`;
    context.addIssue({ code: 'custom', input: text, message });
    return z.NEVER;
  }
});

const ACCEPTED =
  'accepted: a value, a list of values, { regex }, { present }, { atLeast, atMost } or { not }';

const condition = z.union(
  [
    scalar,
    z.array(scalar),
    z
      .strictObject({
        regex: pattern.optional(),
        present: z.boolean().optional(),
        atLeast: z.number().optional(),
        atMost: z.number().optional(),
        not: z.union([scalar, z.array(scalar)]).optional(),
      })
      .refine((asked) => Object.keys(asked).length > 0, { error: ACCEPTED }),
  ],
  { error: ACCEPTED },
);
export const conditions = z.record(z.string(), condition);
type Condition = z.output<typeof condition>;
/** All of it must hold. */
type Asked = Exclude<Condition, z.output<typeof scalar> | readonly unknown[]>;

/** Gives the value of a field of the record in hand. */
export type Read = (field: string) => unknown;
export type Test = (read: Read) => boolean;

/** Holds where each field is as its condition says. */
export function testOf(when: z.output<typeof conditions>): Test {
  const tests = Object.entries(when).map(([field, what]) => [field, compiled(what)] as const);
  return (read) => tests.every(([field, test]) => test(read(field)));
}

function compiled(what: Condition): (value: unknown) => boolean {
  if (typeof what !== 'object')
    return (value) => value !== undefined && String(value) === `${what}`;
  if (Array.isArray(what)) {
    const texts = new Set(what.map(String));
    return (value) => value !== undefined && texts.has(String(value));
  }
  const tests = [...testsOf(what)];
  return (value) => tests.every((test) => test(value));
}

function* testsOf(what: Asked): Generator<(value: unknown) => boolean> {
  const { regex, present, atLeast, atMost, not } = what;
  if (regex !== undefined) yield (value) => value !== undefined && regex.test(String(value));
  if (present !== undefined) yield (value) => (value !== undefined) === present;
  if (not !== undefined) {
    const is = compiled(not);
    yield (value) => !is(value);
  }
  if (atLeast !== undefined) yield (value) => numberOf(value) >= atLeast;
  if (atMost !== undefined) yield (value) => numberOf(value) <= atMost;
}

function numberOf(value: unknown): number {
  return value === undefined || value === '' ? Number.NaN : Number(value);
}

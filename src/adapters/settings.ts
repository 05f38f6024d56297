/**
 * What the configuration files of all adapters have in common: how one is read and checked, and the
 * keys that mean the same in each. Every error names the key, what was found and what is accepted.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { InterlockError } from '../errors.js';

export const milliseconds = z.int().min(0).max(2_147_483_647);
export const bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

export const id = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'accepted: 1 to 64 letters, digits, . _ -');

export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Headers that say where a message ends, or are for one connection: none but a proxy writes them. */
export const FRAMING =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;
/** What a header's value may hold (RFC 9110 section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const VALUES = 'accepted: a text without line ends or other control characters';

/** Sent with every request, in place of the client's own. `${NAME}` is read from the environment. */
export const ownHeaders = z.record(z.string(), z.string()).superRefine((headers, context) => {
  for (const [name, value] of Object.entries(headers)) {
    const fault = (input: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], input, message });
    if (!TOKEN.test(name)) fault(name, "accepted: a header's name");
    else if (FRAMING.test(name)) fault(name, 'accepted: a header that does not frame the request');
    else if (!VALUE.test(value)) fault(value, VALUES);
  }
});

const model = z.string().regex(/^[^*]*\*?$/, 'accepted: a name, with "*" only at its end');

export const route = z
  .strictObject({
    /** Models, by name; a `*` at the end stands for any rest. Such a route holds the request body. */
    models: z.array(model.min(1)).min(1).optional(),
    /** Paths that begin with this. Such a route streams the request body at once. */
    path: z.string().startsWith('/', 'accepted: a path that begins with "/"').optional(),
    upstreams: z.array(id).min(1),
  })
  .refine((value) => value.models !== undefined || value.path !== undefined, {
    message: 'accepted: a route with "models", "path" or both',
  });

export const accounting = z
  .strictObject({
    bodyBytesMax: bytes.optional(),
    lineBytesMax: bytes.optional(),
    eventBytesMax: bytes.optional(),
    inflatedBytesMax: bytes.optional(),
    inflateRatioMax: z.number().min(1).optional(),
    tokensMax: bytes.optional(),
    /** Of all JSON bodies that are held at a time to be read. */
    bufferBudgetBytes: bytes.optional(),
  })
  .prefault({});

/** How often counts are held against what they count, in milliseconds. */
export const auditMs = milliseconds.min(1).default(5_000);

/** When an upstream that fails again and again is left alone, and for how long. */
export const ejection = z
  .strictObject({
    failures: z.int().min(0).max(1_000_000).default(5),
    forMs: milliseconds.min(1).default(10_000),
    forMsMax: milliseconds.min(1).default(300_000),
  })
  .refine(({ forMs, forMsMax }) => forMs <= forMsMax, {
    message: 'accepted: forMsMax that is not less than forMs',
  })
  .prefault({});

export type RouteConfig = z.output<typeof route>;

/** What the file of every adapter says of an upstream; where it is, each says in its own way. */
interface UpstreamConfig {
  readonly id: string;
  readonly headers: Record<string, string>;
}

/** The keys that are checked against each other, in the file of every adapter. */
interface Common {
  readonly upstreams: UpstreamConfig[];
  readonly routes?: RouteConfig[] | undefined;
}

/** Checks a parsed file. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function check<Config extends Common>(
  schema: z.ZodType<Config>,
  value: unknown,
  place: string,
  env: NodeJS.ProcessEnv,
): Config & { routes: RouteConfig[] } {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) {
    throw bad(
      place,
      result.error.issues.flatMap((issue) => explain(schema, issue)),
    );
  }
  const { upstreams, routes = everyPathTo(upstreams) } = result.data;
  const faults = [...crossCheck(upstreams, routes), ...readVariables(upstreams, env)];
  if (faults.length > 0) throw bad(place, faults);
  return { ...result.data, routes };
}

function everyPathTo(upstreams: readonly UpstreamConfig[]): RouteConfig[] {
  if (upstreams.length === 0) return [];
  return [{ path: '/', upstreams: upstreams.map((item) => item.id) }];
}

/** Throws `INTERLOCK_BAD_CONFIG` naming the file and the line. */
export function readYaml(file: string): unknown {
  try {
    const document = parseDocument(readFileSync(file, 'utf8'));
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) {
      throw bad(
        file,
        faults.map(({ message }) => message.trimEnd()),
      );
    }
    // A few lines of aliases of aliases would else unfold to any size.
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw cause instanceof InterlockError ? cause : bad(file, [(cause as Error).message]);
  }
}

/** Puts the environment's values in their places, and tells what it lacks; it never shows a value. */
function readVariables(upstreams: readonly UpstreamConfig[], env: NodeJS.ProcessEnv): string[] {
  const faults: string[] = [];
  for (const [place, { headers }] of upstreams.entries()) {
    for (const [name, text] of Object.entries(headers)) {
      const key = `upstreams[${place}].headers.${name}`;
      headers[name] = text.replace(/\$\{(\w+)\}/g, (_, variable: string) => {
        const found = env[variable];
        if (found === undefined) faults.push(`${key}: ${variable} is not in the environment`);
        else if (!VALUE.test(found)) faults.push(`${key}: of ${variable} is ${VALUES}`);
        return found ?? '';
      });
    }
  }
  return faults;
}

function crossCheck(
  upstreams: readonly UpstreamConfig[],
  routes: readonly RouteConfig[],
): string[] {
  const ids = upstreams.map((item) => item.id);
  const twice = ids.filter((item, place) => ids.indexOf(item) !== place);
  const faults = twice.map((item) => `upstreams: the id "${item}" is there twice`);
  for (const [place, item] of routes.entries()) {
    for (const name of item.upstreams) {
      if (ids.includes(name)) continue;
      faults.push(
        `routes[${place}].upstreams: "${name}" is no upstream; there ${ids.length === 0 ? 'is none' : `are ${ids.join(', ')}`}`,
      );
    }
  }
  return faults;
}

function explain(schema: z.ZodType, issue: z.core.$ZodIssue): string[] {
  const key = issue.path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    '',
  );
  const name = key === '' ? 'the file' : key.slice(1);
  if (issue.code === 'unrecognized_keys') {
    const accepted = keysAt(schema, issue.path).join(', ');
    return issue.keys.map(
      (unknown) =>
        `${key === '' ? '' : `${key.slice(1)}.`}${unknown}: no such key; accepted: ${accepted}`,
    );
  }
  const found = issue.input === undefined ? 'nothing' : JSON.stringify(issue.input);
  return [`${name}: found ${found.slice(0, 120)}; ${issue.message}`];
}

/** The keys that the object at this path may have. */
function keysAt(whole: z.ZodType, path: readonly PropertyKey[]): string[] {
  let schema: unknown = whole;
  for (const part of ['', ...path]) {
    if (schema instanceof z.ZodObject && part !== '') schema = schema.shape[part as string];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    while (
      schema instanceof z.ZodOptional ||
      schema instanceof z.ZodPrefault ||
      schema instanceof z.ZodDefault
    ) {
      schema = schema.unwrap();
    }
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function bad(place: string, faults: readonly string[]): InterlockError {
  return new InterlockError('INTERLOCK_BAD_CONFIG', `${place}: ${faults.join('\n  ')}`);
}

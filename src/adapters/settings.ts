/**
 * What the configuration files of all adapters have in common: how one is read and checked, and the
 * keys that mean the same in each. Every error names the key, what was found and what is accepted.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badDocument, checked, yamlIn } from '../documents.js';
import { acceptedFor } from '../spelling.js';

export const milliseconds = z.int().min(0).max(2_147_483_647);
/** A limit, up to 1 TiB. Where 0 would leave nothing to serve or to read, it is `.min(1)`. */
export const bytes = z
  .int()
  .min(0)
  .max(2 ** 40);
const read = bytes.min(1).optional();

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
    bodyBytesMax: read,
    lineBytesMax: read,
    eventBytesMax: read,
    inflatedBytesMax: read,
    inflateRatioMax: z.number().min(1).optional(),
    tokensMax: z.int().min(1).optional(),
    /** Of all JSON bodies that are held at a time to be read. */
    bufferBudgetBytes: read,
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
  const config = checked(schema, value, place);
  const { upstreams, routes = everyPathTo(upstreams) } = config;
  const faults = [...crossCheck(upstreams, routes), ...readVariables(upstreams, env)];
  if (faults.length > 0) throw badDocument(place, faults);
  return { ...config, routes };
}

function everyPathTo(upstreams: readonly UpstreamConfig[]): RouteConfig[] {
  if (upstreams.length === 0) return [];
  return [{ path: '/', upstreams: upstreams.map((item) => item.id) }];
}

/** Throws `INTERLOCK_BAD_CONFIG` naming the file and the line. */
export function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw badDocument(file, [(cause as Error).message]);
  }
  return yamlIn(text, file);
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
      const accepted = acceptedFor(name, ids);
      faults.push(`routes[${place}].upstreams: "${name}" is no upstream; ${accepted}`);
    }
  }
  return faults;
}

/**
 * The configuration of the HTTP gateway: a YAML file, or flags, checked at the door and plain typed
 * values inside. Every error names the key, what was found and what is accepted.
 */
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { Deadline } from '../../../machines/events.js';
import { InterlockError } from '../../errors.js';

const milliseconds = z.int().min(0).max(2_147_483_647);
const bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const httpUrl = z.string().superRefine((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    context.addIssue({ code: 'custom', message: 'accepted: an http:// or https:// URL' });
  } else if (url.search !== '' || url.hash !== '' || url.username !== '') {
    context.addIssue({
      code: 'custom',
      message: 'accepted: a URL without user, query or fragment',
    });
  }
});

const id = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'accepted: 1 to 64 letters, digits, . _ -');

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Headers that say where a message ends, or are for one connection: the gateway writes them. */
const FRAMING =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;
/** What a header's value may hold (RFC 9110 section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const VALUES = 'accepted: a text without line ends or other control characters';

const ownHeaders = z.record(z.string(), z.string()).superRefine((headers, context) => {
  for (const [name, value] of Object.entries(headers)) {
    const fault = (input: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], input, message });
    if (!TOKEN.test(name)) fault(name, "accepted: a header's name");
    else if (FRAMING.test(name)) fault(name, 'accepted: a header that does not frame the request');
    else if (!VALUE.test(value)) fault(value, VALUES);
  }
});

const upstream = z.strictObject({
  id,
  url: httpUrl,
  /** Sent with every request, in place of the client's own. `${NAME}` is read from the environment. */
  headers: ownHeaders.default({}),
});

const model = z.string().regex(/^[^*]*\*?$/, 'accepted: a name, with "*" only at its end');

const route = z
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

const deadlines = z
  .strictObject({
    connect: milliseconds.default(5_000),
    responseHeaders: milliseconds.default(120_000),
    requestBody: milliseconds.default(30_000),
    firstByte: milliseconds.default(120_000),
    idle: milliseconds.default(120_000),
    progress: milliseconds.default(300_000),
    linger: milliseconds.default(2_000),
    stall: milliseconds.default(60_000),
    total: milliseconds.default(3_600_000),
    drain: milliseconds.default(30_000),
    detach: milliseconds.default(30_000),
    settle: milliseconds.default(10_000),
  } satisfies Record<Deadline, unknown>)
  .prefault({});

const limits = z
  .strictObject({
    headersMax: z.int().min(1).default(100),
    headerBytesMax: bytes.default(16_384),
    urlBytesMax: bytes.default(8_192),
    requestBytesMax: bytes.default(64 * 1024 * 1024),
    heldBytesMax: bytes.default(16 * 1024 * 1024),
    detachedBytesMax: bytes.default(16 * 1024 * 1024),
    informationalMax: z.int().min(0).default(16),
    connectionsMax: z.int().min(1).default(1_024),
    headersMs: milliseconds.default(10_000),
    keepAliveMs: milliseconds.default(5_000),
    lingerBytes: bytes.default(1024 * 1024),
    lingerMs: milliseconds.default(1_000),
  })
  .prefault({});

const accounting = z
  .strictObject({
    bodyBytesMax: bytes.optional(),
    lineBytesMax: bytes.optional(),
    eventBytesMax: bytes.optional(),
    inflatedBytesMax: bytes.optional(),
    inflateRatioMax: z.number().min(1).optional(),
    tokensMax: bytes.optional(),
  })
  .prefault({});

const config = z.strictObject({
  upstreams: z.array(upstream).min(1, 'accepted: at least one upstream'),
  /** The first route that fits is taken. Default: every path, to every upstream. */
  routes: z.array(route).min(1).optional(),
  deadlines,
  limits,
  accounting,
  /** What a client that goes away means for its upstream: stop it, or read on for the bill. */
  onDisconnect: z.enum(['cancel', 'drain']).default('cancel'),
  /** Whether a client that closes only its sending side still gets its response. */
  onHalfClose: z.enum(['cancel', 'tolerate']).default('cancel'),
  /** Whether a stream that breaks gets an SSE error event, at an event boundary, before the abort. */
  errorEvent: z.boolean().default(true),
  /** Request headers that are never passed on, because they mean a route elsewhere (SEC-24). */
  stripHeaders: z
    .array(z.string().regex(TOKEN, "accepted: a header's name").toLowerCase())
    .default(['x-gateway-destination-endpoint', 'x-target']),
  /** Addresses that no upstream may have, as `address/prefix`, whatever its name resolves to. */
  denyAddresses: z
    .array(
      z.string().refine((value) => subnetOf(value) !== undefined, 'accepted: "address/prefix"'),
    )
    .default(['169.254.0.0/16', 'fe80::/10']),
});

export type GatewayConfig = z.output<typeof config> & { routes: z.output<typeof route>[] };
export type RouteConfig = z.output<typeof route>;
export type UpstreamConfig = z.output<typeof upstream>;

/** Checks a parsed configuration. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function checkConfig(value: unknown, place: string, env = process.env): GatewayConfig {
  const result = config.safeParse(value, { reportInput: true });
  if (!result.success) {
    throw bad(place, result.error.issues.flatMap(explain));
  }
  const { routes = [{ path: '/', upstreams: result.data.upstreams.map((item) => item.id) }] } =
    result.data;
  const checked = { ...result.data, routes };
  const faults = [...crossCheck(checked), ...readVariables(checked, env)];
  if (faults.length > 0) throw bad(place, faults);
  return checked;
}

/** Reads and checks a YAML file. Throws `INTERLOCK_BAD_CONFIG` naming the file, the line or the key. */
export function readConfig(file: string, env = process.env): GatewayConfig {
  return checkConfig(readYaml(file) ?? {}, file, env);
}

function readYaml(file: string): unknown {
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
function readVariables({ upstreams }: GatewayConfig, env: NodeJS.ProcessEnv): string[] {
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

/** Address ranges as one list to ask. */
export function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const { address, prefix, family } = subnetOf(range) as Subnet;
    list.addSubnet(address, prefix, family);
  }
  return list;
}

interface Subnet {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

function subnetOf(text: string): Subnet | undefined {
  const [address = '', bits = '', rest] = text.split('/');
  const version = isIP(address);
  const prefix = Number(bits);
  if (version === 0 || rest !== undefined || !/^\d{1,3}$/.test(bits)) return undefined;
  if (prefix > (version === 4 ? 32 : 128)) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function crossCheck({ upstreams, routes }: GatewayConfig): string[] {
  const ids = upstreams.map((item) => item.id);
  const twice = ids.filter((item, place) => ids.indexOf(item) !== place);
  const faults = twice.map((item) => `upstreams: the id "${item}" is there twice`);
  for (const [place, item] of routes.entries()) {
    for (const name of item.upstreams) {
      if (ids.includes(name)) continue;
      faults.push(
        `routes[${place}].upstreams: "${name}" is no upstream; there are ${ids.join(', ')}`,
      );
    }
  }
  return faults;
}

function explain(issue: z.core.$ZodIssue): string[] {
  const key = issue.path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    '',
  );
  const name = key === '' ? 'the file' : key.slice(1);
  if (issue.code === 'unrecognized_keys') {
    const accepted = keysAt(issue.path).join(', ');
    return issue.keys.map(
      (unknown) =>
        `${key === '' ? '' : `${key.slice(1)}.`}${unknown}: no such key; accepted: ${accepted}`,
    );
  }
  const found = issue.input === undefined ? 'nothing' : JSON.stringify(issue.input);
  return [`${name}: found ${found.slice(0, 120)}; ${issue.message}`];
}

/** The keys that the object at this path may have. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = config;
  for (const part of ['', ...path]) {
    if (schema instanceof z.ZodObject && part !== '') schema = schema.shape[part as string];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    while (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
      schema = schema.unwrap();
    }
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function bad(place: string, faults: readonly string[]): InterlockError {
  return new InterlockError('INTERLOCK_BAD_CONFIG', `${place}: ${faults.join('\n  ')}`);
}

/**
 * The configuration of the HTTP gateway: a YAML file, or flags, checked at the door and plain typed
 * values inside.
 */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import type { Deadline } from '../../../machines/events.js';
import type { RouteConfig } from '../settings.js';
import {
  accounting,
  auditMs,
  bytes,
  check,
  ejection,
  id,
  milliseconds,
  ownHeaders,
  readYaml,
  route,
  TOKEN,
} from '../settings.js';

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
    headerBytesMax: bytes.min(1).default(16_384),
    urlBytesMax: bytes.min(1).default(8_192),
    requestBytesMax: bytes.min(1).default(64 * 1024 * 1024),
    heldBytesMax: bytes.min(1).default(16 * 1024 * 1024),
    detachedBytesMax: bytes.default(16 * 1024 * 1024),
    informationalMax: z.int().min(0).default(16),
    connectionsMax: z.int().min(1).default(1_024),
    headersMs: milliseconds.default(10_000),
    keepAliveMs: milliseconds.default(5_000),
    lingerBytes: bytes.default(1024 * 1024),
    lingerMs: milliseconds.default(1_000),
  })
  .prefault({});

const config = z.strictObject({
  upstreams: z
    .array(z.strictObject({ id, url: httpUrl, headers: ownHeaders.default({}) }))
    .min(1, 'accepted: at least one upstream'),
  /** The first route that fits is taken. Default: every path, to every upstream. */
  routes: z.array(route).min(1).optional(),
  deadlines,
  limits,
  accounting,
  ejection,
  auditMs,
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

export type UpstreamConfig = z.output<typeof config>['upstreams'][number];
export type GatewayConfig = z.output<typeof config> & { routes: RouteConfig[] };

/** Checks a parsed configuration. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function checkConfig(value: unknown, place: string, env = process.env): GatewayConfig {
  return check(config, value, place, env);
}

/** Reads and checks a YAML file. Throws `INTERLOCK_BAD_CONFIG` naming the file, the line or the key. */
export function readConfig(file: string, env = process.env): GatewayConfig {
  return checkConfig(readYaml(file) ?? {}, file, env);
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

/**
 * The configuration of the ext_proc server: a YAML file, or nothing, checked at the door and plain
 * typed values inside.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Deadline } from '../../../machines/events.js';
import type { DeadlineTimes } from '../deadlines.js';
import type { RouteConfig } from '../settings.js';
import {
  accounting,
  auditMs,
  bytes,
  check,
  ejection,
  FRAMING,
  id,
  milliseconds,
  ownHeaders,
  readYaml,
  route,
  TOKEN,
} from '../settings.js';
import { BODY_MODES } from './wire.js';

const ENDPOINT = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

function isEndpoint(text: string): boolean {
  const [, six, host = '', port] = ENDPOINT.exec(text) ?? [];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) return false;
  if (six !== undefined) return isIP(six) === 6;
  // What looks like an address and is none would be taken for a name that nobody has.
  return !/^[0-9.]+$/.test(host) || isIP(host) === 4;
}

const header = z
  .string()
  .regex(TOKEN, "accepted: a header's name")
  .refine((name) => !FRAMING.test(name), 'accepted: a header that does not frame the request')
  .transform((name) => name.toLowerCase());

/**
 * Of the machine's deadlines those that are ours to keep. The pace of the peers is Envoy's to judge:
 * it has timeouts of its own for them, and what it does not show us looks like silence.
 */
const deadlines = z
  .strictObject({
    total: milliseconds.default(3_600_000),
    drain: milliseconds.default(30_000),
    stall: milliseconds.default(60_000),
    settle: milliseconds.default(10_000),
  } satisfies Partial<Record<Deadline, unknown>>)
  .prefault({});

const limits = z
  .strictObject({
    /** More than may be held, so that a body that is too large is refused and its stream not broken. */
    messageBytesMax: bytes.min(1).default(32 * 1024 * 1024),
    requestBytesMax: bytes.min(1).default(64 * 1024 * 1024),
    heldBytesMax: bytes.min(1).default(16 * 1024 * 1024),
    streamsMax: z.int().min(1).max(2_147_483_647).default(500),
  })
  .prefault({});

const modes = z
  .strictObject({
    requestBody: z.enum(BODY_MODES).optional(),
    responseBody: z.enum(BODY_MODES).optional(),
  })
  .prefault({});

const config = z.strictObject({
  upstreams: z
    .array(
      z.strictObject({
        id,
        endpoint: z.string().refine(isEndpoint, 'accepted: "host:port", with an address or a name'),
        headers: ownHeaders.default({}),
      }),
    )
    .default([]),
  /** The first route that fits is taken. Default: every path, to every upstream. */
  routes: z.array(route).min(1).optional(),
  deadlines,
  limits,
  accounting,
  ejection,
  auditMs,
  /** Where Envoy is told which upstream was chosen. What a client sends in it is taken out (SEC-24). */
  destinationHeader: header.default('x-gateway-destination-endpoint'),
  /** The namespace of the usage in the dynamic metadata. */
  metadataNamespace: z.string().min(1).max(256).default('io.interlock'),
  /** Whether an SSE response that Envoy would buffer is asked for as a stream. */
  streamSse: z.boolean().default(false),
  /** The body modes of an Envoy that does not say them itself. */
  modes,
});

export type ExtProcConfig = z.output<typeof config> & { routes: RouteConfig[] };
export type EndpointConfig = ExtProcConfig['upstreams'][number];

/** Checks a parsed configuration. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function checkConfig(value: unknown, place: string, env = process.env): ExtProcConfig {
  return check(config, value, place, env);
}

/** Reads and checks a YAML file. Throws `INTERLOCK_BAD_CONFIG` naming the file, the line or the key. */
export function readConfig(file: string, env = process.env): ExtProcConfig {
  return checkConfig(readYaml(file) ?? {}, file, env);
}

/** The times of all deadlines; 0 for those that are not ours. */
export function timesOf({ deadlines: own }: ExtProcConfig): DeadlineTimes {
  return {
    connect: 0,
    responseHeaders: 0,
    requestBody: 0,
    firstByte: 0,
    idle: 0,
    progress: 0,
    linger: 0,
    detach: 0,
    ...own,
  };
}

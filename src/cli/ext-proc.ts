/** `interlock ext-proc`: the server that an Envoy asks about the exchanges that pass through it. */
import { dirname, join } from 'node:path';
import type { ServerCredentials } from '@grpc/grpc-js';
import { Command, Option } from 'commander';
import type { Security } from '../adapters/ext-proc/credentials.js';
import type { ExtProcServerOptions } from '../adapters/ext-proc/server.js';
import type { RouteConfig } from '../adapters/settings.js';
import { InterlockError } from '../errors.js';
import type { Table } from '../table.js';
import { collect, listening, place } from './options.js';
import type { Open, Serving, ServingFlags } from './serving.js';
import {
  addServingOptions,
  configIn,
  INSPECTION_HELP,
  inspectionLines,
  openInspection,
  openLedger,
  sayerOf,
  serve,
  usageOf,
} from './serving.js';
import { openTelemetry, TELEMETRY_HELP, telemetryLines } from './telemetry.js';

interface Flags extends ServingFlags {
  readonly listen: string;
  readonly health?: string;
  readonly config?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tlsClientName?: string[];
  readonly plaintext?: true;
  readonly legacy?: true;
}

/** Where the server listens unless it is said, and where the examples of Envoy's side ask. */
const LISTEN = '127.0.0.1:9002';

type Common = Pick<ExtProcServerOptions, 'ledger' | 'watch' | 'telemetry' | 'warn'>;

const HELP = `
Without a configuration file Envoy routes as it was told to, and the server accounts for what
passes. The file is YAML, and all of its keys have defaults:

  upstreams:
    - id: main                            # without routes, all take every path in turn
      endpoint: 10.0.0.7:8000             # what Envoy is told in the destination header
      headers:
        authorization: Bearer \${API_KEY}  # read from the environment
    - id: spare
      endpoint: 10.0.0.8:8000
  routes:                                 # the first that fits is taken
    - models: ["llama-*", "gpt-small"]    # reads the model, so Envoy must show the request body
      upstreams: [main, spare]            # the one with the fewest exchanges in flight
    - path: /v1/                          # needs the request's headers alone
      upstreams: [main]
  destinationHeader: x-gateway-destination-endpoint # from a client it is taken out
  metadataNamespace: io.interlock         # of the usage, in Envoy's dynamic metadata
  streamSse: false                        # asks for an SSE response as a stream where Envoy buffers
  modes: {}                               # the body modes of an Envoy that does not say them itself
    # requestBody responseBody            # NONE STREAMED BUFFERED BUFFERED_PARTIAL ...
  deadlines:                              # milliseconds; 0: never
    total: 3600000                        # the whole exchange
    drain: 30000                          # what is in flight at a shutdown
    stall: 60000                          # an Envoy that does not read
    settle: 10000                         # the usage record
  limits:
    messageBytesMax: 33554432             # of one message, so of a body that Envoy buffers
    requestBytesMax: 67108864             # of a request body
    heldBytesMax: 16777216                # of a request body that is held for its model
    streamsMax: 500                       # open at once, on each connection
  accounting: {}                          # what is read of responses for their usage, from 1 to:
    # bodyBytesMax lineBytesMax eventBytesMax inflatedBytesMax inflateRatioMax tokensMax
    # bufferBudgetBytes: of all JSON bodies that are held at a time, 256 MiB
  ejection:                               # an upstream that fails again and again gets no exchange
    failures: 5                           # in a row; 0: never
    forMs: 10000                          # then one is tried; twice as long for each next time
    forMsMax: 300000                      # at the most; the last upstream of a route is kept
  auditMs: 5000                           # how often counts are held against what they count

What Envoy's filter must say:
  processing_mode    request_header_mode and response_header_mode: SEND; response_body_mode other
                     than NONE, for the usage; request_body_mode: BUFFERED or FULL_DUPLEX_STREAMED,
                     to route by model; with FULL_DUPLEX_STREAMED the trailers of that half: SEND
  allow_mode_override               true, for streamSse
  metadata_options                  receiving_namespaces: untyped: [io.interlock]
  grpc_service.timeout              none: a stream is as long as its exchange
deploy/envoy.yaml and deploy/kubernetes.yaml, beside the server's sources, are whole examples.

Plaintext is for this machine: a loopback address, localhost or unix:PATH. Elsewhere TLS is needed,
or --plaintext where something else, such as a mesh, keeps others away. With --tls-client-ca only
clients with a certificate of it are heard, and with --tls-client-name only those whose certificate
holds one of the names, exactly: a DNS name or a URI. Certificates are read once, at the start.

Health is gRPC's own, for the names "", "liveness", "readiness" and
"envoy.service.ext_proc.v3.ExternalProcessor", where exchanges are heard and on --health, which is
plaintext for whoever probes. SIGTERM makes all but "liveness" NOT_SERVING, lets the exchanges in
flight finish within the drain deadline, refuses others with 503 and Retry-After, and leaves none
without a usage record; a second one does so at once. A usage file that takes nothing is waited for
3 seconds, and what it did not get is said.
${INSPECTION_HELP}
${TELEMETRY_HELP}

--legacy serves the handler of the bug that this project comes from: a second, empty end of the same
response turns a finished exchange into a 500. For looking at it, and for nothing else.`;

export function extProcCommand(): Command {
  const command = new Command('ext-proc')
    .description('Run the Envoy External Processing server.')
    .addOption(
      new Option('--listen <place>', 'where to listen: host:port, port 0 a free one; or unix:path')
        .argParser(place)
        .default(LISTEN),
    )
    .addOption(
      new Option('--health <place>', 'where to answer health checks too, and nothing else')
        .argParser(place)
        .conflicts('legacy'),
    )
    .addOption(
      new Option('--config <file>', 'a YAML file with upstreams, routes and limits').conflicts(
        'legacy',
      ),
    )
    .option('--tls-cert <file>', "the server's certificate, PEM")
    .option('--tls-key <file>', 'its key, PEM')
    .option('--tls-client-ca <file>', 'who signs the certificates that clients must have, PEM')
    .addOption(
      new Option('--tls-client-name <name>', 'one that they must hold; may be given more than once')
        .argParser(collect)
        .conflicts('legacy'),
    )
    .addOption(
      new Option('--plaintext', 'no TLS, though others can reach the address').conflicts([
        'tlsCert',
        'tlsKey',
        'tlsClientCa',
        'tlsClientName',
      ]),
    );
  return addServingOptions(command)
    .option('--legacy', 'serve the handler of the bug instead')
    .addHelpText('after', HELP)
    .action((flags: Flags) => serve((open) => start(flags, open)));
}

/** What is served: the server, or the one of the bug. */
interface Server extends Serving {
  readonly address: string;
  listen(at: string, credentials: ServerCredentials): Promise<void>;
  listenHealth?(at: string): Promise<string>;
  close(): Promise<void>;
}

interface Maker {
  serverFor(common: Common): Server;
  readonly routes: readonly RouteConfig[];
  /** Default: that of the machine. */
  readonly table?: Table;
}

async function start(flags: Flags, open: Open): Promise<Serving> {
  // Before anything is opened: what is wrong must leave nothing behind.
  const security = await securityOf(flags);
  const { serverFor, routes, table } = await makerOf(flags, security);
  const inspection = await openInspection(flags, open, table);
  const observed = await openTelemetry(flags, routes, open);
  const ledger = await openLedger(flags, open);
  const { telemetry, warn } = observed ?? {};
  const server = serverFor({ ledger, watch: inspection?.watch, telemetry, warn });
  open.push(() => server.close());
  await listening(flags.listen, (at) => server.listen(at, security.credentials));
  const health = await openHealth(flags, server);
  const say = sayerOf(flags);
  say(`interlock ext-proc listens on ${server.address}`);
  if (flags.legacy === true) say('  THE HANDLER OF THE BUG is served, and not the machine');
  say(`  usage records: ${usageOf(flags)}`);
  if (health !== undefined) say(`  health checks, there and on: ${health}`);
  if (inspection !== undefined) say(inspectionLines(inspection));
  for (const line of telemetryLines(observed)) say(line);
  say(await directions(flags, server.address));
  return server;
}

// The server is loaded when it is asked for, so that no other command waits for gRPC.
async function makerOf(flags: Flags, { admits }: Security): Promise<Maker> {
  if (flags.legacy === true) {
    const { LegacyServer } = await import('../adapters/ext-proc/legacy.js');
    const { legacyTable } = await import('../adapters/ext-proc/legacy-handler.js');
    return { serverFor: (common) => new LegacyServer(common), routes: [], table: legacyTable };
  }
  const { checkConfig, readConfig } = await import('../adapters/ext-proc/config.js');
  const { ExtProcServer } = await import('../adapters/ext-proc/server.js');
  const config =
    flags.config === undefined
      ? checkConfig({}, 'the defaults')
      : configIn(flags.config, 'ext-proc', readConfig);
  const { routes } = config;
  return { serverFor: (common) => new ExtProcServer({ ...common, config, admits }), routes };
}

async function securityOf(flags: Flags): Promise<Security> {
  const { tlsCert, tlsKey, tlsClientCa, tlsClientName } = flags;
  const { plaintextAt, tlsOf } = await import('../adapters/ext-proc/credentials.js');
  if (tlsCert !== undefined && tlsKey !== undefined) {
    const clientNames = tlsClientName;
    return tlsOf({ cert: tlsCert, key: tlsKey, clientCa: tlsClientCa, clientNames });
  }
  const given = tlsCert ?? tlsKey ?? tlsClientCa ?? tlsClientName;
  if (given !== undefined) {
    throw new InterlockError(
      'INTERLOCK_BAD_OPTION',
      'TLS was asked for in part. Accepted: --tls-cert and --tls-key; with them --tls-client-ca; ' +
        'with it --tls-client-name.',
    );
  }
  return plaintextAt(flags.listen, flags.plaintext);
}

async function openHealth({ health }: Flags, server: Server): Promise<string | undefined> {
  if (health === undefined) return undefined;
  return await listening(health, async (at) => server.listenHealth?.(at), '--health');
}

/** How Envoy is made to ask here. */
async function directions(flags: Flags, address: string): Promise<string> {
  const { protoFile } = await import('../adapters/ext-proc/wire.js');
  const example = join(dirname(protoFile), 'deploy', 'envoy.yaml');
  const scheme = flags.tlsCert === undefined ? 'HTTP/2' : 'HTTP/2 with TLS';
  const elsewhere = address === LISTEN ? '' : `, with ${address} in the place of ${LISTEN}`;
  return `  Envoy: an ext_proc filter whose gRPC service is a cluster of ${address}, over ${scheme}
    an example for routes by model: ${example}${elsewhere}`;
}

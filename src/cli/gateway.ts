/** `interlock gateway`: the HTTP reverse proxy. */
import { Command, Option } from 'commander';
import type { GatewayConfig } from '../adapters/http/config.js';
import { checkConfig, readConfig } from '../adapters/http/config.js';
import { HttpGateway } from '../adapters/http/server.js';
import type { Upstream } from '../upstream/index.js';
import { startUpstream } from '../upstream/index.js';
import type { Address } from './options.js';
import { address, collect, listening } from './options.js';
import type { Open, ServingFlags } from './serving.js';
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
  readonly listen: Address;
  readonly config?: string;
  readonly upstream?: string[];
}

const HELP = `
With no upstream given, the embedded one is started, and a curl line to try is printed.

A configuration file is YAML. All keys but "upstreams" have defaults:

  upstreams:
    - id: main
      url: https://llm.example.com      # a path, such as /api, is put before the request's own
      headers:
        authorization: Bearer \${API_KEY} # read from the environment
    - id: spare
      url: http://10.0.0.7:8000
  routes:                               # the first that fits is taken
    - models: ["llama-*", "gpt-small"]  # reads the model, so the request body is held
      upstreams: [main, spare]          # the one with the fewest exchanges in flight
    - path: /v1/                        # streams the request body at once
      upstreams: [main]
  deadlines:                            # milliseconds; 0: never
    connect: 5000                       # to reach the upstream
    responseHeaders: 120000             # from the end of the request
    requestBody: 30000                  # between two pieces of the request
    firstByte: 120000                   # from the response headers to the first byte of the body
    idle: 120000                        # between two chunks
    progress: 300000                    # between two chunks that are more than a comment
    linger: 2000                        # from the last event of a stream to its end
    stall: 60000                        # a client that does not read
    total: 3600000                      # the whole exchange
    drain: 30000                        # what is in flight at a shutdown
    detach: 30000                       # reading on for a client that has gone
    settle: 10000                       # the usage record
  limits:
    headersMax: 100                     # header fields of a request, then their bytes
    headerBytesMax: 16384
    urlBytesMax: 8192
    requestBytesMax: 67108864           # of a request body
    heldBytesMax: 16777216              # of a request body that is held for its model
    detachedBytesMax: 16777216          # read on for a client that has gone
    informationalMax: 16                # 1xx responses before the response
    connectionsMax: 1024                # to each upstream
    headersMs: 10000                    # for the headers of a request to arrive; 0: for ever
    keepAliveMs: 5000                   # for a connection without a request; 0: for ever
    lingerBytes: 1048576                # of an upload that is read on after its response
    lingerMs: 1000                      # and for how long
  onDisconnect: cancel                  # or drain: read on to the end, for the bill
  onHalfClose: cancel                   # or tolerate
  errorEvent: true                      # an SSE error event before a broken stream is cut
  stripHeaders: [x-gateway-destination-endpoint, x-target] # never passed on
  denyAddresses: [169.254.0.0/16, fe80::/10]               # no upstream may resolve to these
  accounting: {}                        # what is read of responses for their usage, from 1 to:
    # bodyBytesMax lineBytesMax eventBytesMax inflatedBytesMax inflateRatioMax tokensMax
    # bufferBudgetBytes: of all JSON bodies that are held at a time, 256 MiB
  ejection:                             # an upstream that fails again and again gets no exchange
    failures: 5                         # in a row; 0: never
    forMs: 10000                        # then one is tried; twice as long for each next time
    forMsMax: 300000                    # at the most; the last upstream of a route is kept
  auditMs: 5000                         # how often counts are held against what they count
${INSPECTION_HELP}
${TELEMETRY_HELP}

GET /healthz and GET /readyz are answered by the gateway. SIGTERM stops taking exchanges, lets
those in flight finish within the drain deadline, and leaves none without a usage record; a second
one does so at once. A usage file that takes nothing is waited for 3 seconds, and what it did not get
is said. Upstreams are judged by the exchanges that they get; equal ones take turns.

The gateway does not ask its clients who they are. With a key of yours in "headers", whoever can
reach it spends that key: listen on 127.0.0.1, or put something in front that asks.`;

export function gatewayCommand(): Command {
  const command = new Command('gateway')
    .description('Run the HTTP reverse proxy for OpenAI-compatible upstreams.')
    .addOption(
      new Option('--listen <host:port>', 'where to listen; port 0 takes a free one')
        .argParser(address)
        .default({ host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'),
    )
    .addOption(
      new Option('--upstream <url>', 'an upstream for every path; may be given more than once')
        .argParser(collect)
        .conflicts('config'),
    )
    .option('--config <file>', 'a YAML file with upstreams, routes, deadlines and limits');
  return addServingOptions(command)
    .addHelpText('after', HELP)
    .action((flags: Flags) => serve((open) => start(flags, open)));
}

async function start(flags: Flags, open: Open): Promise<HttpGateway> {
  // Before anything is opened: a configuration that is wrong must leave nothing behind.
  const given = configOf(flags);
  const inspection = await openInspection(flags, open);
  const observed = await openTelemetry(flags, given?.routes ?? [], open);
  const upstream = given === undefined ? await startUpstream({ tokenDelayMs: 20 }) : undefined;
  open.push(async () => upstream?.close());
  const ledger = await openLedger(flags, open);
  const config = given ?? configFor([(upstream as Upstream).url], 'the embedded upstream');
  const { telemetry, warn } = observed ?? {};
  const gateway = new HttpGateway({ config, ledger, watch: inspection?.watch, telemetry, warn });
  open.push(() => gateway.close());
  await listening(flags.listen, ({ host, port }) => gateway.listen(host, port));
  const say = sayerOf(flags);
  say(`interlock gateway listens on ${gateway.url}`);
  if (inspection !== undefined) say(inspectionLines(inspection));
  for (const line of telemetryLines(observed)) say(line);
  if (upstream !== undefined) say(greeting(gateway.url, upstream, usageOf(flags)));
  return gateway;
}

/** What the flags ask for; undefined where it is the embedded upstream. */
function configOf({ config, upstream }: Flags): GatewayConfig | undefined {
  if (upstream !== undefined) return configFor(upstream, '--upstream');
  return config === undefined ? undefined : configIn(config, 'gateway', readConfig);
}

function configFor(urls: readonly string[], place: string): GatewayConfig {
  return checkConfig(
    { upstreams: urls.map((url, at) => ({ id: `upstream-${at + 1}`, url })) },
    place,
  );
}

function greeting(url: string, { url: upstream }: Upstream, usage: string): string {
  const body = JSON.stringify({
    model: 'interlock-small',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: 'Tell me about order.' }],
  });
  return `  upstream: the embedded one, ${upstream}
  usage records: ${usage}
  try:
    curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
      -d '${body}'
  a faulty upstream: "model": "fault:F03" (see interlock upstream --help)`;
}

/** `--metrics`, `--otlp` and `--log`: what is told of the exchanges of a server, and where. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { RouteConfig } from '../adapters/settings.js';
import { warnOnStderr } from '../adapters/warnings.js';
import { bad, COLLECTOR, endpointsOf, isCollector } from '../observe/endpoints.js';
import type { Opened } from '../observe/open.js';
import type { Address } from './options.js';
import { address, listening } from './options.js';
import type { Open } from './serving.js';

export interface TelemetryFlags {
  readonly metrics?: Address;
  readonly otlp?: string;
  readonly log?: 'info' | 'warn';
}

const METRICS_AT = '127.0.0.1:9090';

export const TELEMETRY_HELP = `
--metrics serves GET /metrics for Prometheus: exchanges by state and outcome, time in each state,
anomalies, deadlines, heals, usage, buffers, and the gen_ai.* metrics of OpenTelemetry. Who reaches
the port can read it: it is on this machine alone unless another address is given. --otlp sends
metrics and a span per exchange to a collector, as OTLP over HTTP (http/protobuf;
OTEL_EXPORTER_OTLP_PROTOCOL=http/json for JSON); OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_*
variables do so too. --log writes a JSON line per exchange to stderr, with no headers, no bodies and
no query: "info" all, "warn" those that failed by a fault of somebody, so neither cancelled nor
rejected ones. No exchange waits for any of them. Models are told by name in metrics where a route
names them, and the first 100 others that an upstream answers for; the rest is "other".
OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental gives the newer names of gen_ai.*.`;

export function addTelemetryOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--metrics [host:port]', 'serve metrics for Prometheus there')
        .argParser(address)
        .preset(METRICS_AT)
        .conflicts('legacy'),
    )
    .addOption(
      new Option('--otlp <url>', 'send metrics and spans to this OpenTelemetry collector')
        .argParser(collector)
        .conflicts('legacy'),
    )
    .addOption(
      new Option('--log [level]', 'write a line per exchange to stderr: info, or warn')
        .choices(['info', 'warn'])
        .preset('info')
        .conflicts('legacy'),
    );
}

/** Opens what was asked for; undefined where nothing was, which then loads nothing either. */
export async function openTelemetry(
  flags: TelemetryFlags,
  routes: readonly RouteConfig[],
  open: Open,
): Promise<Opened | undefined> {
  const endpoints = endpointsOf(flags.otlp);
  const { metrics, log } = flags;
  if (metrics === undefined && log === undefined && Object.keys(endpoints).length === 0) {
    return undefined;
  }
  const { openTelemetry: opening } = await import('../observe/open.js');
  const opened = await opening({
    metrics: metrics && ((listen) => listening(metrics, listen, '--metrics')),
    endpoints,
    log,
    models: routes.flatMap(({ models = [] }) => models).filter((name) => !name.endsWith('*')),
    warn: warnOnStderr,
  });
  open.push(opened.close);
  return opened;
}

/** What people are told at the start. */
export function telemetryLines(opened: Opened | undefined): string[] {
  if (opened === undefined) return [];
  const { metricsUrl, endpoints } = opened;
  const sent = Object.entries(endpoints).map(([signal, { url }]) => `  ${signal} to ${url}`);
  return metricsUrl === undefined ? sent : [`  metrics: ${metricsUrl}`, ...sent];
}

function collector(text: string): string {
  if (isCollector(text)) return text;
  throw bad('--otlp', text, `${COLLECTOR}, such as http://127.0.0.1:4318`);
}

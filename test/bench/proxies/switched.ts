/**
 * The gateway whose telemetry changes every moment: none, metrics alone, metrics and spans. Within
 * one process both sides have the same compiled code and the same moments of the machine, which
 * between processes are worth more than what is to be measured.
 */
import { checkConfig } from '../../../src/adapters/http/config.js';
import { HttpGateway } from '../../../src/adapters/http/server.js';
import { endpointsOf } from '../../../src/observe/endpoints.js';
import { openTelemetry } from '../../../src/observe/open.js';
import type { Telemetry } from '../../../src/observe/telemetry.js';
import { ledger } from '../ledger.js';
import { upstream } from './serve.js';

const MODES = ['without', 'metrics', 'metrics and spans'] as const;
export type Mode = (typeof MODES)[number];

/** What one mode did in its share of a round. */
export interface Share {
  readonly cpuMicros: number;
  readonly wallMs: number;
  readonly requests: number;
}
/** A share of each mode, one after the other, in an order by lot. */
export type Round = Readonly<Record<Mode, Share>>;

/** Some 600 requests: the 32 in flight when the mode changes count for both, so a twentieth of a difference is lost. */
const SHARE_MS = 100;

const open = async (endpoints: Parameters<typeof openTelemetry>[0]['endpoints']) =>
  (
    await openTelemetry({
      metrics: (listen) => listen({ host: '127.0.0.1', port: 0 }),
      endpoints,
      models: [],
      warn: (message) => console.error(message),
    })
  ).telemetry;
const telemetries: Readonly<Record<Mode, Telemetry | undefined>> = {
  without: undefined,
  metrics: await open({}),
  'metrics and spans': await open(endpointsOf(`${upstream}/otlp`)),
};

const write = ledger.write.bind(ledger);
let requests = 0;
ledger.write = (record) => {
  requests++;
  return write(record);
};
const config = checkConfig({ upstreams: [{ id: 'bench', url: upstream }] }, 'the bench');
const gateway = new HttpGateway({ config, ledger });
const observers: { telemetry?: Telemetry | undefined } = gateway.observers;

interface Begun extends Share {
  readonly mode: Mode;
}
let rounds: Round[] = [];
let shares: Partial<Record<Mode, Share>> = {};
let current: Begun | undefined;
let timer: NodeJS.Timeout | undefined;

function now(): Share {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, wallMs: performance.now(), requests };
}

function change(): void {
  if (current !== undefined) {
    // What is told of its requests is its own to pay for.
    observers.telemetry?.flush();
    const { mode, ...from } = current;
    const to = now();
    shares[mode] = {
      cpuMicros: to.cpuMicros - from.cpuMicros,
      wallMs: to.wallMs - from.wallMs,
      requests: to.requests - from.requests,
    };
  }
  let left = MODES.filter((mode) => shares[mode] === undefined);
  if (left.length === 0) {
    rounds.push(shares as Round);
    shares = {};
    left = [...MODES];
  }
  const mode = left[Math.floor(Math.random() * left.length)] as Mode;
  observers.telemetry = telemetries[mode];
  current = { mode, ...now() };
}

process.on('message', (asked) => {
  if (asked === 'begin') {
    [rounds, shares, current] = [[], {}, undefined];
    timer = setInterval(change, SHARE_MS);
  } else {
    clearInterval(timer);
    process.send?.(rounds);
  }
});
process.on('disconnect', () => process.exit(0));
await gateway.listen('127.0.0.1', 0);
process.send?.({ port: Number(new URL(gateway.url).port) });

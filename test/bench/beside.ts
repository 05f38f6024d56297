/**
 * What it costs to observe, between processes: a gateway that is observed beside one that is not.
 * What the machine does otherwise comes and goes by the second and is worth more than what is to be
 * measured, so turns are short, and a ratio is of the sums of all. Which of the code is compiled,
 * and how, is luck: so of several processes of each, a set after the other.
 */
import { once } from 'node:events';
import autocannon from 'autocannon';
import { WebSocket } from 'ws';
import type { Child } from './children.js';
import { start } from './children.js';
import { REQUEST, startPeer, streams } from './peers.js';
import type { Used } from './proxies/serve.js';

/** `metered` has metrics; `observed`, metrics and tracing; `watched`, a viewer that reads all. */
const SIDES = ['interlock', 'metered', 'observed', 'watched'] as const;
export type Side = (typeof SIDES)[number];

const SETS = 5;
const WARM_UP_REQUESTS = 25_000;
const TURN_REQUESTS = 1_000;
const CONNECTIONS = 32;
const STREAMS = 40;
const EVENTS = 150;

export interface Observed {
  readonly requestsPerSecond: number;
  readonly microsPerRequest: number;
  readonly microsPerEvent: number;
}

interface Sums {
  requests: number;
  wallMs: number;
  requestMicros: number;
  events: number;
  eventMicros: number;
}

type Gateway = Child<{ readonly port: number; readonly watched?: string }>;

/** `turns` is how many each process has with requests; a quarter as many are with streams. */
export async function benchBeside(turns: number): Promise<Readonly<Record<Side, Observed>>> {
  const peer = await startPeer();
  const sums = {} as Record<Side, Sums>;
  for (const side of SIDES) {
    sums[side] = { requests: 0, wallMs: 0, requestMicros: 0, events: 0, eventMicros: 0 };
  }
  for (let set = 0; set < SETS; set++) {
    const gateways = [] as [Side, Gateway][];
    for (const side of SIDES) gateways.push([side, await begun(side, peer.url)]);
    for (let turn = 0; turn < turns; turn++) {
      for (const [side, gateway] of gateways) {
        await requestsOf(gateway, sums[side]);
        if (turn % 4 === 0) await streamsOf(gateway, sums[side]);
      }
      // Who follows whom, and has its leavings to clear, is by lot.
      gateways.sort(() => Math.random() - 0.5);
    }
    for (const [, gateway] of gateways) gateway.stop();
  }
  peer.close();
  const all = SIDES.map((side) => [side, observedBy(sums[side])] as const);
  return Object.fromEntries(all) as Record<Side, Observed>;
}

function observedBy(sums: Sums): Observed {
  return {
    requestsPerSecond: (1_000 * sums.requests) / sums.wallMs,
    microsPerRequest: sums.requestMicros / sums.requests,
    microsPerEvent: sums.eventMicros / sums.events,
  };
}

async function begun(side: Side, upstream: string): Promise<Gateway> {
  const gateway: Gateway = await start(`proxies/${side}.ts`, 0, upstream);
  const { watched } = gateway.hello;
  if (watched !== undefined) await view(watched);
  await load(gateway, WARM_UP_REQUESTS);
  (await streams(gateway.hello.port, STREAMS, `/sse/${EVENTS}`, 'ended'))();
  return gateway;
}

async function requestsOf(gateway: Gateway, sums: Sums): Promise<void> {
  const before = await gateway.ask<Used>('used');
  const begunAt = performance.now();
  await load(gateway, TURN_REQUESTS);
  sums.wallMs += performance.now() - begunAt;
  const after = await gateway.ask<Used>('used');
  sums.requests += TURN_REQUESTS;
  sums.requestMicros += after.cpuMicros - before.cpuMicros;
}

async function streamsOf(gateway: Gateway, sums: Sums): Promise<void> {
  const before = await gateway.ask<Used>('used');
  const close = await streams(gateway.hello.port, STREAMS, `/sse/${EVENTS}`, 'ended');
  const after = await gateway.ask<Used>('used');
  close();
  sums.events += STREAMS * EVENTS;
  sums.eventMicros += after.cpuMicros - before.cpuMicros;
}

async function load({ hello }: Gateway, amount: number): Promise<void> {
  const result = await autocannon({
    url: `http://127.0.0.1:${hello.port}/json`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: REQUEST,
    connections: CONNECTIONS,
    amount,
  });
  if (result['2xx'] !== amount) throw new Error(`${amount - result['2xx']} failed`);
}

/** Looks on until the gateway ends, and follows another exchange each time that it is told of one. */
async function view(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}rows`);
  socket.on('message', (data) => {
    const [, id] = /"rows":\[\["([^"]+)"/.exec(String(data)) ?? [];
    if (id !== undefined) socket.send(JSON.stringify({ follow: id }));
  });
  socket.on('error', () => {});
  await once(socket, 'open');
}

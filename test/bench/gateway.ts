/**
 * The HTTP gateway beside other proxies, and beside itself as it is observed: each in a process of
 * its own, on a core of its own where there are two, against the same upstream. What else the
 * machine does comes and goes by the second and is worth more than what is to be measured, so turns
 * are short, and a ratio is of the sums of all. Which of the code is compiled, and how, is luck: so
 * of several processes of each, a set after the other.
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Child } from './children.js';
import { start } from './children.js';
import type { Requested } from './peers.js';
import { JSON_REQUEST, Load, REQUEST, startPeer, streams } from './peers.js';
import type { Held, Used } from './proxies/serve.js';

export const OTHERS = ['bare', 'fastify', 'http-proxy-3', 'httpxy', 'portkey'] as const;
/** Ours: with metrics; with metrics and tracing; with a viewer that reads all. */
export const OBSERVED = ['metered', 'observed', 'watched'] as const;
export type Proxy = 'interlock' | (typeof OTHERS | typeof OBSERVED)[number];
const STREAMING: readonly Proxy[] = ['interlock', ...OBSERVED, 'bare'];
const HOLDING: readonly Proxy[] = ['interlock', 'bare'];

/**
 * A proxy is slow until its code is compiled: anew as it meets streams after requests, and nearly
 * all of it anew once the first connection to an upstream has been idle for so long that it is let
 * go of, with an error, which Node's sockets have a shape of their own for. So that comes first:
 * undici lets go after 4 seconds, and a server of Node's, of a proxy that does not, after 5.
 */
const LET_GO_MS = 5_500;
const WARM_UP_ROUNDS = 8;
const WARM_UP_TURNS = 5;
/** Turns that are not counted: whoever has waited for the others to be warm is slow again at first. */
const LEAD_IN_TURNS = 6;
/** Some 130 ms of all but one. */
const TURN_REQUESTS = 700;
const PORTKEY_TURN_REQUESTS = 35;
/** Of so many turns with requests, one is with streams as well. */
const STREAMS_EVERY = 5;
const STREAMS = 40;
const EVENTS = 150;
const IDLE_STREAMS = 400;

export interface Measured {
  readonly requestsPerSecond: number;
  readonly microsPerRequest: number;
  readonly microsPerEvent: number;
  readonly bytesPerIdleStream: number;
}

/** What a proxy did, in all of its turns. */
const NOTHING = {
  requests: 0,
  wallMs: 0,
  requestMicros: 0,
  events: 0,
  eventMicros: 0,
  idle: 0,
  idleBytes: 0,
};
type Sums = typeof NOTHING;

interface Running extends Child<{ readonly port: number; readonly watched?: string }> {
  readonly proxy: Proxy;
  readonly load: Load;
  readonly turn: number;
}

/** `turns` is how many each process of a set has. Figures of what a proxy was not asked for are NaN. */
export async function benchGateway<Of extends Proxy>(
  proxies: readonly Of[],
  { sets, turns }: { readonly sets: number; readonly turns: number },
): Promise<Readonly<Record<Of, Measured>>> {
  const peer = await startPeer();
  const holding = HOLDING.every((proxy) => proxies.some((known) => known === proxy));
  const sums = new Map<Proxy, Sums>(proxies.map((proxy) => [proxy, { ...NOTHING }]));
  for (let set = 0; set < sets; set++) {
    const running: Running[] = [];
    for (const proxy of byLot(proxies)) running.push(await begun(proxy, peer.url));
    await wait(LET_GO_MS);
    for (const each of running) await warmUp(each);
    for (let turn = -LEAD_IN_TURNS; turn < turns; turn++) {
      for (const each of byLot(running)) {
        const sum = turn < 0 ? { ...NOTHING } : (sums.get(each.proxy) as Sums);
        await measureRequests(each, sum);
        const streaming = STREAMING.includes(each.proxy) && turn % STREAMS_EVERY === 0;
        if (streaming) await measureStreams(each, sum);
      }
    }
    // Last: a collection that is asked for drops compiled code as well.
    for (const each of running) {
      const sum = sums.get(each.proxy) as Sums;
      if (holding && HOLDING.includes(each.proxy)) await measureIdle(each, sum);
      await each.load.close();
      each.stop();
    }
  }
  peer.close();
  const measured = [...sums].map(([proxy, sum]) => [proxy, measuredBy(sum)] as const);
  return Object.fromEntries(measured) as Record<Of, Measured>;
}

function measuredBy(sum: Sums): Measured {
  return {
    requestsPerSecond: (1_000 * sum.requests) / sum.wallMs,
    microsPerRequest: sum.requestMicros / sum.requests,
    microsPerEvent: sum.eventMicros / sum.events,
    bytesPerIdleStream: sum.idleBytes / sum.idle,
  };
}

/** Who comes after whom, and has its leavings to clear away. */
function byLot<Item>(items: readonly Item[]): Item[] {
  const lots = new Map(items.map((item) => [item, Math.random()]));
  return [...items].sort((a, b) => (lots.get(a) as number) - (lots.get(b) as number));
}

async function begun(proxy: Proxy, upstream: string): Promise<Running> {
  const child: Child<Running['hello']> = await start(`proxies/${proxy}.ts`, 0, upstream);
  const { port, watched } = child.hello;
  if (watched !== undefined) await view(watched);
  const portkey = proxy === 'portkey';
  const load = new Load(port, portkey ? portkeyRequest(upstream) : JSON_REQUEST);
  const turn = portkey ? PORTKEY_TURN_REQUESTS : TURN_REQUESTS;
  await load.run(turn);
  return { ...child, proxy, load, turn };
}

async function warmUp({ proxy, hello, load, turn }: Running): Promise<void> {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await load.run(WARM_UP_TURNS * turn);
    const streaming = STREAMING.includes(proxy);
    if (streaming) (await streams(hello.port, STREAMS, `/sse/${EVENTS}`, 'ended'))();
  }
}

const portkeyRequest = (upstream: string): Requested => ({
  path: '/v1/chat/completions',
  headers: {
    'content-type': 'application/json',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstream}/v1`,
    authorization: 'Bearer x',
  },
  body: REQUEST.replace('"stream":true', '"stream":false'),
});

async function measureRequests({ ask, load, turn }: Running, sum: Sums): Promise<void> {
  const before = await ask<Used>('used');
  const begunAt = performance.now();
  await load.run(turn);
  const after = await ask<Used>('used');
  sum.wallMs += performance.now() - begunAt;
  sum.requests += turn;
  sum.requestMicros += after.cpuMicros - before.cpuMicros;
}

async function measureStreams({ ask, hello }: Running, sum: Sums): Promise<void> {
  const before = await ask<Used>('used');
  const close = await streams(hello.port, STREAMS, `/sse/${EVENTS}`, 'ended');
  const after = await ask<Used>('used');
  close();
  sum.events += STREAMS * EVENTS;
  sum.eventMicros += after.cpuMicros - before.cpuMicros;
}

async function measureIdle({ ask, hello }: Running, sum: Sums): Promise<void> {
  const before = await ask<Held>('held');
  const close = await streams(hello.port, IDLE_STREAMS, '/idle', 'begun');
  const after = await ask<Held>('held');
  close();
  sum.idle += IDLE_STREAMS;
  sum.idleBytes += after.heldBytes - before.heldBytes;
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

/**
 * The HTTP gateway beside other proxies: each in a process of its own, on a core of its own where
 * there are two, against the same upstream, in turn and several times over.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import autocannon from 'autocannon';
import { WebSocket } from 'ws';
import { shipped } from './children.js';
import { median } from './numbers.js';
import { REQUEST, startPeer, streams } from './peers.js';
import type { Held, Used } from './proxies/serve.js';

const BARE = 'bare';
/** `metered` is ours, with metrics; `observed`, with metrics and tracing; `watched`, with a viewer that reads all. */
const PROXIES = [
  'interlock',
  'metered',
  'observed',
  'watched',
  BARE,
  'fastify',
  'http-proxy-3',
  'httpxy',
  'portkey',
] as const;
type Proxy = (typeof PROXIES)[number];
const STREAMING: readonly Proxy[] = ['interlock', 'metered', 'observed', 'watched', BARE];

/** Of each proxy, in turn: which of its code is compiled, and how, is luck, and differs by a tenth. */
const PROCESSES = 3;
const WARM_UP_SECONDS = 6;
/** Before each turn, and not counted: after a minute of idling a proxy is up to five times as slow at first. */
const LEAD_IN_SECONDS = 1;
const CONNECTIONS = 32;
const STREAMS = 40;
const EVENTS = 150;
const IDLE_STREAMS = 400;

interface Running {
  readonly port: number;
  readonly child: ChildProcess;
}

export interface GatewayResult {
  readonly proxy: Proxy;
  readonly requestsPerSecond: number;
  readonly microsPerRequest: number;
  readonly microsPerEvent: number | undefined;
  readonly bytesPerIdleStream: number | undefined;
  /** The same, of each round. */
  readonly rounds: Measure;
}

/** How much more it was on than off: the median over the rounds, in which one came after the other. */
export function ratioOf(on: GatewayResult, off: GatewayResult, what: keyof Measure): number {
  const others = off.rounds[what];
  return median(on.rounds[what].map((value, round) => value / (others[round] as number)));
}

/** Short turns, many of them: what else the machine does is then on both sides of a ratio. */
export async function benchGateway(
  rounds: number,
  seconds: number,
  proxies: readonly Proxy[] = PROXIES,
): Promise<GatewayResult[]> {
  const peer = await startPeer();
  const running = new Map<Proxy, Running[]>(proxies.map((proxy) => [proxy, []]));
  const measured = new Map(proxies.map((proxy) => [proxy, emptyMeasure()]));
  // Rounds that are not counted, and longer: a proxy is slow until its code is compiled.
  for (let process = 0; process < PROCESSES; process++) {
    for (const proxy of proxies) {
      const target = await run(proxy, peer.url);
      running.get(proxy)?.push(target);
      await measure(proxy, target, peer.url, WARM_UP_SECONDS, emptyMeasure());
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const proxy of proxies) {
      const target = running.get(proxy)?.[round % PROCESSES] as Running;
      await measureJson(proxy, target, peer.url, LEAD_IN_SECONDS, emptyMeasure());
      await measure(proxy, target, peer.url, seconds, measured.get(proxy) as Measure);
    }
  }
  const idle = new Map<Proxy, number>();
  for (const proxy of STREAMING.filter((item) => proxies.includes(item))) {
    idle.set(proxy, await measureIdle(running.get(proxy)?.[0] as Running));
  }
  for (const { child } of [...running.values()].flat()) child.disconnect();
  peer.close();
  return proxies.map((proxy) => {
    const rounds = measured.get(proxy) as Measure;
    const { perSecond, perRequest, perEvent } = rounds;
    return {
      proxy,
      requestsPerSecond: median(perSecond),
      microsPerRequest: median(perRequest),
      microsPerEvent: perEvent.length === 0 ? undefined : median(perEvent),
      bytesPerIdleStream: idle.get(proxy),
      rounds,
    };
  });
}

interface Measure {
  readonly perSecond: number[];
  readonly perRequest: number[];
  readonly perEvent: number[];
}

const emptyMeasure = (): Measure => ({ perSecond: [], perRequest: [], perEvent: [] });

async function measure(
  proxy: Proxy,
  target: Running,
  upstream: string,
  seconds: number,
  into: Measure,
): Promise<void> {
  await measureJson(proxy, target, upstream, seconds, into);
  if (STREAMING.includes(proxy)) await measureStreams(target, into);
}

async function measureJson(
  proxy: Proxy,
  { port, child }: Running,
  upstream: string,
  duration: number,
  into: Measure,
): Promise<void> {
  const before = await used(child);
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${proxy === 'portkey' ? '/v1/chat/completions' : '/json'}`,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(proxy === 'portkey'
        ? {
            'x-portkey-provider': 'openai',
            'x-portkey-custom-host': `${upstream}/v1`,
            authorization: 'Bearer x',
          }
        : {}),
    },
    body: proxy === 'portkey' ? REQUEST.replace('"stream":true', '"stream":false') : REQUEST,
    connections: CONNECTIONS,
    duration,
  });
  const after = await used(child);
  const requests = result['2xx'];
  if (requests === 0 || result.non2xx > 0) throw new Error(`${proxy}: ${result.non2xx} failed`);
  into.perSecond.push(requests / result.duration);
  into.perRequest.push((after.cpuMicros - before.cpuMicros) / requests);
}

async function measureStreams({ port, child }: Running, into: Measure): Promise<void> {
  const before = await used(child);
  const close = await streams(port, STREAMS, `/sse/${EVENTS}`, 'ended');
  const after = await used(child);
  close();
  into.perEvent.push((after.cpuMicros - before.cpuMicros) / (STREAMS * EVENTS));
}

async function measureIdle({ port, child }: Running): Promise<number> {
  const before = await held(child);
  const close = await streams(port, IDLE_STREAMS, '/idle', 'begun');
  const after = await held(child);
  close();
  return (after.heldBytes - before.heldBytes) / IDLE_STREAMS;
}

async function run(proxy: Proxy, upstream: string): Promise<Running> {
  const node = [process.execPath, '--expose-gc', shipped(`proxies/${proxy}.ts`), upstream];
  const pinned = availableParallelism() > 1 && process.platform === 'linux';
  const [command = '', ...args] = pinned ? ['taskset', '-c', '0', ...node] : node;
  // Where there is a log, it goes to stderr.
  const stderr = proxy === 'observed' ? 'ignore' : 'inherit';
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', stderr, 'ipc'] });
  const gone = once(child, 'exit').then(() => {
    throw new Error(`${proxy} ended before it listened`);
  });
  const [{ port, watched }] = (await Promise.race([once(child, 'message'), gone])) as [Hello];
  gone.catch(() => {});
  if (watched !== undefined) await view(watched);
  return { port, child };
}

interface Hello {
  readonly port: number;
  readonly watched?: string;
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

const used = (child: ChildProcess) => answer<Used>(child, 'used');
const held = (child: ChildProcess) => answer<Held>(child, 'held');

async function answer<T>(child: ChildProcess, question: string): Promise<T> {
  child.send(question);
  const [told] = (await once(child, 'message')) as [T];
  return told;
}

/** What telemetry costs the gateway, by switching it within one process. */
import autocannon from 'autocannon';
import type { Child } from './children.js';
import { start } from './children.js';
import { REQUEST, startPeer } from './peers.js';
import type { Mode, Round, Share } from './proxies/switched.js';

/** Which of the code is compiled, and how, is luck: so of several, one after the other. */
const PROCESSES = 3;
const WARM_UP_SECONDS = 6;
const CONNECTIONS = 32;

export interface Cost {
  readonly requestsPerSecond: number;
  readonly microsPerRequest: number;
}

/** Gives the cost in each mode, of all rounds together. */
export async function benchCost(seconds: number): Promise<Readonly<Record<Mode, Cost>>> {
  const peer = await startPeer();
  const rounds: Round[] = [];
  for (let process = 0; process < PROCESSES; process++) {
    const child = await start<{ port: number }>('proxies/switched.ts', 0, peer.url);
    await load(child, WARM_UP_SECONDS);
    // The first and the last had not the whole load.
    rounds.push(...(await load(child, seconds)).slice(1, -1));
    child.stop();
  }
  peer.close();
  return {
    without: costOf(rounds.map((round) => round.without)),
    metrics: costOf(rounds.map((round) => round.metrics)),
    'metrics and spans': costOf(rounds.map((round) => round['metrics and spans'])),
  };
}

function costOf(shares: readonly Share[]): Cost {
  const sum = (what: keyof Share) => shares.reduce((total, share) => total + share[what], 0);
  return {
    requestsPerSecond: (1_000 * sum('requests')) / sum('wallMs'),
    microsPerRequest: sum('cpuMicros') / sum('requests'),
  };
}

async function load({ hello, tell, ask }: Child<{ port: number }>, duration: number) {
  tell('begin');
  const result = await autocannon({
    url: `http://127.0.0.1:${hello.port}/json`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: REQUEST,
    connections: CONNECTIONS,
    duration,
  });
  if (result['2xx'] === 0 || result.non2xx > 0) throw new Error(`${result.non2xx} failed`);
  return ask<Round[]>('end');
}

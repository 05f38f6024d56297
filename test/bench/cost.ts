/** What telemetry costs the gateway, by switching it within one process. */
import { start } from './children.js';
import { JSON_REQUEST, Load, startPeer } from './peers.js';
import type { Mode, Round, Share } from './proxies/switched.js';

/** Which of the code is compiled, and how, is luck: so of several, one after the other. */
const PROCESSES = 3;
const WARM_UP_REQUESTS = 30_000;

export interface Cost {
  readonly requestsPerSecond: number;
  readonly microsPerRequest: number;
}

/** Gives the cost in each mode, of all rounds together; `requests` are of each process. */
export async function benchCost(requests: number): Promise<Readonly<Record<Mode, Cost>>> {
  const peer = await startPeer();
  const rounds: Round[] = [];
  for (let process = 0; process < PROCESSES; process++) {
    const child = await start<{ port: number }>('proxies/switched.ts', 0, peer.url);
    const load = new Load(child.hello.port, JSON_REQUEST);
    const under = async (count: number) => {
      child.tell('begin');
      await load.run(count);
      return child.ask<Round[]>('end');
    };
    await under(WARM_UP_REQUESTS);
    // The first and the last had not the whole load.
    rounds.push(...(await under(requests)).slice(1, -1));
    await load.close();
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

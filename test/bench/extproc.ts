/**
 * The ext_proc server beside a grpc-js echo of the same messages: each in a process of its own,
 * with Envoy's side in a third, in turn and many times over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Child } from './children.js';
import { start } from './children.js';
import { median } from './numbers.js';
import type { Ask, BenchMode, Loaded } from './servers/envoy.js';
import type { Used } from './servers/serve.js';

const SIDES = ['interlock', 'echo'] as const;
type Side = (typeof SIDES)[number];
const BENCH_MODES: readonly BenchMode[] = ['STREAMED', 'FULL_DUPLEX_STREAMED'];

const IDLE_STREAMS = 400;
const IDLE_ROUNDS = 5;

export interface ExtProcResult {
  readonly mode: BenchMode;
  /** Ours and the echo's, each the median of its rounds. */
  readonly perSecond: readonly [number, number];
  readonly microsPerMessage: readonly [number, number];
  /** The medians of what each round's two sides were to each other: they met the same machine. */
  readonly rateRatio: number;
  readonly microsRatio: number;
}

export interface ExtProcResults {
  readonly modes: readonly ExtProcResult[];
  readonly bytesPerIdleStream: readonly [number, number];
}

type Server = Child<{ readonly port: number }>;

interface Measure {
  readonly perSecond: number;
  readonly micros: number;
}

type Round = Record<Side, Measure>;

export async function benchExtProc(rounds: number, ms: number): Promise<ExtProcResults> {
  const envoy = await start<'ready'>('./servers/envoy.ts', 1);
  const servers = {
    interlock: await start<Server['hello']>('./servers/interlock.ts', 0),
    echo: await start<Server['hello']>('./servers/echo.ts', 0),
  };
  const measured = new Map(BENCH_MODES.map((mode): [BenchMode, Round[]] => [mode, []]));
  // Rounds that are not counted: a server is slow until its code is compiled.
  for (let round = -8; round < rounds; round++) {
    // Who is first changes, because the second finds the machine as the first has left it.
    const order = round % 2 === 0 ? SIDES : SIDES.toReversed();
    for (const [mode, into] of measured) {
      const found = await measureBoth(envoy, servers, order, mode, ms);
      if (round >= 0) into.push(found);
    }
  }
  const idle = (side: Side) => measureIdle(envoy, servers[side]);
  const bytesPerIdleStream = [await idle('interlock'), await idle('echo')] as const;
  for (const child of [envoy, ...Object.values(servers)]) child.stop();
  return { modes: [...measured].map(resultOf), bytesPerIdleStream };
}

async function measureBoth(
  envoy: Child<unknown>,
  servers: Record<Side, Server>,
  order: readonly Side[],
  mode: BenchMode,
  ms: number,
): Promise<Round> {
  const round: Partial<Round> = {};
  const words: unknown[] = [];
  for (const side of order) {
    const { port } = servers[side].hello;
    const before = await servers[side].ask<Used>('cpu');
    const loaded = await envoy.ask<Loaded>({ do: 'load', port, mode, ms } satisfies Ask);
    const after = await servers[side].ask<Used>('cpu');
    words.push(loaded.words);
    round[side] = {
      perSecond: loaded.messages / loaded.seconds,
      micros: (after.cpuMicros - before.cpuMicros) / loaded.messages,
    };
  }
  // Both must have done the same, or the comparison means nothing.
  if (!isDeepStrictEqual(words[0], words[1])) throw new Error(`${mode}: the answers differ`);
  return round as Round;
}

/** Several times: what the streams before them held is let go of when it suits the process. */
async function measureIdle(envoy: Child<unknown>, server: Server): Promise<number> {
  const { port } = server.hello;
  const found: number[] = [];
  for (let round = 0; round < IDLE_ROUNDS; round++) {
    const before = await server.ask<Used>('held');
    await envoy.ask({ do: 'idle', port, streams: IDLE_STREAMS } satisfies Ask);
    const after = await server.ask<Used>('held');
    await envoy.ask({ do: 'close' } satisfies Ask);
    found.push((after.heldBytes - before.heldBytes) / IDLE_STREAMS);
    await sleep(300);
  }
  return median(found);
}

function resultOf([mode, rounds]: [BenchMode, readonly Round[]]): ExtProcResult {
  const both = (of: (measure: Measure) => number) =>
    [
      median(rounds.map(({ interlock }) => of(interlock))),
      median(rounds.map(({ echo }) => of(echo))),
    ] as const;
  const ratio = (of: (measure: Measure) => number) =>
    median(rounds.map(({ interlock, echo }) => of(interlock) / of(echo)));
  return {
    mode,
    perSecond: both((measure) => measure.perSecond),
    microsPerMessage: both((measure) => measure.micros),
    rateRatio: ratio((measure) => measure.perSecond),
    microsRatio: ratio((measure) => measure.micros),
  };
}

/**
 * A black box's judge: plays every scenario on real streams, the shortest first, and holds what it
 * saw and what was recorded against the oracle. It stops at the first fault, so that the scenario
 * it names is a shortest trace of one.
 */
import { EnvoyClient } from '../../src/envoy/stream.js';
import type { Billed, Fault, Requirement } from './oracle.js';
import { faultOfAnswers, faultOfMetadata, faultOfRecords } from './oracle.js';
import type { Played } from './play.js';
import { Player } from './play.js';
import type { Scenario } from './scenarios.js';
import { namesOf, scenarios } from './scenarios.js';

/** A server under judgement, which nobody else uses meanwhile. */
export interface Judged {
  /** `host:port` of its ext_proc service. */
  readonly target: string;
  /** The usage records of all streams that have ended, in their order. */
  records(): Promise<readonly Billed[]>;
  close(): Promise<void>;
}

export interface Conviction {
  /** The names of its messages, and how its peer ended it. */
  readonly scenario: readonly string[];
  /** The step at which it shows, or the last one. */
  readonly at: number;
  readonly requirement: Requirement;
  readonly found: string;
}

export interface JudgeOptions {
  /** In the order in which they are played; all of them by default. */
  readonly among?: readonly Scenario[];
  /** Usage is to be told in dynamic metadata too. */
  readonly metadata?: boolean;
  /** How long a server may take to say something. Only one that is silent for ever takes it. */
  readonly patienceMs?: number;
  /**
   * How many are played at a time. Those that do not look right together are played again one by
   * one, and only one that is wrong alone convicts. 1 is strictest, since no two hide each other.
   */
  readonly together?: number;
}

/** The first fault that the server shows, or undefined. Whoever gave the server closes it. */
export async function judge(
  server: Judged,
  options: JudgeOptions = {},
): Promise<Conviction | undefined> {
  const { among = scenarios, metadata = true, patienceMs = 3000, together = 1 } = options;
  const client = new EnvoyClient(server.target);
  const player = new Player(client, patienceMs);
  let recorded = (await server.records()).length;

  async function trial(group: readonly Scenario[]): Promise<Conviction | undefined> {
    const runs = (await Promise.all(group.map((scenario) => player.play(scenario)))).flat();
    await player.passBy();
    const records = (await server.records()).slice(recorded);
    recorded += records.length;
    return verdictOn(runs, records, metadata);
  }

  try {
    for (let at = 0; at < among.length; at += together) {
      const group = among.slice(at, at + together);
      const suspicion = await trial(group);
      if (suspicion === undefined) continue;
      if (group.length === 1) return suspicion;
      for (const scenario of group) {
        const conviction = await trial([scenario]);
        if (conviction !== undefined) return conviction;
      }
    }
    return undefined;
  } finally {
    client.close();
  }
}

function verdictOn(
  runs: readonly Played[],
  records: readonly Billed[],
  metadata: boolean,
): Conviction | undefined {
  for (const run of runs) {
    const fault = faultOfAnswers(run.messages, run.seen);
    if (fault !== undefined) return convict(run, fault);
  }
  const billed = faultOfRecords(
    runs.map(({ messages }) => messages),
    records,
  );
  if (billed !== undefined) return convict(runs.at(-1) as Played, billed);
  for (const run of metadata ? runs : []) {
    const fault = faultOfMetadata(run.messages, run.seen);
    if (fault !== undefined) return convict(run, fault);
  }
  return undefined;
}

function convict({ scenario, stream }: Played, { at, requirement, found }: Fault): Conviction {
  const own = scenario.flatMap((step, place) => (step.stream === stream ? [place] : []));
  return { scenario: namesOf(scenario), at: own.at(at) as number, requirement, found };
}

/**
 * Simulation: exchanges by the hundred thousand, each a script that follows from the seed, played
 * in virtual time through the real adapters' code, and judged step by step. It stops at the first
 * exchange that is not right, and says how to play that one alone.
 */

import { properties } from '../../../machines/properties.js';
import { rows as legacyRows } from '../../legacy.generated.js';
import { table as exchangeTable } from '../../step.js';
import { Table } from '../../table.js';
import type { TraceRecord } from '../../trace.js';
import { encode } from '../../trace.js';
import type { MakeHandler } from './envoy.js';
import { legacy, machine, playEnvoy } from './envoy.js';
import type { Fault } from './faults.js';
import { FAULTS, Positions } from './faults.js';
import type { Wrong } from './judge.js';
import { Judge } from './judge.js';
import { checkCount, checkTraffic } from './options.js';
import type { Plan, Traffic, World } from './plan.js';
import { planOf, WORLDS } from './plan.js';
import type { Played } from './played.js';
import { wrongOf } from './played.js';
import type { MakeExchange } from './relay.js';
import { ownExchange, playRelay } from './relay.js';
import type { Time } from './time.js';
import { inVirtualTime } from './time.js';

/** The machine; or the gateway of the bug, which has the ext_proc world alone. */
export const HANDLERS = ['machine', 'legacy'] as const;
export type HandlerName = (typeof HANDLERS)[number];

export interface SimulateOptions {
  readonly seed: number;
  /** How many exchanges, from number 0 on. */
  readonly exchanges: number;
  /** Plays this one alone. */
  readonly only?: number | undefined;
  readonly handler?: HandlerName | undefined;
  /** Default: `any`; for the gateway of the bug `plain`. */
  readonly traffic?: Traffic['kind'] | undefined;
  readonly worlds?: readonly World[] | undefined;
  readonly faults?: readonly Fault[] | undefined;
  readonly lateEnds?: number | undefined;
  /** Gets the trace of each exchange as NDJSON, and is waited for. */
  readonly log?: ((text: string) => void | Promise<void>) | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
  /** Ends the run early, with what is known by then. */
  readonly signal?: AbortSignal | undefined;
  /** Something else than ours, to be convicted. */
  readonly makeHandler?: MakeHandler | undefined;
  readonly makeExchange?: MakeExchange | undefined;
}

/** An exchange that was played, as it can be told. */
export interface Story {
  readonly plan: Plan;
  /** What is wrong with it, if anything is. */
  readonly wrong: Wrong | undefined;
  readonly trace: readonly TraceRecord[];
  /** The faults that it met. */
  readonly marks: readonly string[];
}

export interface Simulation {
  readonly handler: HandlerName;
  readonly traffic: Traffic;
  readonly asked: number;
  readonly only: number | undefined;
  exchanges: number;
  /** It was stopped from outside. */
  stopped: boolean;
  steps: number;
  readonly byWorld: Record<World, number>;
  readonly outcomes: Record<string, number>;
  readonly anomalies: Record<string, number>;
  /** Of the exchanges that met a fault, by its name, how many came to which outcome. */
  readonly byFault: Record<string, Record<string, number>>;
  readonly positions: Positions;
  readonly judge: Judge;
  /** The first exchange that is not right; the machine's run ends with it. */
  failure: Story | undefined;
  /** The exchange that was played alone. */
  alone: Story | undefined;
  /** For the gateway of the bug, which is right now and then: how many were not, and of which. */
  readonly failed: { withLateEnd: number; withoutLateEnd: number; byName: Record<string, number> };
  withLateEnd: number;
}

/** The rate of late ends is the field's: 1 to 2 in 10 stress runs. */
const LATE_ENDS = 0.15;
/** What stands in place of a fault and of an outcome where there is none. */
export const NO_FAULT = 'no fault';
export const NO_RECORD = 'no record';
/** How many are played before anybody else has a turn. */
const BATCH = 200;

export function trafficOf(options: SimulateOptions): Traffic {
  const { seed, handler = 'machine', faults = FAULTS, lateEnds = LATE_ENDS } = options;
  const kind = options.traffic ?? (handler === 'legacy' ? 'plain' : 'any');
  const worlds = handler === 'legacy' ? (['ext-proc'] as const) : (options.worlds ?? WORLDS);
  return { seed, kind, worlds, faults, lateEnds };
}

/**
 * Runs it. What an exchange does wrong is in the result. Throws `INTERLOCK_BAD_OPTION` for options
 * that cannot be.
 */
export async function simulate(options: SimulateOptions): Promise<Simulation> {
  const { only, exchanges, signal, onProgress, log } = options;
  checkTraffic(trafficOf(options));
  checkCount('exchanges', exchanges);
  checkCount('only', only ?? 0);
  const run = new Run(options);
  const first = only ?? 0;
  const end = only === undefined ? exchanges : only + 1;
  for (let from = first; from < end && !run.over; from += BATCH) {
    if (signal?.aborted) {
      run.simulation.stopped = true;
      break;
    }
    const text = run.batch(from, Math.min(from + BATCH, end));
    if (log !== undefined) await log(text);
    onProgress?.(run.simulation.exchanges);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return run.simulation;
}

class Run {
  readonly simulation: Simulation;
  readonly #options: SimulateOptions;
  readonly #legacy: boolean;
  #time: Time | undefined;
  #marks: string[] = [];

  constructor(options: SimulateOptions) {
    const { handler = 'machine', exchanges, only } = options;
    this.#options = options;
    this.#legacy = handler === 'legacy';
    this.simulation = {
      handler,
      traffic: trafficOf(options),
      asked: only === undefined ? exchanges : 1,
      only,
      exchanges: 0,
      stopped: false,
      steps: 0,
      byWorld: { 'ext-proc': 0, http: 0 },
      outcomes: {},
      anomalies: {},
      byFault: {},
      positions: new Positions(),
      // What the gateway of the bug breaks is known; it is judged by what its peers see.
      judge: this.#legacy
        ? new Judge(new Table(legacyRows), [])
        : new Judge(exchangeTable, properties),
      failure: undefined,
      alone: undefined,
      failed: { withLateEnd: 0, withoutLateEnd: 0, byName: {} },
      withLateEnd: 0,
    };
  }

  /** There is nothing to go on for. */
  get over(): boolean {
    return this.simulation.failure !== undefined && !this.#legacy;
  }

  /** Plays the exchanges of these numbers, without letting anybody look at the clock in between. */
  batch(from: number, to: number): string {
    let text = '';
    inVirtualTime(
      () => this.#time?.now ?? 0,
      () => {
        for (let number = from; number < to && !this.over; number++) {
          this.#play(planOf(number, this.simulation.traffic));
          if (this.#options.log === undefined) continue;
          for (const record of this.simulation.judge.records) text += encode(record);
        }
      },
    );
    return text;
  }

  #play(plan: Plan): void {
    const { simulation } = this;
    const { judge } = simulation;
    judge.begin();
    this.#marks = [];
    const played = this.#playedOf(plan);
    const { records } = judge;
    simulation.exchanges++;
    simulation.byWorld[plan.world]++;
    simulation.steps += records.length;
    this.#countFaults(played);
    for (const { outcome, anomalies = {} } of played.records) {
      countIn(simulation.outcomes, outcome);
      for (const [name, times] of Object.entries(anomalies)) {
        countIn(simulation.anomalies, name, times);
      }
    }
    const wrong = this.#wrongOf(plan, played);
    const story = { wrong, plan, trace: records, marks: this.#marks };
    if (simulation.only !== undefined) simulation.alone = story;
    if (plan.lateEnd) simulation.withLateEnd++;
    if (wrong === undefined) return;
    simulation.failure ??= story;
    simulation.failed[plan.lateEnd ? 'withLateEnd' : 'withoutLateEnd']++;
    countIn(simulation.failed.byName, wrong.name);
  }

  #countFaults({ records }: Played): void {
    const met = this.#marks.map((mark) => mark.slice(0, mark.indexOf(' ')));
    const outcomes = records.map(({ outcome }) => outcome);
    for (const fault of met.length === 0 ? [NO_FAULT] : new Set(met)) {
      this.simulation.byFault[fault] ??= {};
      const counts = this.simulation.byFault[fault];
      for (const outcome of outcomes.length === 0 ? [NO_RECORD] : new Set(outcomes)) {
        countIn(counts, outcome);
      }
    }
  }

  #playedOf(plan: Plan): Played {
    const { makeHandler = machine, makeExchange = ownExchange } = this.#options;
    const options = {
      trace: this.simulation.judge.take,
      met: (mark: string) => {
        this.#marks.push(mark);
        this.simulation.positions.met(mark);
      },
      begun: (time: Time) => {
        this.#time = time;
      },
    };
    if (plan.world === 'http') return playRelay(plan, makeExchange, options);
    return playEnvoy(plan, this.#legacy ? legacy : makeHandler, options);
  }

  #wrongOf(plan: Plan, played: Played): Wrong | undefined {
    const { judge } = this.simulation;
    if (judge.wrong !== undefined) return judge.wrong;
    if (this.#legacy) return legacyWrong(plan, played);
    const { records } = judge;
    let ordered = 0;
    for (const { commands } of records) {
      for (const word of commands) if (word.startsWith('recordUsage')) ordered++;
    }
    const last = records.at(-1);
    // What never began has nothing to settle.
    if (last === undefined && played.ended) return undefined;
    const processed = last?.state.startsWith('processed.') ?? false;
    return wrongOf(plan, played, { ordered, processed });
  }
}

/** The gateway of the bug is not asked to clean up; only whether client and bill are served. */
function legacyWrong(plan: Plan, { records, wrongs, failedWith }: Played): Wrong | undefined {
  if (failedWith !== undefined) {
    const sentence = `A response that its upstream had given was answered with a ${failedWith}.`;
    return { name: 'wrong500', sentence };
  }
  if (wrongs[0] !== undefined) return wrongs[0];
  if (records.length !== 1) {
    const name = records.length === 0 ? 'usageLost' : 'usageDoubled';
    return { name, sentence: `It was recorded ${records.length} times, and not once.` };
  }
  const [{ usage }] = records as [Played['records'][0]];
  const { inputTokens, outputTokens } = plan.counts;
  const right =
    usage.kind === 'final' &&
    usage.inputTokens === inputTokens &&
    usage.outputTokens === outputTokens;
  return right ? undefined : { name: 'usageWrong', sentence: 'Other counts were recorded.' };
}

function countIn(counts: Record<string, number>, name: string, times = 1): void {
  counts[name] = (counts[name] ?? 0) + times;
}

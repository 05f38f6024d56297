/**
 * Races of one exchange: what can happen at once, in every order in which it may. The exchange,
 * its conductor and its bill are the gateway's own; its record must be committed once, whoever is
 * first.
 */

import { properties } from '../../../machines/properties.js';
import { table } from '../../step.js';
import type { TraceRecord } from '../../trace.js';
import type { Wrong } from './judge.js';
import { Judge } from './judge.js';
import type { Plan } from './plan.js';
import { planOf } from './plan.js';
import { wrongOf } from './played.js';
import type { MakeExchange } from './relay.js';
import { ownExchange, Relay } from './relay.js';
import { interleavings } from './schedules.js';
import type { Time } from './time.js';
import { inVirtualTime } from './time.js';

/** Actors by name, each a list of what it does, one after another. */
type Actors = Readonly<Record<string, readonly ((relay: Relay) => void)[]>>;

export interface RaceOf {
  readonly name: string;
  readonly sentence: string;
  readonly actors: Actors;
  /** How often one that could go on may have to wait for another, where all orders are too many. */
  readonly preemptionsMax?: number;
}

/** The script whose parts the races are made of: a whole request and a whole response. */
const SCRIPT = planOf(1, { seed: 1, kind: 'plain', worlds: ['http'], faults: [], lateEnds: 1 });
const QUIET: Plan = { ...SCRIPT, request: [], response: [], ledger: 'held', policy: 'cancel' };

const request = SCRIPT.request.map((item) => (relay: Relay) => relay.come(item));
/** The end comes, and comes again (field: A1). */
const response = SCRIPT.response.map((item) => (relay: Relay) => relay.come(item));
const close = (relay: Relay) => relay.close();
const answer = (relay: Relay) => relay.answerLedger();
const idle = (relay: Relay) => relay.expire('idle');
const total = (relay: Relay) => relay.expire('total');
const settle = (relay: Relay) => relay.expire('settle');
const [headers] = SCRIPT.response;
const drain = (relay: Relay) => relay.come({ ...(headers as Plan['response'][0]), act: 'drain' });
const drained = (relay: Relay) => relay.expire('drain');

export const RACES: readonly RaceOf[] = [
  {
    name: 'endAndClose',
    sentence: 'The response ends, and ends again, while its client leaves, which is told twice.',
    actors: { upstream: response, client: [close, close], ledger: [answer, answer] },
  },
  {
    name: 'endAndDeadlines',
    sentence:
      'The response ends, and ends again, while two deadlines expire and its client leaves.',
    actors: {
      upstream: response,
      client: [close],
      clock: [idle, total],
      ledger: [answer, answer],
    },
  },
  {
    name: 'everybody',
    sentence: 'All of it, while the gateway shuts down and the record is waited for too long.',
    actors: {
      upstream: response,
      client: [close],
      clock: [idle],
      operator: [drain, drained],
      ledger: [answer, settle],
    },
    preemptionsMax: 3,
  },
];

export interface RaceResult {
  readonly race: RaceOf;
  /** How many orders were played: all there are within the bound, unless one went wrong. */
  readonly schedules: number;
  readonly found?: {
    readonly order: readonly string[];
    readonly wrong: Wrong;
    readonly trace: readonly TraceRecord[];
  };
}

/** Plays the race in every order, up to the first that goes wrong. */
export function runRace(race: RaceOf, make: MakeExchange = ownExchange): RaceResult {
  const judge = new Judge(table, properties);
  const names = Object.keys(race.actors);
  const scripts = Object.values(race.actors);
  let now = () => 0;
  return inVirtualTime(
    () => now(),
    () => {
      let schedules = 0;
      const lengths = scripts.map(({ length }) => length);
      for (const order of interleavings(lengths, race)) {
        schedules++;
        judge.begin();
        const told = (time: Time) => {
          now = () => time.now;
        };
        const wrong = play(scripts, order, judge, make, told);
        if (wrong === undefined) continue;
        const trace = judge.records;
        const who = order.map((actor) => names[actor] as string);
        return { race, schedules, found: { order: who, wrong, trace } };
      }
      return { race, schedules };
    },
  );
}

function play(
  scripts: readonly Actors[string][],
  order: readonly number[],
  judge: Judge,
  make: MakeExchange,
  begun: (time: Time) => void,
): Wrong | undefined {
  const relay = new Relay(QUIET, make, { trace: judge.take, met: () => {}, begun });
  for (const step of request) step(relay);
  const places = scripts.map(() => 0);
  for (const actor of order) scripts[actor]?.[(places[actor] as number)++]?.(relay);
  const played = relay.run();
  if (judge.wrong !== undefined) return judge.wrong;
  let ordered = 0;
  for (const { commands } of judge.records) {
    for (const word of commands) if (word.startsWith('recordUsage')) ordered++;
  }
  const processed = judge.records.at(-1)?.state.startsWith('processed.') ?? false;
  return wrongOf({ ...QUIET, calm: false }, played, { ordered, processed });
}

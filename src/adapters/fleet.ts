/**
 * The upstreams of one server: what is in flight at each, and which are left alone for a while. It
 * counts and times, and carries out what the machine of their standing orders (`machines/upstream`).
 */
import type { Outcome } from '../../machines/events.js';
import type { Streak, UpstreamCommand, UpstreamEvent } from '../../machines/upstream.js';
import { upstreamWords } from '../../machines/upstream.js';
import { textOf } from '../../machines/words.js';
import { Table } from '../table.js';
import { rows } from '../upstream.generated.js';
import type { RouteConfig } from './settings.js';

const table = new Table<UpstreamEvent, UpstreamCommand>(rows, upstreamWords);
const codes = new Map(upstreamWords.events.map((event, code) => [textOf(event), code]));

/** When an upstream is left alone, and for how long. */
export interface EjectionRule {
  /** Failures in a row; with 0 nobody is ever left alone. */
  readonly failures: number;
  /** Milliseconds of the first time; each next one in a row takes twice as long, up to the most. */
  readonly forMs: number;
  readonly forMsMax: number;
}

/** What may become of the standing of an upstream, for people. */
export const TOLD = {
  ejection: 'failed again and again, and is left alone for a while',
  readmission: 'answers again, and is taken back',
  spared: 'fails again and again, and is kept, as there is no other',
} as const;
export type Told = keyof typeof TOLD;

/** What is chosen. */
export interface Choice {
  readonly id: string;
  /** Exchanges that were sent there and have no outcome yet. */
  inFlight: number;
}

/** How an exchange ended, as its upstream is judged by it. */
export type Ending = 'succeeded' | 'failed' | 'abandoned';

const UPSTREAMS_OWN = /^deadline_(connect|responseHeaders|firstByte|idle|progress)$/;

/** What ends by its client or by the gateway says nothing of the upstream. */
export function endingOf(outcome: Outcome, why = ''): Ending {
  if (outcome === 'completed') return 'succeeded';
  if (outcome === 'upstreamFailed' && why !== 'gateway_failed') return 'failed';
  return outcome === 'timedOut' && UPSTREAMS_OWN.test(why) ? 'failed' : 'abandoned';
}

export class Fleet<Upstream extends Choice> {
  readonly #standings: ReadonlyMap<Upstream, Standing>;

  /** `told` is called with what happened to which upstream, for its metrics and for people. */
  constructor(
    upstreams: readonly Upstream[],
    routes: readonly RouteConfig[],
    rule: EjectionRule,
    told: (what: Told, upstream: string) => void,
  ) {
    const others = (id: string) => () =>
      routes
        .filter((route) => route.upstreams.includes(id))
        .every((route) =>
          upstreams.some(
            (other) =>
              other.id !== id &&
              route.upstreams.includes(other.id) &&
              this.#standings.get(other)?.offered === 'all',
          ),
        );
    this.#standings = new Map(
      upstreams.map((item) => [
        item,
        new Standing(rule, others(item.id), (what) => told(what, item.id)),
      ]),
    );
  }

  /** Whether an exchange may be sent there now. */
  offers(upstream: Upstream): boolean {
    return this.#standings.get(upstream)?.offered !== 'none';
  }

  /** An exchange is sent there. */
  send(upstream: Upstream): Sent {
    upstream.inFlight++;
    return new Sent(upstream, (this.#standings.get(upstream) as Standing).send());
  }

  /** Lets go of its timers. */
  close(): void {
    for (const standing of this.#standings.values()) standing.close();
  }
}

/** An exchange that was sent to an upstream and has no outcome yet. */
export class Sent {
  readonly upstream: Choice;
  readonly #end: (ending: Ending) => void;

  constructor(upstream: Choice, end: (ending: Ending) => void) {
    this.upstream = upstream;
    this.#end = end;
  }

  /** The exchange has its outcome, and is no load on its upstream any more. Called once. */
  settle(ending: Ending): void {
    this.upstream.inFlight--;
    this.#end(ending);
  }
}

class Standing {
  readonly #rule: EjectionRule;
  readonly #others: () => boolean;
  readonly #told: (what: Told) => void;
  #state = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Exchanges that failed in a row, and ejections without a readmission between them. */
  #failures = 0;
  #ejections = 0;
  offered: 'all' | 'probe' | 'none' = 'all';

  constructor(rule: EjectionRule, others: () => boolean, told: (what: Told) => void) {
    this.#rule = rule;
    this.#others = others;
    this.#told = told;
  }

  /** Gives what is to be called with how the exchange that is sent has ended. */
  send(): (ending: Ending) => void {
    const orders = this.#deliver('exchange.sent');
    if (orders.some(({ type }) => type === 'markProbe')) return this.#probeEnded;
    return this.#ended;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  readonly #probeEnded = (ending: Ending): void => {
    this.#deliver(`probe.${ending}`);
  };

  readonly #ended = (ending: Ending): void => {
    if (ending === 'succeeded') this.#failures = 0;
    if (ending === 'failed') this.#failures++;
    this.#deliver(ending === 'failed' ? `exchange.failed(${this.#streak})` : `exchange.${ending}`);
  };

  get #streak(): Streak {
    const { failures } = this.#rule;
    if (failures === 0 || this.#failures < failures) return 'short';
    return this.#others() ? 'long' : 'last';
  }

  #deliver(event: string): readonly UpstreamCommand[] {
    const { state, commands } = table.step(this.#state, codes.get(event) as number);
    this.#state = state;
    for (const command of commands) this.#carryOut(command);
    return commands;
  }

  #carryOut({ type }: UpstreamCommand): void {
    switch (type) {
      case 'offer':
        this.offered = 'all';
        this.#failures = 0;
        this.#ejections = 0;
        break;
      case 'offerProbe':
        this.offered = 'probe';
        break;
      case 'withdraw':
        this.offered = 'none';
        break;
      case 'startEjection':
        this.#startEjection();
        break;
      case 'countEjection':
        this.#told('ejection');
        break;
      case 'countReadmission':
        this.#told('readmission');
        break;
      case 'countSpared':
        // Once in so many failures is told, and not each.
        this.#failures = 0;
        this.#told('spared');
        break;
      case 'markProbe':
        break;
    }
  }

  #startEjection(): void {
    const { forMs, forMsMax } = this.#rule;
    const time = Math.min(forMsMax, forMs * 2 ** Math.min(this.#ejections++, 30));
    this.#timer = setTimeout(() => this.#deliver('ejection.expired'), time).unref();
  }
}

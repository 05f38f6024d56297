/**
 * The HTTP world: bytes as an HTTP gateway has them, between a client and an upstream of scripts.
 *
 * The exchange, its conductor, the bill and the accounting are the gateway's own. What stands for
 * its `relay.ts` is written here: that one is made of node:http and undici, whose sockets are I/O.
 */
import type { Command, Deadline, Event } from '../../../machines/events.js';
import { events } from '../../../machines/events.js';
import { BufferSizer } from '../../accounting/buffer.js';
import type { UsageRecord } from '../../accounting/ledger.js';
import { Bill } from '../../adapters/bill.js';
import { Conductor } from '../../adapters/conductor.js';
import type { ExchangeOptions } from '../../exchange.js';
import { Exchange } from '../../exchange.js';
import { typeOf } from './bodies.js';
import { Client } from './client.js';
import type { PlayOptions } from './envoy.js';
import type { Item } from './faults.js';
import { Lane } from './lane.js';
import { ScriptedLedger } from './ledger.js';
import type { Plan } from './plan.js';
import type { Played } from './played.js';
import { Time } from './time.js';
import { Timers } from './timers.js';

/** Makes the exchange that is played; something else than `Exchange` is there to be convicted. */
export type MakeExchange = (options: ExchangeOptions) => Exchange;
export const ownExchange: MakeExchange = (options) => new Exchange(options);

const HAPPENINGS_MAX = 20_000;
const LIMITS = {};
const EMPTY = Buffer.alloc(0);

export function playRelay(plan: Plan, make: MakeExchange, options: PlayOptions): Played {
  return new Relay(plan, make, options).run();
}

/** What comes with an event: a piece of a body. */
type Detail = Buffer;

/** The gateway of one exchange, with its client and its upstream. Others may play these two. */
export class Relay {
  readonly #time = new Time();
  readonly #timers: Timers;
  readonly #ledger: ScriptedLedger;
  readonly #conductor: Conductor<Detail>;
  readonly #bill = new Bill();
  readonly #client: Client;
  readonly #upload: Lane;
  readonly #upstream: Lane;
  #fails: Plan['fails'];
  #paused = false;
  #released = 0;
  /** Deadlines that ran when it let go of what it held. */
  #timersLeft = 0;

  constructor(
    readonly plan: Plan,
    make: MakeExchange,
    readonly options: PlayOptions,
  ) {
    this.#fails = plan.fails;
    this.#timers = new Timers(this.#time, plan.number % 2 === 0, (deadline) =>
      this.#expired(deadline),
    );
    this.#ledger = new ScriptedLedger(this.#time, plan.ledger, options.met);
    this.#client = new Client(this.#time, plan, {
      blocked: () => this.#deliver(events.downstreamBlocked),
      ready: () => this.#deliver(events.downstreamReady),
      closed: () => this.close(),
    });
    const exchange = make({ id: plan.id, trace: options.trace });
    this.#conductor = new Conductor<Detail>(exchange, this.#carryOut, () => EMPTY);
    this.#upload = new Lane(this.#time, {
      items: plan.request,
      mayCome: () => true,
      come: (item) => this.come(item),
      done: () => this.#upstream.poke(),
    });
    this.#upstream = new Lane(this.#time, {
      items: plan.response,
      mayCome: ({ kind }) =>
        !this.#paused && (kind !== 'headers' || plan.early || this.#upload.over),
      come: (item) => this.come(item),
      done: () => {},
    });
  }

  run(): Played {
    this.options.begun(this.#time);
    this.#upload.start();
    const ended = this.#time.run(HAPPENINGS_MAX);
    return {
      records: this.#ledger.records,
      wrongs: this.#client.wrongs,
      released: this.#released,
      timers: this.#timersLeft,
      inFlight: 0,
      ended,
      whole: this.#client.whole,
    };
  }

  #deliver(event: Event, detail?: Detail): void {
    this.#conductor.deliver(event, detail);
  }

  /** One thing of a script happens. */
  come(item: Item): void {
    if (item.mark !== undefined) this.options.met(item.mark);
    switch (item.act) {
      case 'part':
        if (item.half === 'request') this.#comeUp(item);
        else this.#comeDown(item);
        break;
      case 'reset':
        if (item.half === 'request') this.close();
        else {
          this.#deliver(events.upstreamFailed);
          this.#upstream.stop();
        }
        break;
      case 'block':
        this.#client.block();
        break;
      case 'drain':
        this.#deliver(events.drainStarted);
        break;
      case 'stray':
        this.#deliver(item.event as Event);
        break;
    }
  }

  #comeUp({ kind, bytes, end }: Item): void {
    const { holds } = this.plan;
    if (kind === 'headers') {
      this.#deliver(events.requestHeaders);
      if (!holds) this.#route();
    }
    if (kind === 'body' && bytes.length > 0) {
      this.#bill.received(bytes);
      this.#deliver(events.requestBody, bytes);
    }
    if (kind === 'trailers') this.#deliver(events.requestTrailers);
    else if (end) this.#deliver(events.requestEnd);
    if (end && holds) this.#route();
  }

  #route(): void {
    this.#deliver(this.plan.refused ? events.requestRefused : events.requestRouted);
  }

  #comeDown({ kind, bytes, end }: Item): void {
    const { status } = this.plan;
    if (kind === 'connect') this.#deliver(events.upstreamConnected);
    if (kind === 'headers') {
      const name = status < 400 ? 'success' : status < 500 ? 'refusal' : 'failure';
      this.#deliver(events.responseHeaders(name));
    }
    if (kind === 'body' && (bytes.length > 0 || !end)) {
      this.#deliver(bytes.length > 0 ? events.responseBody : events.responseBodyEmpty, bytes);
    }
    if (!end) return;
    this.#client.upstreamEnded = true;
    this.#deliver(kind === 'trailers' ? events.responseTrailers : events.responseEnd);
  }

  /** The client has gone. */
  close(): void {
    this.#client.gone = true;
    this.#upload.stop();
    this.#deliver(events.downstreamClosed(this.plan.policy));
  }

  /** A deadline expires before its time, if it runs. */
  expire(deadline: Deadline): void {
    if (this.#timers.take(deadline)) this.#expired(deadline);
  }

  /** The ledger has written what it was given, if that was `held`. */
  answerLedger(): void {
    this.#ledger.answer();
  }

  #expired(deadline: Deadline): void {
    this.#deliver(events.deadlineExpired(deadline));
  }

  readonly #carryOut = (command: Command, detail: Detail | undefined): void => {
    if (command.type === this.#fails) {
      this.#fails = undefined;
      this.options.met(`throw ${command.type}`);
      throw new Error('it was made to fail');
    }
    switch (command.type) {
      case 'forwardRequestHeaders':
        this.#upstream.start();
        break;
      case 'cancelUpstream':
        if (!this.plan.inFlight) this.#upstream.stop();
        break;
      case 'pauseUpstream':
        this.#paused = true;
        break;
      case 'resumeUpstream':
        this.#paused = false;
        this.#upstream.poke();
        break;
      case 'forwardResponseHeaders':
        this.#bill.status = this.plan.status;
        this.#client.headers();
        break;
      case 'forwardResponseBody':
        this.#bill.forwarded(detail ?? EMPTY);
        this.#client.body(detail ?? EMPTY);
        break;
      case 'endResponse':
      case 'answer':
      case 'resetDownstream':
        this.#client.lastWord(command.type);
        break;
      default:
        this.#keep(command, detail);
    }
  };

  /** What is ordered about what the exchange holds: its buffer, its record, its deadlines. */
  #keep(command: Command, detail: Detail | undefined): void {
    switch (command.type) {
      case 'openBuffer':
        this.#openBuffer();
        break;
      case 'bufferResponseBody':
        this.#bill.buffer(detail ?? EMPTY);
        break;
      case 'readUsage':
        this.#bill.read(() => this.#deliver(events.usageRead));
        break;
      case 'recordUsage':
        this.#bill.settle(command.outcome, { exchange: this.plan.id }, this.#write);
        break;
      case 'releaseBuffer':
        this.#bill.release();
        this.#released++;
        this.#timersLeft = this.#timers.running;
        break;
      case 'startDeadline':
        this.#timers.start(command.deadline);
        break;
      case 'stopDeadline':
        this.#timers.stop(command.deadline);
        break;
      case 'stopDeadlines':
        this.#timers.stopAll();
        break;
      case 'countAnomaly':
        this.#bill.count(command.anomaly);
        break;
      // The rest is the upstream's to receive, and this one listens to nothing.
    }
  }

  #openBuffer(): void {
    this.#bill.open(
      { type: typeOf(this.plan.shape) },
      {
        limits: LIMITS,
        sizer: new BufferSizer(),
        onProgress: () => this.#deliver(events.responseProgress),
        onTerminal: (verdict) => {
          this.#client.terminalSeen = true;
          this.#deliver(events.responseTerminal(verdict));
        },
      },
    );
  }

  readonly #write = (record: UsageRecord): void => {
    this.#ledger.write(record).then(
      () => this.#deliver(events.usageRecorded),
      () => {},
    );
  };
}

/**
 * The ext_proc world: a scripted Envoy shows an exchange, message by message, to the adapter that
 * serves real ones (`Processing`, with its codec, its conversation and its accounting), or to the
 * handler of the bug. There is no gRPC, no socket and no process between them.
 */
import { isStreamed } from '../../adapters/ext-proc/codec.js';
import { checkConfig, timesOf } from '../../adapters/ext-proc/config.js';
import { LegacyHandler } from '../../adapters/ext-proc/legacy-handler.js';
import { Processing } from '../../adapters/ext-proc/processing.js';
import type { Shared } from '../../adapters/ext-proc/shared.js';
import type { HttpHeaders, ProcessingRequest } from '../../adapters/ext-proc/wire.js';
import { Routes, Sizers } from '../../adapters/routes.js';
import type { TraceSink } from '../../trace.js';
import { typeOf } from './bodies.js';
import type { Item } from './faults.js';
import { Lane } from './lane.js';
import { ScriptedLedger } from './ledger.js';
import { Line } from './line.js';
import type { Plan } from './plan.js';
import type { Played } from './played.js';
import { Time, VirtualClock } from './time.js';

/** What a handler of an ext_proc stream is told, after the messages that it must answer. */
export interface Handler {
  receive(message: ProcessingRequest): void;
  closed(): void;
  drain(now: boolean): void;
}

/** All that an exchange needs of its server. */
export interface Stage {
  readonly id: string;
  readonly line: Line;
  readonly first: ProcessingRequest;
  readonly time: Time;
  readonly clock: VirtualClock;
  readonly ledger: ScriptedLedger;
  readonly trace: TraceSink;
  /** The exchange is processed, and has let go of what it held. */
  forget(): void;
}

export type MakeHandler = (stage: Stage) => Handler & { readonly inFlight: () => number };

const CONFIG = checkConfig(
  {
    upstreams: [
      { id: 'a', endpoint: '10.0.0.1:8000' },
      { id: 'b', endpoint: '10.0.0.2:8000' },
    ],
    routes: [
      { path: '/by-path', upstreams: ['a', 'b'] },
      { models: ['sim-*'], upstreams: ['a', 'b'] },
    ],
  },
  'the simulation',
  {},
);
const TIMES = timesOf(CONFIG);
const LIMITS = {};
const DRAINING = { status: 503, code: 'draining', message: 'The gateway is shutting down.' };

/** The adapter of the right server. */
export function machine(stage: Stage): ReturnType<MakeHandler> {
  const { time: _, first, ...own } = stage;
  const destinations = CONFIG.upstreams.map((item) => ({ ...item, inFlight: 0 }));
  const shared: Shared & { refusal: Shared['refusal'] } = {
    config: CONFIG,
    times: TIMES,
    routes: new Routes(CONFIG.routes, destinations),
    ledger: own.ledger.ledger,
    clock: own.clock,
    accountingLimits: LIMITS,
    observers: { trace: own.trace },
    refusal: undefined,
    warn: () => {},
    sizers: new Sizers(),
    forget: () => own.forget(),
  };
  const processing = new Processing(shared, own.id, own.line.call, first);
  return {
    receive: (message) => processing.receive(message),
    closed: () => processing.closed(),
    drain: (now) => {
      shared.refusal = DRAINING;
      processing.drain(now);
    },
    inFlight: () => destinations.reduce((sum, { inFlight }) => sum + inFlight, 0),
  };
}

/** The handler of the bug. It has no deadlines, knows of no shutdown, and cleans nothing up. */
export function legacy(stage: Stage): ReturnType<MakeHandler> {
  const { id, line, ledger, trace } = stage;
  const shared = { buffers: new Map(), ledger: ledger.ledger, trace, warn: () => {} };
  const handler = new LegacyHandler(shared, id, line.call);
  return {
    receive: (message) => handler.receive(message),
    closed: () => {},
    drain: () => {},
    inFlight: () => 0,
  };
}

export interface PlayOptions {
  readonly trace: TraceSink;
  /** A fault was met, and where. */
  met(mark: string): void;
  /** Told of the time of the exchange, before it begins. */
  begun(time: Time): void;
}

const HAPPENINGS_MAX = 20_000;
/** How long after its stream an exchange may be open, which is until its record is written. */
const SETTLED_MS = TIMES.settle + 1_000;

/** Plays an exchange to its end. */
export function playEnvoy(plan: Plan, make: MakeHandler, options: PlayOptions): Played {
  return new EnvoyWorld(plan, make, options).run();
}

class EnvoyWorld {
  readonly #time = new Time();
  readonly #clock = new VirtualClock(this.#time, Object.values(TIMES));
  readonly #line: Line;
  readonly #ledger: ScriptedLedger;
  readonly #request: Lane;
  readonly #response: Lane;
  #handler: ReturnType<MakeHandler> | undefined;
  #said = 0;
  #draining = false;
  #closed = false;
  #overdue = false;
  #released = 0;
  /** Whether deadlines ran when it let go of what it held. */
  #timersLeft = 0;

  constructor(
    readonly plan: Plan,
    readonly make: MakeHandler,
    readonly options: PlayOptions,
  ) {
    this.#line = new Line(plan, () => this.#poke());
    this.#ledger = new ScriptedLedger(this.#time, plan.ledger, options.met);
    const lane = (items: readonly Item[]) =>
      new Lane(this.#time, {
        items,
        mayCome: () => !this.#line.paused,
        come: (item) => this.#come(item),
        done: () => this.#done(),
      });
    this.#request = lane(plan.request);
    this.#response = lane(plan.response);
  }

  run(): Played {
    this.options.begun(this.#time);
    this.#request.start();
    if (this.plan.early || this.plan.request.length === 0) this.#response.start();
    const ended = this.#time.run(HAPPENINGS_MAX);
    const { passed, wrongs } = this.#line;
    const bytes = Buffer.concat(passed.response.bodies);
    const streamed = isStreamed(this.plan.modes.response) && !this.plan.observed;
    return {
      records: this.#ledger.records,
      wrongs,
      released: this.#handler === undefined ? 1 : this.#released,
      timers: this.#timersLeft,
      inFlight: this.#handler?.inFlight() ?? 0,
      ended,
      overdue: this.#overdue,
      failedWith: this.#line.immediate,
      whole: !streamed || (bytes.equals(this.plan.body) && passed.response.ends === 1),
    };
  }

  #poke(): void {
    this.#request.poke();
    this.#response.poke();
  }

  #come(item: Item): void {
    if (item.mark !== undefined) this.options.met(item.mark);
    switch (item.act) {
      case 'part':
        this.#say(messageOf(item, this.plan));
        break;
      case 'reset':
        this.#line.cancelled = true;
        this.#close();
        break;
      case 'block':
        this.#line.blocked = true;
        this.#time.in(this.plan.blockMs, () => this.#line.unblock());
        break;
      case 'drain':
        this.#draining = true;
        this.#handler?.drain(false);
        break;
      // What is dropped is not seen, and who stalls says nothing.
    }
  }

  #say(message: ProcessingRequest): void {
    const { plan } = this;
    const told = this.#said++ === 0 && plan.told;
    const whole = {
      ...message,
      ...(plan.observed && { observabilityMode: true }),
      ...(told && {
        protocolConfig: {
          requestBodyMode: plan.modes.request,
          responseBodyMode: plan.modes.response,
        },
      }),
    };
    this.#handler ??= this.#open(whole);
    const handler = this.#handler;
    this.#line.say(whole, (said) => handler.receive(said));
    if (this.#line.left && !plan.inFlight) this.#stop();
  }

  #open(first: ProcessingRequest): ReturnType<MakeHandler> {
    const handler = this.make({
      id: this.plan.id,
      line: this.#line,
      first,
      time: this.#time,
      clock: this.#clock,
      ledger: this.#ledger,
      trace: this.options.trace,
      forget: () => {
        this.#released++;
        this.#timersLeft = this.#clock.watched;
      },
    });
    if (this.#draining) handler.drain(false);
    return handler;
  }

  #stop(): void {
    this.#request.stop();
    this.#response.stop();
  }

  /** A half will bring nothing more. When neither will, Envoy closes the stream. */
  #done(): void {
    if (!this.#request.over) return;
    this.#response.start();
    if (!this.#response.over || this.#closed) return;
    this.#time.in(this.plan.leaveMs, () => {
      this.#line.cancelled ||= this.plan.leave === 'cancel';
      this.#close();
    });
  }

  /** A close tells nothing of how the exchange went; and a clean one is told twice (field: E17). */
  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler?.closed();
    if (!this.#line.cancelled) {
      this.#line.end();
      this.#handler?.closed();
    }
    this.#stop();
    this.#time.in(SETTLED_MS, () => {
      this.#overdue = this.#handler !== undefined && this.#released === 0;
    });
  }
}

const field = (key: string, value: string) => ({ key, rawValue: Buffer.from(value) });
const REQUEST = [field(':method', 'POST'), field(':authority', 'llm.test')];
const PATHS = {
  true: { headers: [...REQUEST, field(':path', '/v1/chat/completions')] },
  false: { headers: [...REQUEST, field(':path', '/by-path/v1/chat/completions')] },
};
const TRAILERS = { trailers: { headers: [] } };

function messageOf(item: Item, plan: Plan): ProcessingRequest {
  const { half, kind, bytes, end } = item;
  if (kind === 'trailers') return { [`${half}Trailers`]: TRAILERS };
  if (kind === 'body') {
    return { [`${half}Body`]: { body: bytes, ...(end && { endOfStream: true }) } };
  }
  const headers = half === 'request' ? PATHS[`${plan.holds}`] : responseHeadersOf(plan);
  const shown: HttpHeaders = { headers, ...(end && { endOfStream: true }) };
  return half === 'request' ? { requestHeaders: shown } : { responseHeaders: shown };
}

function responseHeadersOf({ status, shape }: Plan) {
  return {
    headers: [field(':status', String(status)), field('content-type', typeOf(shape))],
  };
}

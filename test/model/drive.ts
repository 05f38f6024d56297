/**
 * Drives one ordering over HTTP: a raw client and a scripted upstream take its events in turn, and
 * nobody moves before the trace shows that the gateway has taken the event before.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Event, EventType } from '../../machines/events.js';
import { textOf } from '../../machines/events.js';
import type { RecordedRequest } from '../../src/upstream/index.js';
import { chunk } from '../../src/upstream/index.js';
import type { Lane } from './lane.js';
import { actsOf, type Ordering } from './script.js';
import type { Stage } from './stage.js';

/** The trace is not what was driven. `found` is the event that came in place of another. */
export class Divergence extends Error {
  constructor(
    message: string,
    readonly found?: string,
  ) {
    super(message);
  }
}

/**
 * What may come by itself once the response is over, and only then: the answers of the accounting
 * and the ledger, and the echoes of the gateway's own leaving (a call that it cancelled fails, a socket that it closed
 * is closed, a connection that it no longer wants comes about, a held request finds its route).
 */
const ECHOES = [
  'usage.read',
  'usage.recorded',
  'upstream.failed',
  'upstream.connected',
  'downstream.closed',
  'request.routed',
  'request.refused',
  'response.progress',
  'response.terminal',
];

/** How long the gateway may take for one event before the ordering counts as stuck. */
const STUCK_MS = 10_000;
let tokens = 0;

/** Drives one ordering on a lane of a stage. `drain` makes the stage's gateway drain. */
export async function drive(
  stage: Stage,
  lane: Lane,
  ordering: Ordering,
  drain = async (): Promise<void> => {},
): Promise<void> {
  const run = new Run(stage, lane, ordering, drain);
  try {
    await run.play();
  } finally {
    await run.leave();
  }
}

class Run {
  readonly #stage: Stage;
  readonly #lane: Lane;
  readonly #ordering: Ordering;
  readonly #drain: () => Promise<void>;
  readonly #token = `t${tokens++}`;
  readonly #upstream: Promise<RecordedRequest>;
  #client: Socket | undefined;
  #exchange = '';
  #came: RecordedRequest | undefined;
  /** How far the trace has followed: records read, events of the ordering found among them. */
  #read = 0;
  #found = 0;
  #over = false;
  #left = false;

  constructor(stage: Stage, lane: Lane, ordering: Ordering, drain: () => Promise<void>) {
    this.#drain = drain;
    this.#stage = stage;
    this.#lane = lane;
    this.#ordering = ordering;
    this.#upstream = new Promise((resolve) => {
      const came = (request: RecordedRequest) => {
        this.#came = request;
        resolve(request);
        if (this.#left) request.signal('over');
      };
      stage.parts.set(this.#token, { script: { steps: actsOf(ordering, this.#behindDoor) }, came });
    });
  }

  async play(): Promise<void> {
    if (this.#waitsForConnection) {
      await this.#unlessStuck(this.#stage.occupy(this.#lane), 'for the lane');
    }
    for (const [place, event] of this.#ordering.entries()) {
      const what = `to take ${textOf(event)}`;
      await this.#unlessStuck(this.#act(place, event), what);
      await this.#until(() => this.#follow() > place, what);
    }
  }

  /** Everybody goes, and the exchange is waited for until it is processed. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#client?.destroy();
    this.#came?.signal('over');
    this.#lane.release();
    if (this.#behindDoor && !this.#has('upstream.failed')) this.#lane.forget();
    const processed = () => {
      const last = this.#stage.traceOf(this.#exchange).at(-1);
      return last?.state.startsWith('processed.') ?? this.#exchange === '';
    };
    await this.#until(processed, 'to be processed');
    this.#stage.parts.delete(this.#token);
  }

  #has(type: EventType): boolean {
    return this.#ordering.some((event) => event.type === type);
  }

  #at(place: number): EventType | undefined {
    return this.#ordering[place]?.type;
  }

  /** A connection that fails before it is made is one that waits at the door. */
  get #behindDoor(): boolean {
    return this.#has('upstream.failed') && !this.#has('upstream.connected');
  }

  /** Whether something is to happen between the route and the connection. */
  get #waitsForConnection(): boolean {
    const routed = this.#ordering.findIndex(({ type }) => type === 'request.routed');
    return routed >= 0 && !this.#behindDoor && this.#at(routed + 1) !== 'upstream.connected';
  }

  async #act(place: number, event: Event): Promise<void> {
    switch (event.type) {
      case 'request.headers':
        this.#exchange = await this.#stage.admit(() => this.#begin());
        break;
      case 'request.body':
        this.#client?.write(chunk(this.#piece(place)));
        break;
      case 'request.end':
        if (place > 1) this.#client?.write('0\r\n\r\n');
        break;
      case 'request.refused':
        if (!this.#refusedByItself(place))
          this.#client?.write('these are no bytes of HTTP\r\n\r\n');
        break;
      case 'upstream.connected':
        this.#lane.release();
        break;
      case 'upstream.failed':
        if (this.#behindDoor) await this.#lane.slam();
        else (await this.#upstream).signal(`${place}`);
        break;
      case 'response.headers':
      case 'response.body':
      case 'response.end':
      case 'response.trailers':
        (await this.#upstream).signal(`${place}`);
        break;
      case 'downstream.closed':
        this.#client?.destroy();
        break;
      case 'drain.started':
        await this.#drain();
        break;
      default:
      // Routes, progress and deadlines come by themselves.
    }
  }

  #begin(): void {
    const { port } = this.#stage.world;
    this.#client = connect({ port, host: '127.0.0.1' });
    this.#client
      .setNoDelay(true)
      .on('error', () => {})
      .resume();
    const second = this.#at(1);
    const kind = second === 'request.routed' || second === 'request.end' ? 'now' : 'held';
    const lane = this.#behindDoor ? `door-${this.#lane.name}` : this.#lane.name;
    const nowhere =
      second === 'request.refused' || (second === 'request.end' && this.#refusedAt(2));
    const path = `/${nowhere ? 'nowhere' : kind}/${lane}/${this.#token}`;
    const whole = second === 'request.end';
    const framing = whole ? '' : 'transfer-encoding: chunked\r\n';
    this.#client.write(
      `${whole ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: gateway\r\nte: trailers\r\n${framing}\r\n`,
    );
  }

  #refusedAt(place: number): boolean {
    return this.#at(place) === 'request.refused';
  }

  /** The gateway finds no route: for this path, or for this model once the body is there. */
  #refusedByItself(place: number): boolean {
    const held = this.#at(1) !== 'request.routed';
    return place === 1 || (held && this.#at(place - 1) === 'request.end');
  }

  /** A held body is one JSON text, whole with its first piece; what follows is white space. */
  #piece(place: number): string {
    if (this.#ordering.slice(0, place).some(({ type }) => type === 'request.body')) return ' ';
    const end = this.#ordering.findIndex(({ type }) => type === 'request.end');
    const known = end < 0 || !this.#refusedAt(end + 1);
    return JSON.stringify({ model: known ? 'm' : 'unknown' });
  }

  async #until(ready: () => boolean, what: string): Promise<void> {
    // What a look at the trace throws must reach the driver, not the gateway that traced.
    let thrown: unknown;
    const look = () => {
      try {
        return ready();
      } catch (error) {
        thrown = error;
        return true;
      }
    };
    await this.#unlessStuck(this.#stage.world.until(look), what);
    if (thrown !== undefined) throw thrown;
  }

  async #unlessStuck(done: Promise<void>, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const stuck = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#divergence(`waited in vain ${what}`)), STUCK_MS);
    });
    await Promise.race([done, stuck]).finally(() => clearTimeout(timer));
  }

  get #gone(): boolean {
    return this.#ordering.slice(0, this.#found).some(({ type }) => type === 'downstream.closed');
  }

  /** Holds the trace against the ordering; gives how many of its events were taken. */
  #follow(): number {
    const trace = this.#stage.traceOf(this.#exchange);
    for (; this.#read < trace.length && this.#found < this.#ordering.length; this.#read++) {
      const { event, state } = trace[this.#read]!;
      const wanted = this.#ordering[this.#found]!;
      if (event === textOf(wanted)) this.#found++;
      else if (!this.#isEcho(event)) {
        throw this.#divergence(`found ${event} in place of ${textOf(wanted)}`, event);
      }
      this.#over = /^(settling|processed|reading)\b/.test(state);
    }
    return this.#found;
  }

  #isEcho(event: string): boolean {
    // A reset is told of twice: as the error of the socket, and as its close.
    if (this.#gone && event.startsWith('downstream.closed')) return true;
    return this.#over && ECHOES.some((echo) => event.startsWith(echo));
  }

  #divergence(what: string, found?: string): Divergence {
    const trace = this.#stage
      .traceOf(this.#exchange)
      .map(({ event, state }) => `${event} -> ${state}`);
    const driven = this.#ordering.map(textOf).join(' ');
    return new Divergence(`${what}, driving ${driven}\n  ${trace.join('\n  ')}`, found);
  }
}

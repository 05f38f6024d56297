/** The upstream's side of an exchange: the route that is chosen, and the request that goes there. */
import type { IncomingMessage } from 'node:http';
import type { Event } from '../../../machines/events.js';
import type { Observation } from '../../observe/observation.js';
import type { Choice, Ending, Sent } from '../fleet.js';
import { Routing } from '../routes.js';
import type { Detail } from './call.js';
import { Call } from './call.js';
import type { Gateway } from './gateway.js';
import type { RequestFacts } from './headers.js';
import { Upload } from './upload.js';
import type { Upstream } from './upstreams.js';

/** A body that goes on as one is kept until its response has ended. */
const SHORT_BYTES_MAX = 16 * 1024;

export class Outbound {
  readonly #gateway: Gateway;
  readonly #request: IncomingMessage;
  readonly #facts: RequestFacts;
  readonly #deliver: (event: Event, detail?: Detail) => void;
  readonly #observation: Observation | undefined;
  #call: Call | undefined;
  #sent: Sent | undefined;
  #upload: Upload | undefined;
  readonly routing: Routing<Upstream>;

  constructor(
    gateway: Gateway,
    request: IncomingMessage,
    facts: RequestFacts,
    deliver: (event: Event, detail?: Detail) => void,
    observation: Observation | undefined,
  ) {
    this.#gateway = gateway;
    this.#request = request;
    this.#facts = facts;
    this.#deliver = deliver;
    this.#observation = observation;
    this.routing = new Routing(gateway.upstreams.routes, facts.target);
  }

  /** Of the request's body. */
  get bytesMax(): number {
    const { requestBytesMax, heldBytesMax } = this.#gateway.config.limits;
    return this.routing.holds ? Math.min(requestBytesMax, heldBytesMax) : requestBytesMax;
  }

  /** Whether the body, of which so many bytes have come, is short, and here, and yet to be ended. */
  goesAsOne(bytes: number): boolean {
    const whole = bytes === this.#facts.length && !this.#request.readableEnded;
    return whole && bytes <= SHORT_BYTES_MAX;
  }

  /** Sends the request's head, and what was held of its body. */
  forward(): void {
    const upstream = this.routing.upstream as Upstream;
    const { headers, target, hasBody } = this.#facts;
    let body: Buffer | Upload | null = null;
    if (hasBody && this.#request.readableEnded) body = Buffer.concat(this.routing.held);
    else if (hasBody) body = this.#upload = new Upload(this.#request);
    const method = this.#request.method ?? 'GET';
    const { informationalMax } = this.#gateway.config.limits;
    const dressed = upstream.dress(headers, this.#observation?.baton);
    const options = { method, target, headers: dressed, body, informationalMax };
    this.#call = new Call(upstream, options, this.#deliver);
    this.#sent = this.#gateway.upstreams.routes.send(upstream);
  }

  /** What has ended by then has been taken whole already, as the body of the call. */
  forwardHeld(): void {
    for (const chunk of this.routing.held) this.#upload?.accept(chunk);
    this.routing.release();
  }

  forwardBody(chunk: Buffer): void {
    this.#upload?.accept(chunk);
  }

  end(): void {
    this.#upload?.finish();
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  cancel(): void {
    this.#call?.cancel();
    this.#upload?.destroy();
  }

  /** The exchange has its outcome, and is no load on its upstream any more. */
  settle(ending: Ending): void {
    this.#sent?.settle(ending);
    this.#sent = undefined;
  }

  /** What its record says of the request, and of where it went. */
  get origin() {
    const { route, upstream, model } = this.routing;
    return {
      method: this.#request.method,
      path: this.#facts.target.split('?', 1)[0],
      route: route?.models?.join(',') ?? route?.path,
      upstream: upstream?.id,
      model,
    };
  }

  /** The upstream that it is a load on. */
  get load(): Choice | undefined {
    return this.#sent?.upstream;
  }

  release(): void {
    this.routing.release();
  }
}

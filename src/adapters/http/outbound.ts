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

  /** Sends the request's head, and what was held of its body. */
  forward(): void {
    const upstream = this.routing.upstream as Upstream;
    const { headers, target, hasBody } = this.#facts;
    let body: Buffer | Upload | null = null;
    if (hasBody && this.routing.holds) body = Buffer.concat(this.routing.held);
    else if (hasBody) body = this.#upload = new Upload(this.#request);
    const method = this.#request.method ?? 'GET';
    const { informationalMax } = this.#gateway.config.limits;
    const dressed = upstream.dress(headers, this.#observation?.baton);
    const options = { method, target, headers: dressed, body, informationalMax };
    this.#call = new Call(upstream, options, this.#deliver);
    this.#sent = this.#gateway.upstreams.routes.send(upstream);
  }

  /** A route by model has taken it whole already, as the body of the call. */
  forwardHeld(): void {
    for (const chunk of this.routing.held) this.#upload?.accept(chunk);
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

  /** The upstream that it is a load on. */
  get load(): Choice | undefined {
    return this.#sent?.upstream;
  }

  release(): void {
    this.routing.release();
  }
}

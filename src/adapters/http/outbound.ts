/** The upstream's side of an exchange: the route that is chosen, and the request that goes there. */
import type { IncomingMessage } from 'node:http';
import type { Event } from '../../../machines/events.js';
import { modelOf } from '../model.js';
import type { Detail } from './call.js';
import { Call } from './call.js';
import type { RouteConfig } from './config.js';
import type { Gateway } from './gateway.js';
import type { Refusal, RequestFacts } from './headers.js';
import { Upload } from './upload.js';
import type { Upstream } from './upstreams.js';
import { routeOf } from './upstreams.js';

export class Outbound {
  readonly #gateway: Gateway;
  readonly #request: IncomingMessage;
  readonly #facts: RequestFacts;
  readonly #deliver: (event: Event, detail?: Detail) => void;
  readonly #routes: readonly RouteConfig[];
  #held: Buffer[] = [];
  #upstream: Upstream | undefined;
  #call: Call | undefined;
  #upload: Upload | undefined;
  /** What was chosen, once it was. */
  route: RouteConfig | undefined;
  model: string | undefined;

  constructor(
    gateway: Gateway,
    request: IncomingMessage,
    facts: RequestFacts,
    deliver: (event: Event, detail?: Detail) => void,
  ) {
    this.#gateway = gateway;
    this.#request = request;
    this.#facts = facts;
    this.#deliver = deliver;
    this.#routes = gateway.upstreams.routesFor(facts.target);
  }

  /** Whether the route depends on the body: no route before the first that asks for a model fits. */
  get holds(): boolean {
    return this.#routes[0]?.models !== undefined;
  }

  get upstreamId(): string | undefined {
    return this.#upstream?.id;
  }

  hold(chunk: Buffer): void {
    this.#held.push(chunk);
  }

  /** Chooses by the model that the held body names. Gives why there is no route, if there is none. */
  chooseByModel(): Refusal | undefined {
    const found = modelOf(this.#held);
    if ('model' in found) {
      this.model = found.model;
      return this.choose();
    }
    if (routeOf(this.#routes, undefined) !== undefined && found.fault === 'model_missing') {
      return this.choose();
    }
    return { status: 400, code: found.fault, message: found.message };
  }

  choose(): Refusal | undefined {
    const route = routeOf(this.#routes, this.model);
    if (route === undefined) return noRoute(this.model);
    this.route = route;
    this.#upstream = this.#gateway.upstreams.choose(route);
    return undefined;
  }

  /** Sends the request's head, and what was held of its body. */
  forward(): void {
    const upstream = this.#upstream as Upstream;
    const { headers, target, hasBody } = this.#facts;
    let body: Buffer | Upload | null = null;
    if (hasBody && this.holds) body = Buffer.concat(this.#held);
    else if (hasBody) body = this.#upload = new Upload(this.#request);
    const method = this.#request.method ?? 'GET';
    const { informationalMax } = this.#gateway.config.limits;
    const options = { method, target, headers: upstream.dress(headers), body, informationalMax };
    this.#call = new Call(upstream, options, this.#deliver);
    upstream.inFlight++;
  }

  /** A route by model has taken it whole already, as the body of the call. */
  forwardHeld(): void {
    for (const chunk of this.#held) this.#upload?.accept(chunk);
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
  settle(): void {
    if (this.#upstream !== undefined && this.#call !== undefined) this.#upstream.inFlight--;
  }

  release(): void {
    this.#held = [];
  }
}

function noRoute(model: string | undefined): Refusal {
  const message =
    model === undefined
      ? 'No route of this gateway takes this path.'
      : 'No route of this gateway takes this model.';
  const code = model === undefined ? 'route_not_found' : 'model_not_found';
  return { status: 404, code, message };
}

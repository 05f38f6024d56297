/**
 * Where a request is sent, told to Envoy as a header. The model stands in the body, so whether it
 * can be told at all depends on how the body is shown: the headers are still open to a change in
 * their own answer, which streamed modes let wait, and in the answer to a buffered body.
 */
import type { Refusal } from '../answers.js';
import type { Choice, Ending, Sent } from '../fleet.js';
import { modelOf } from '../model.js';
import { Routing } from '../routes.js';
import { ends, isStreamed } from './codec.js';
import { headerOf, setting } from './headers.js';
import type { Destination, Shared } from './shared.js';
import type { BodyMode, CommonResponse, HttpBody, HttpHeaders, Kind } from './wire.js';

export class Steering {
  readonly #shared: Shared;
  readonly #mode: BodyMode | undefined;
  readonly #routing: Routing<Destination>;
  /** The client sent the header that is ours to write (SEC-24). */
  readonly #forged: boolean;
  /** What is held of a streamed body, to be sent on as it came. */
  readonly held: HttpBody[] = [];
  #awaitsModel: boolean;
  #sent: Sent | undefined;
  #to: Destination | undefined;

  constructor(shared: Shared, headers: HttpHeaders, path: string, mode: BodyMode | undefined) {
    this.#shared = shared;
    this.#mode = mode;
    this.#routing = new Routing(shared.routes, path);
    const { routes, destinationHeader } = shared.config;
    this.#forged = routes.length > 0 && headerOf(headers.headers, destinationHeader) !== undefined;
    // What is not shown, or is no JSON, names no model.
    const shown = headers.endOfStream !== true && mode !== 'NONE' && mode !== 'GRPC';
    this.#awaitsModel = this.#routing.holds && shown;
  }

  get route() {
    return this.#routing.route;
  }

  get model(): string | undefined {
    return this.#routing.model;
  }

  get upstreamId(): string | undefined {
    return this.#to?.id;
  }

  hold(body: HttpBody): void {
    if (body.body !== undefined) this.#routing.hold(body.body);
    this.held.push(body);
  }

  /**
   * Chooses, as soon as there is all that the choice needs. Gives `undefined` while there is not,
   * and a refusal where the request asks for what there is not. A path that no route takes is
   * Envoy's to route.
   */
  choose(kind: Kind, body: HttpBody | undefined | null): 'routed' | Refusal | undefined {
    if (kind === 'requestHeaders' && !this.#awaitsModel) {
      this.#routing.choose();
      return 'routed';
    }
    if (!this.#awaitsModel || kind === 'requestHeaders') return undefined;
    const state =
      kind === 'requestTrailers' ? this.#stateAtTrailers : this.#stateOf(body as HttpBody);
    if (state === 'awaited') return undefined;
    this.#awaitsModel = false;
    if (state === 'cut') return 'routed';
    return this.#routing.chooseByModel() ?? 'routed';
  }

  /** Nobody said whether the body is shown, and perhaps that it is not is why there is none. */
  get #stateAtTrailers(): 'whole' | 'cut' {
    return this.#mode === undefined && this.held.length === 0 ? 'cut' : 'whole';
  }

  /** How much of the body is there once this piece of it is. */
  #stateOf(body: HttpBody): 'whole' | 'cut' | 'awaited' {
    if (ends(body) || this.#mode === 'BUFFERED') return 'whole';
    if (this.#mode === 'BUFFERED_PARTIAL') return 'cut';
    // Nobody said the mode. One that is buffered does not end where trailers follow it.
    const buffered = this.#mode === undefined && this.held.length === 1;
    return buffered && 'model' in modelOf(this.#routing.held) ? 'whole' : 'awaited';
  }

  /** The request goes on. What is chosen counts only if Envoy can be told of it. */
  send(kind: Kind | undefined): void {
    const { upstream } = this.#routing;
    if (upstream === undefined || !this.#canTell(kind)) return;
    this.#sent = this.#shared.routes.send(upstream);
    this.#to = upstream;
  }

  #canTell(kind: Kind | undefined): boolean {
    if (kind === 'requestHeaders' || isStreamed(this.#mode)) return true;
    if (kind !== 'requestBody') return false;
    return this.#mode === 'BUFFERED' || (this.#mode === undefined && this.held.length === 1);
  }

  /**
   * What becomes of the request's headers, in the answer to a message that `routed` the request, or
   * in that to the headers themselves.
   */
  mutation(kind: Kind, routed: boolean): CommonResponse | undefined {
    const { destinationHeader } = this.#shared.config;
    if (routed && this.#to !== undefined) {
      const { endpoint, headers } = this.#to;
      const own = Object.entries(headers).map(
        ([key, value]) => [key.toLowerCase(), value] as const,
      );
      return {
        headerMutation: setting([[destinationHeader, endpoint], ...own]),
        clearRouteCache: true,
      };
    }
    const open = kind === 'requestHeaders' && (routed || this.#awaitsModel);
    if (!open || !this.#forged) return undefined;
    return { headerMutation: { removeHeaders: [destinationHeader] }, clearRouteCache: true };
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
    this.#routing.release();
    this.held.length = 0;
  }
}

/**
 * Where a request goes: its route, by path and by model, and of the route's upstreams the one with
 * the fewest exchanges in flight.
 */
import { BufferBudget } from '../accounting/budget.js';
import { BufferSizer } from '../accounting/buffer.js';
import type { Refusal } from './answers.js';
import type { Choice, EjectionRule, Sent, Told } from './fleet.js';
import { Fleet } from './fleet.js';
import { modelOf } from './model.js';
import type { RouteConfig } from './settings.js';

/** Nobody is left alone. */
const NO_EJECTION: EjectionRule = { failures: 0, forMs: 0, forMsMax: 0 };

export class Routes<Upstream extends Choice> {
  readonly #routes: readonly RouteConfig[];
  readonly #byId: ReadonlyMap<string, Upstream>;
  readonly #fleet: Fleet<Upstream>;
  /** Of each route its own: a shared one would follow the pattern of the others' traffic. */
  readonly #turns = new Map<RouteConfig, number>();

  /** `told` is called with what becomes of the standing of an upstream. */
  constructor(
    routes: readonly RouteConfig[],
    upstreams: readonly Upstream[],
    rule = NO_EJECTION,
    told: (what: Told, upstream: string) => void = () => {},
  ) {
    this.#routes = routes;
    this.#byId = new Map(upstreams.map((item) => [item.id, item]));
    this.#fleet = new Fleet(upstreams, routes, rule, told);
  }

  /** An exchange is sent there. */
  send(upstream: Upstream): Sent {
    return this.#fleet.send(upstream);
  }

  close(): void {
    this.#fleet.close();
  }

  /** The routes that a path may take, in their order. */
  for(target: string): RouteConfig[] {
    return this.#routes.filter(({ path }) => path === undefined || target.startsWith(path));
  }

  /**
   * Of a route's upstreams, one with the fewest exchanges in flight; equal ones take turns. Those
   * that are left alone come only where there is no other.
   */
  choose(route: RouteConfig): Upstream {
    const { upstreams } = route;
    const first = (this.#turns.get(route) ?? 0) % upstreams.length;
    this.#turns.set(route, first + 1);
    let best = this.#byId.get(upstreams[first] as string) as Upstream;
    for (let step = 1; step < upstreams.length; step++) {
      const id = upstreams[(first + step) % upstreams.length] as string;
      const next = this.#byId.get(id) as Upstream;
      if (this.#isBetter(next, best)) best = next;
    }
    return best;
  }

  #isBetter(one: Upstream, other: Upstream): boolean {
    const offered = this.#fleet.offers(one);
    if (offered !== this.#fleet.offers(other)) return offered;
    return one.inFlight < other.inFlight;
  }
}

/**
 * What the responses of each route have been, those of no route being one more, and the budget that
 * all their buffers share.
 */
export class Sizers {
  readonly budget: BufferBudget;
  readonly #byRoute = new Map<RouteConfig | undefined, BufferSizer>();

  /** Default: 256 MiB for all buffers. */
  constructor(budgetBytes?: number) {
    this.budget = new BufferBudget(budgetBytes);
  }

  of(route: RouteConfig | undefined): BufferSizer {
    let sizer = this.#byRoute.get(route);
    if (sizer === undefined) {
      sizer = new BufferSizer(this.budget);
      this.#byRoute.set(route, sizer);
    }
    return sizer;
  }
}

/** The routing of one request: what was held of its body, and what was chosen. */
export class Routing<Upstream extends Choice> {
  readonly #all: Routes<Upstream>;
  readonly #routes: readonly RouteConfig[];
  #held: Buffer[] = [];
  /** What was chosen, once it was. */
  route: RouteConfig | undefined;
  upstream: Upstream | undefined;
  model: string | undefined;

  constructor(routes: Routes<Upstream>, target: string) {
    this.#all = routes;
    this.#routes = routes.for(target);
  }

  /** Whether the route depends on the body: no route before the first that asks for a model fits. */
  get holds(): boolean {
    return this.#routes[0]?.models !== undefined;
  }

  /** What was held of the body, in its pieces. */
  get held(): readonly Buffer[] {
    return this.#held;
  }

  hold(chunk: Buffer): void {
    this.#held.push(chunk);
  }

  release(): void {
    this.#held = [];
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
    this.upstream = this.#all.choose(route);
    return undefined;
  }
}

/** The first of `routes` that takes this model. A route without models takes every one. */
function routeOf(
  routes: readonly RouteConfig[],
  model: string | undefined,
): RouteConfig | undefined {
  return routes.find(
    ({ models }) => models === undefined || models.some((item) => fits(item, model)),
  );
}

function fits(pattern: string, model: string | undefined): boolean {
  if (model === undefined) return false;
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern;
}

function noRoute(model: string | undefined): Refusal {
  const message =
    model === undefined
      ? 'No route of this gateway takes this path.'
      : 'No route of this gateway takes this model.';
  const code = model === undefined ? 'route_not_found' : 'model_not_found';
  return { status: 404, code, message };
}

/**
 * Where a request goes: its route, by path and by model, and of the route's upstreams the one with
 * the fewest exchanges in flight.
 */
import { BufferSizer } from '../accounting/buffer.js';
import type { Refusal } from './answers.js';
import { modelOf } from './model.js';
import type { RouteConfig } from './settings.js';

/** What is chosen. */
export interface Choice {
  readonly id: string;
  /** Exchanges that were sent there and have no outcome yet. */
  inFlight: number;
}

export class Routes<Upstream extends Choice> {
  readonly #routes: readonly RouteConfig[];
  readonly #byId: ReadonlyMap<string, Upstream>;
  #turn = 0;

  constructor(routes: readonly RouteConfig[], upstreams: readonly Upstream[]) {
    this.#routes = routes;
    this.#byId = new Map(upstreams.map((item) => [item.id, item]));
  }

  /** The routes that a path may take, in their order. */
  for(target: string): RouteConfig[] {
    return this.#routes.filter(({ path }) => path === undefined || target.startsWith(path));
  }

  /** Of a route's upstreams, one with the fewest exchanges in flight; equal ones take turns. */
  choose({ upstreams }: RouteConfig): Upstream {
    const first = this.#turn++ % upstreams.length;
    let best = this.#byId.get(upstreams[first] as string) as Upstream;
    for (let step = 1; step < upstreams.length; step++) {
      const id = upstreams[(first + step) % upstreams.length] as string;
      const next = this.#byId.get(id) as Upstream;
      if (next.inFlight < best.inFlight) best = next;
    }
    return best;
  }
}

/** What the responses of each route have been; those of no route are one more. */
export class Sizers {
  readonly #byRoute = new Map<RouteConfig | undefined, BufferSizer>();

  of(route: RouteConfig | undefined): BufferSizer {
    let sizer = this.#byRoute.get(route);
    if (sizer === undefined) {
      sizer = new BufferSizer();
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

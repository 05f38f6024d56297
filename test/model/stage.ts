/**
 * A stage: one gateway on which orderings are driven, each on a lane of its own, and the trace of
 * each by its exchange. What is configured is what the orderings need: a policy, a small deadline.
 */
import { DEADLINES, type Deadline, type Policy } from '../../machines/events.js';
import type { TraceRecord } from '../../src/trace.js';
import type { Upstream } from '../../src/upstream/index.js';
import { startUpstream } from '../../src/upstream/index.js';
import { World } from '../harness.js';
import { Lane, type Part } from './lane.js';

export interface StageOptions {
  readonly lanes: number;
  readonly policy: Policy;
  /** The one deadline that ever expires. */
  readonly deadline?: Deadline | undefined;
  /** After how many milliseconds it does. */
  readonly deadlineMs?: number;
}

export class Stage {
  /** The parts of the upstream, by token. */
  readonly parts = new Map<string, Part>();
  readonly #lanes: readonly Lane[];
  readonly #free: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  readonly #byExchange = new Map<string, TraceRecord[]>();
  readonly #ids: string[] = [];
  #read = 0;
  #admission: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly world: World,
    readonly upstream: Upstream,
    lanes: readonly Lane[],
  ) {
    this.#lanes = lanes;
    this.#free = [...lanes];
  }

  static async open({ lanes: count, policy, deadline, deadlineMs = 0 }: StageOptions) {
    const names = Array.from({ length: count }, (_, place) => `lane-${place}`);
    const lanes = await Promise.all(names.map((name) => Lane.open(name)));
    const upstream = await startUpstream({
      script: (request) => {
        const part = stage.parts.get(request.target.split('/').at(-1) as string);
        part?.came(request);
        // A request may still come when its exchange is over: it was cancelled on its way.
        return part?.script ?? { steps: [{ rst: true }] };
      },
    });
    const never = Object.fromEntries(DEADLINES.map((name) => [name, 0]));
    const world = await World.start({
      upstreams: lanes.flatMap(({ name, doorUrl }) => [
        { id: name, url: upstream.url },
        { id: `door-${name}`, url: doorUrl },
      ]),
      config: {
        routes: lanes.flatMap(({ name }) => [
          { path: `/held/${name}/`, models: ['m'], upstreams: [name] },
          { path: `/held/door-${name}/`, models: ['m'], upstreams: [`door-${name}`] },
          { path: `/now/${name}/`, upstreams: [name] },
          { path: `/now/door-${name}/`, upstreams: [`door-${name}`] },
        ]),
        deadlines: { ...never, ...(deadline && { [deadline]: deadlineMs }) },
        limits: { connectionsMax: 1, lingerMs: 60_000 },
        onDisconnect: policy,
      },
    });
    const stage: Stage = new Stage(world, upstream, lanes);
    return stage;
  }

  /** Does `work` with a lane that nobody else uses meanwhile. */
  async withLane(work: (lane: Lane) => Promise<void>): Promise<void> {
    const lane = this.#free.pop() ?? (await new Promise<Lane>((take) => this.#waiting.push(take)));
    try {
      await work(lane);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  occupy(lane: Lane): Promise<void> {
    const { upstreams } = this.world.gateway;
    return lane.occupy(upstreams.routes.choose({ upstreams: [lane.name] }).pool, this.parts);
  }

  /** The exchange that `send` begins. One at a time, so that there is no doubt which one it is. */
  admit(send: () => void): Promise<string> {
    const admitted = this.#admission.then(async () => {
      const before = this.#index();
      send();
      await this.world.until(() => this.#index() > before);
      return this.#ids[before] as string;
    });
    this.#admission = admitted;
    return admitted;
  }

  traceOf(exchange: string): readonly TraceRecord[] {
    this.#index();
    return this.#byExchange.get(exchange) ?? [];
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes) lane.release();
    await this.world.close();
    await this.upstream.close();
    for (const lane of this.#lanes) lane.close();
  }

  /** Sorts what was traced since the last look, and gives the number of exchanges so far. */
  #index(): number {
    const { traces } = this.world;
    for (; this.#read < traces.length; this.#read++) {
      const record = traces[this.#read] as TraceRecord;
      const known = this.#byExchange.get(record.exchange);
      if (known !== undefined) known.push(record);
      else {
        this.#ids.push(record.exchange);
        this.#byExchange.set(record.exchange, [record]);
      }
    }
    return this.#ids.length;
  }
}

/**
 * Schedules: where several can go on, every order in which they may, one run for each.
 *
 * `interleavings` is for actors whose steps are calls: it gives the orders. `everySchedule` is for
 * actors that wait: whoever comes to a `turn` stands still until the schedule lets it go on. It
 * runs the race again for each schedule, and takes another way at the last fork that has one left.
 */

/** What keeps the number of schedules finite, or small. */
export interface Bounds {
  /** How often one that could go on may have to wait for another. Default: any number. */
  readonly preemptionsMax?: number | undefined;
  readonly schedulesMax?: number | undefined;
}

/** Every order of the steps of actors that have so many each; one's own steps keep their order. */
export function* interleavings(
  lengths: readonly number[],
  { preemptionsMax = Number.POSITIVE_INFINITY }: Bounds = {},
): Generator<readonly number[]> {
  const left = [...lengths];
  const total = left.reduce((sum, length) => sum + length, 0);
  const order: number[] = [];
  function* from(last: number, preemptions: number): Generator<readonly number[]> {
    if (order.length === total) {
      yield order;
      return;
    }
    for (let actor = 0; actor < left.length; actor++) {
      if (left[actor] === 0) continue;
      const preempts = last >= 0 && actor !== last && (left[last] as number) > 0;
      if (preempts && preemptions === preemptionsMax) continue;
      (left[actor] as number)--;
      order.push(actor);
      yield* from(actor, preempts ? preemptions + 1 : preemptions);
      order.pop();
      (left[actor] as number)++;
    }
  }
  yield* from(-1, 0);
}

/** Waits until the schedule lets the actor go on. */
export type Turn = () => Promise<void>;

/** A race that has not begun: its actors, and what is wrong when all have come to their end. */
export interface Race {
  readonly actors: readonly ((turn: Turn) => Promise<void>)[];
  verdict(): string | undefined;
}

export interface Explored {
  /** How many were run. */
  readonly schedules: number;
  /** Whether these were all within the bounds. */
  readonly all: boolean;
  /** The first that went wrong: who went on at each turn, and what is wrong. */
  readonly found?: { readonly order: readonly number[]; readonly message: string };
}

/** Runs the race in every schedule, up to the first that goes wrong. `begin` makes it anew. */
export async function everySchedule(begin: () => Race, bounds: Bounds = {}): Promise<Explored> {
  const { schedulesMax = Number.POSITIVE_INFINITY } = bounds;
  let forks: Fork[] = [];
  for (let schedules = 1; schedules <= schedulesMax; schedules++) {
    const { order, message } = await new Runner(begin(), forks, bounds).run();
    if (message !== undefined) return { schedules, all: false, found: { order, message } };
    const next = forks.findLastIndex(({ taken, ways }) => taken + 1 < ways);
    if (next < 0) return { schedules, all: true };
    forks = forks.slice(0, next + 1);
    (forks[next] as Fork).taken++;
  }
  return { schedules: schedulesMax, all: false };
}

/** A turn at which more than one could go on, in the order in which they are tried. */
interface Fork {
  taken: number;
  ways: number;
}

/** How many rounds are waited for, so that whoever can come to a turn has come to it. */
const TICKS = 24;

/** Some schedule lets whoever asks again and again do so for ever. */
const TURNS_MAX = 10_000;

class Runner {
  readonly #race: Race;
  readonly #forks: Fork[];
  readonly #preemptionsMax: number;
  readonly #waiting = new Map<number, () => void>();
  readonly #order: number[] = [];
  #running: number;
  #thrown: string | undefined;

  constructor(race: Race, forks: Fork[], { preemptionsMax = Number.POSITIVE_INFINITY }: Bounds) {
    this.#race = race;
    this.#forks = forks;
    this.#preemptionsMax = preemptionsMax;
    this.#running = race.actors.length;
  }

  async run(): Promise<{ order: readonly number[]; message: string | undefined }> {
    for (const [actor, act] of this.#race.actors.entries()) {
      const turn = () =>
        new Promise<void>((resolve) => {
          this.#waiting.set(actor, resolve);
        });
      void this.#live(turn, act);
    }
    await calm();
    let preemptions = 0;
    for (let fork = 0; this.#waiting.size > 0; fork++) {
      if (fork === TURNS_MAX) {
        return { order: this.#order.slice(0, 100), message: `no end within ${TURNS_MAX} turns` };
      }
      const ways = this.#ways(preemptions);
      this.#forks[fork] ??= { taken: 0, ways: ways.length };
      const actor = ways[(this.#forks[fork] as Fork).taken] as number;
      const last = this.#order.at(-1);
      if (last !== undefined && last !== actor && this.#waiting.has(last)) preemptions++;
      this.#order.push(actor);
      const goOn = this.#waiting.get(actor) as () => void;
      this.#waiting.delete(actor);
      goOn();
      await calm();
    }
    const stuck = this.#running > 0 ? `${this.#running} can never go on` : undefined;
    return { order: this.#order, message: this.#thrown ?? stuck ?? this.#race.verdict() };
  }

  async #live(turn: Turn, act: (turn: Turn) => Promise<void>): Promise<void> {
    try {
      await turn();
      await act(turn);
    } catch (error) {
      this.#thrown ??= `an actor threw: ${String(error)}`;
    }
    this.#running--;
  }

  /** Who may go on: who went last first, since to go on is no preemption. */
  #ways(preemptions: number): number[] {
    const last = this.#order.at(-1);
    const ways = [...this.#waiting.keys()].sort((one, other) => one - other);
    if (last === undefined || !this.#waiting.has(last)) return ways;
    if (preemptions === this.#preemptionsMax) return [last];
    return [last, ...ways.filter((actor) => actor !== last)];
  }
}

async function calm(): Promise<void> {
  for (let tick = 0; tick < TICKS; tick++) await undefined;
}

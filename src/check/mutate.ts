/**
 * The mutation score of the model: how many of its mutants are killed by the properties, by a tour
 * of every transition, and by logs; how many are no mutants, since nobody can tell them apart.
 */
import { anyone, environments, observed } from '../../machines/environments.js';
import type { Table } from '../table.js';
import { allProperties, isClaimed } from './claims.js';
import { Effects } from './effects.js';
import { explore } from './explore.js';
import { Logs, Tour } from './logs.js';
import type { Fault, Mutant } from './mutants.js';
import { FAULT_NAMES } from './mutants.js';
import { Telling } from './telling.js';
import { Example, Ground, stepsOf } from './verdicts.js';

/** What became of one mutant. */
export interface Trial {
  readonly mutant: Mutant;
  /** Nobody can tell it from the machine, which is proven; then there is nothing to kill. */
  readonly equivalent: boolean;
  /** The name of a claim that it breaks; there may be others. */
  readonly property?: string;
  readonly tour: boolean;
  readonly logs: boolean;
  /** It orders something else that comes to the same for everybody. */
  readonly sameEffect: boolean;
}

export interface CourtOptions {
  /** Seeds the logs. */
  readonly seed?: number;
  /** How many exchanges the logs have, and how many events each has at most. */
  readonly exchanges?: number;
  readonly length?: number;
}

/** Tries mutants of one machine, which must keep its own claims. */
export class Court {
  readonly table: Table;
  readonly tour: Tour;
  readonly logs: Logs;
  readonly #telling: Telling;
  readonly #effects: Effects;
  /** The claim that killed last is asked first, since most mutants break one of a few. */
  readonly #claims: (Ground | Example)[];

  constructor(table: Table, { seed = 1, exchanges = 2000, length = 40 }: CourtOptions = {}) {
    this.table = table;
    this.#telling = new Telling(table);
    this.#effects = new Effects(table);
    this.tour = new Tour(this.#telling);
    this.logs = new Logs(this.#telling, { environment: observed, seed, exchanges, length });
    this.#claims = groundsOf(table);
  }

  try(mutant: Mutant): Trial {
    if (this.#telling.isEquivalent(mutant)) {
      return { mutant, equivalent: true, tour: false, logs: false, sameEffect: true };
    }
    const broken = this.#brokenBy(mutant);
    return {
      mutant,
      equivalent: false,
      ...(broken === undefined ? {} : { property: broken }),
      tour: this.tour.kills(mutant),
      logs: this.logs.kills(mutant),
      sameEffect: this.#effects.areSame(mutant),
    };
  }

  #brokenBy(mutant: Mutant): string | undefined {
    const at = this.#claims.findIndex((claim) => claim.breaks(mutant));
    const [claim] = at < 0 ? [] : this.#claims.splice(at, 1);
    if (claim !== undefined) this.#claims.unshift(claim);
    return claim?.property.name;
  }
}

/**
 * All that is claimed, with what is decided quickly in front. What `anyone` cannot break nobody can, so the
 * other environments are asked only about what is claimed of them alone.
 */
function groundsOf(table: Table): (Ground | Example)[] {
  const steps = stepsOf(table);
  const always = allProperties.filter(({ mood }) => mood === 'always');
  const grounds = [anyone, ...environments.filter((one) => one !== anyone)].flatMap((environment) =>
    always
      .filter((property) => isClaimed(property, environment))
      .filter((property) => environment === anyone || !isClaimed(property, anyone))
      .map((property) => new Ground(table, steps, property, environment)),
  );
  const graph = explore(table, anyone);
  const examples = allProperties
    .filter((property) => property.mood === 'sometimes' && isClaimed(property, anyone))
    .map((property) => new Example(graph, property));
  return [...grounds, ...examples];
}

/** Counts of mutants: of all, of those that are none, and of those killed by each of three. */
export interface Tally {
  mutants: number;
  equivalent: number;
  properties: number;
  tour: number;
  logs: number;
  /** Killed by a property or by the tour. */
  either: number;
  /** Not killed by a property, and of the same effect on everybody. */
  sameEffect: number;
}

const KEPT = 10_000;

/** What came of many trials. */
export class Scores {
  readonly byFault = Object.fromEntries(
    FAULT_NAMES.map((fault) => [fault, emptyTally()]),
  ) as Record<Fault, Tally>;
  /** How many each claim killed, of those that no claim was asked about before it. */
  readonly byProperty = new Map<string, number>();
  /** Neither a property nor the tour kills it: each is a finding. */
  readonly survivors: Mutant[] = [];
  /** Of another effect, shown by the tour, forbidden by no property: what could still be claimed. */
  readonly unforbidden: Mutant[] = [];
  /** How many of those there were; of a million, only the first are kept. */
  unforbiddenCount = 0;
  tried = 0;

  add({ mutant, equivalent, property, tour, logs, sameEffect }: Trial): void {
    const tally = this.byFault[mutant.fault];
    this.tried++;
    tally.mutants++;
    if (equivalent) tally.equivalent++;
    if (property !== undefined) {
      tally.properties++;
      this.byProperty.set(property, (this.byProperty.get(property) ?? 0) + 1);
    }
    if (tour) tally.tour++;
    if (logs) tally.logs++;
    if (property !== undefined || tour) tally.either++;
    if (equivalent || property !== undefined) return;
    if (sameEffect) tally.sameEffect++;
    if (!tour) this.survivors.push(mutant);
    else if (sameEffect) return;
    else if (++this.unforbiddenCount <= KEPT) this.unforbidden.push(mutant);
  }

  get total(): Tally {
    const total = emptyTally();
    for (const tally of Object.values(this.byFault)) {
      for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
    }
    return total;
  }
}

function emptyTally(): Tally {
  return { mutants: 0, equivalent: 0, properties: 0, tour: 0, logs: 0, either: 0, sameEffect: 0 };
}

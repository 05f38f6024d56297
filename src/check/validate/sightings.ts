/**
 * Foreign logs, held against the machine: a record is an event that was seen, and others may have
 * happened unseen in between. What is possible is a set, and a record diverges when nothing is left.
 */
import type { Candidate } from './edits.js';
import { Doubt } from './edits.js';
import type { ExchangesOptions, Release } from './exchanges.js';
import { Exchanges, owned } from './exchanges.js';
import type { Divergence, Findings } from './report.js';
import type { Belief, Beliefs, Refusal } from './states.js';
import { REFUSALS, textOfCode } from './states.js';

export interface Sighted {
  readonly id: string;
  readonly codes: readonly number[];
  readonly line: number;
  /** Milliseconds on the log's clock, where it has one. */
  readonly at: number | undefined;
  /** Whether nothing more comes for this exchange. */
  readonly last: boolean;
}

interface Trail {
  readonly id: string;
  belief: Belief;
  /** Before the latest record, and that record, for an edit that moves it. */
  earlier: Belief | undefined;
  latest: number;
  index: number;
  at: number | undefined;
  over: boolean;
  diverged: boolean;
  doubt: Doubt<Belief, number> | undefined;
  divergence: Omit<Divergence, 'edits'> | undefined;
}

export interface SightingsOptions extends Omit<ExchangesOptions<Trail>, 'released'> {
  readonly beliefs: Beliefs;
  readonly findings: Findings;
  /** Whether a log may begin in the middle of exchanges. */
  readonly partial?: boolean | undefined;
  /** After how long, on the log's clock, an exchange is given up. */
  readonly idleMs?: number | undefined;
  /** The events that the log can show: what could be missing from it. */
  readonly seen: readonly number[];
}

/** How many records pass between two looks for idle exchanges. */
const SWEEP = 65_536;

export class Sightings {
  readonly #beliefs: Beliefs;
  readonly #findings: Findings;
  readonly #exchanges: Exchanges<Trail>;
  readonly #begin: Belief;
  readonly #seen: readonly number[];
  readonly #idleMs: number | undefined;
  /** What those that are not remembered any more may be: an id that is not known may be of one. */
  #forgotten: Belief;
  #clock = Number.NEGATIVE_INFINITY;
  #untilSweep = SWEEP;

  constructor(options: SightingsOptions) {
    const { beliefs, findings, partial = false, openMax, overMax } = options;
    this.#beliefs = beliefs;
    this.#findings = findings;
    this.#seen = options.seen;
    this.#idleMs = options.idleMs;
    this.#begin = partial ? beliefs.anywhere : beliefs.start;
    this.#forgotten = beliefs.nothing;
    const released = (trail: Trail, how: Release) => this.#released(trail, how);
    this.#exchanges = new Exchanges({ openMax, overMax, released });
  }

  get held(): number {
    return this.#exchanges.held;
  }

  take({ id, codes, line, at, last }: Sighted): void {
    if (at !== undefined && at > this.#clock) this.#clock = at;
    for (const code of codes) {
      const trail = this.#exchanges.find(id) ?? this.#open(id, code);
      trail.at = at;
      this.#step(trail, code, line);
    }
    if (last) this.#exchanges.close(id);
    if (--this.#untilSweep <= 0) this.#sweep();
  }

  end(): void {
    this.#exchanges.clear();
  }

  #open(given: string, code: number): Trail {
    const id = owned(given);
    const known = !this.#beliefs.after(this.#begin, code).empty;
    const late = !known && !this.#beliefs.after(this.#forgotten, code).empty;
    const trail: Trail = {
      id,
      belief: late ? this.#forgotten : this.#begin,
      earlier: undefined,
      latest: -1,
      index: 0,
      at: undefined,
      over: false,
      diverged: false,
      doubt: undefined,
      divergence: undefined,
    };
    this.#findings.exchanges++;
    this.#exchanges.add(id, trail);
    return trail;
  }

  #step(trail: Trail, code: number, line: number): void {
    this.#findings.records++;
    trail.doubt?.follow(code);
    const { belief, anomaly } = this.#beliefs.sighting(trail.belief, code);
    if (anomaly !== undefined) this.#findings.anomaly(anomaly);
    if (belief.empty) {
      this.#findings.faults++;
      if (!trail.diverged) this.#suspect(trail, code, line);
    }
    if (trail.doubt?.settled === true) this.#settle(trail);
    trail.earlier = trail.belief;
    trail.latest = code;
    trail.index++;
    // After a fault the rest is read from wherever this event could have come.
    trail.belief = belief.empty ? this.#beliefs.after(this.#beliefs.anywhere, code) : belief;
    if (!trail.over && this.#beliefs.isOver(trail.belief)) {
      trail.over = true;
      this.#exchanges.end(trail.id);
    }
  }

  #suspect(trail: Trail, code: number, line: number): void {
    const { space } = this.#beliefs;
    const nodes = [...this.#beliefs.closed(trail.belief).nodes()];
    const refusals = new Set(nodes.map((node) => space.refusalAt(node, code)));
    const why = (['violation', 'anomaly', 'environment'] as Refusal[]).find((refusal) =>
      refusals.has(refusal),
    ) as Refusal;
    const unknown = trail.index === 0 ? ', and the log tells nothing of this exchange before' : '';
    trail.diverged = true;
    trail.divergence = {
      exchange: trail.id,
      line,
      index: trail.index,
      event: textOfCode(code),
      why,
      message: REFUSALS[why] + unknown,
      before: [...new Set(nodes.map((node) => space.nameOf(node)))],
      legal: space.legalAt(nodes, this.#seen),
    };
    const after = (belief: Belief, item: number) => this.#after(belief, item);
    trail.doubt = new Doubt(after, trail.belief, code, this.#candidates(trail, code));
  }

  #after(belief: Belief, code: number): Belief | undefined {
    const then = this.#beliefs.after(belief, code);
    return then.empty ? undefined : then;
  }

  /** The edits that mend this record, the likeliest first: logs lose lines more often than they add. */
  #candidates({ belief, earlier, latest }: Trail, code: number): Candidate<Belief>[] {
    const candidates: Candidate<Belief>[] = [];
    const add = (edit: Candidate<Belief>['edit'], place: Belief | undefined) => {
      if (place !== undefined) candidates.push({ edit, place });
    };
    const sooner = earlier === undefined ? undefined : this.#after(earlier, code);
    if (sooner !== undefined) add({ kind: 'swapPrevious' }, this.#after(sooner, latest));
    const inserts = this.#seen.flatMap((missing): Candidate<Belief>[] => {
      const between = this.#after(belief, missing);
      const place = between === undefined ? undefined : this.#after(between, code);
      if (place === undefined) return [];
      return [{ edit: { kind: 'insert', what: textOfCode(missing) }, place }];
    });
    // An insert that ends the exchange makes all legal that comes late, and so explains nothing.
    const ends = ({ place }: Candidate<Belief>) => this.#beliefs.isOver(place);
    candidates.push(...inserts.filter((insert) => !ends(insert)));
    add({ kind: 'delete' }, belief);
    add({ kind: 'deletePrevious' }, sooner);
    candidates.push(...inserts.filter(ends));
    return candidates;
  }

  #settle(trail: Trail): void {
    const { doubt, divergence } = trail;
    if (doubt === undefined || divergence === undefined) return;
    this.#findings.diverges({ ...divergence, edits: doubt.edits });
    trail.doubt = undefined;
    trail.divergence = undefined;
  }

  #released(trail: Trail, how: Release): void {
    this.#settle(trail);
    if (how === 'open') this.#findings.open++;
    if (how === 'closed') return;
    this.#forgotten = this.#beliefs.either(this.#forgotten, trail.belief);
  }

  #sweep(): void {
    this.#untilSweep = SWEEP;
    if (this.#idleMs === undefined) return;
    const oldest = this.#clock - this.#idleMs;
    this.#exchanges.sweep(({ at }) => at !== undefined && at < oldest);
  }
}

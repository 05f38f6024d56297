/**
 * Every exchange of a server as a row, for people who watch: where it is, since when, what it came
 * to, and its first and newest steps.
 *
 * A step costs a few stores. It is noted as two numbers, its cell of the table and its time; words
 * are made of them only for what somebody looks at. Nothing is sent from here: `feed.ts` looks.
 */
import { EVENTS, events } from '../../machines/events.js';
import type { StepObserver } from '../step.js';
import { table as exchangeTable, start } from '../step.js';
import type { Step, Table } from '../table.js';
import { Body } from './bodies.js';

/** Steps kept of one exchange. Between them there may be others, which are counted and gone. */
export const FIRST_STEPS = 32;
export const NEWEST_STEPS = 96;
const FINISHED_MAX = 1_000;

const WIDTH = EVENTS.length;
const CHUNK = EVENTS.indexOf(events.responseBody);

/** A step that was kept. `event` is its place in `EVENTS`, `before` a state of the table. */
export interface KeptStep {
  readonly seq: number;
  /** Milliseconds on the clock of `performance.now`. */
  readonly at: number;
  readonly event: number;
  readonly before: number;
  readonly step: Step;
}

export class Watch {
  readonly table: Table;
  /** Exchanges that have begun since the server did. */
  begun = 0;
  readonly inFlight = new Set<Watched>();
  /** For each cell of the table, whether its answer is counted as an anomaly. */
  readonly anomalous: Uint8Array;
  readonly processed: Uint8Array;
  readonly #finishedMax: number;
  /** A ring: the oldest is overwritten. */
  readonly #finished: Watched[] = [];
  #ended = 0;

  /** `finishedMax` exchanges are kept after they have ended. Those in flight are all there. */
  constructor(table: Table = exchangeTable, finishedMax = FINISHED_MAX) {
    this.table = table;
    this.#finishedMax = finishedMax;
    const states = [...table.states.keys()];
    this.anomalous = Uint8Array.from(
      states.flatMap((state) =>
        EVENTS.map((_, event) => (isAnomaly(table.step(state, event)) ? 1 : 0)),
      ),
    );
    this.processed = Uint8Array.from(table.states, (name) => Number(/^processed\./.test(name)));
  }

  /** An exchange begins. What this gives is told its steps. */
  begin(id: string): Watched {
    const row = new Watched(this, id, this.begun++);
    this.inFlight.add(row);
    return row;
  }

  /** Those in flight, then those that have ended; of each the oldest first. */
  *rows(): Generator<Watched> {
    yield* this.inFlight;
    const kept = Math.min(this.#ended, this.#finishedMax);
    for (let at = this.#ended - kept; at < this.#ended; at++) {
      yield this.#finished[at % this.#finishedMax] as Watched;
    }
  }

  /** How many rows there are. */
  get held(): number {
    return this.inFlight.size + this.#finished.length;
  }

  find(id: string): Watched | undefined {
    for (const row of this.rows()) if (row.id === id) return row;
    return undefined;
  }

  /** An exchange has ended; the one that ended first is forgotten for it, if they are too many. */
  ended(row: Watched): void {
    this.inFlight.delete(row);
    const place = this.#ended++ % this.#finishedMax;
    const oldest = this.#finished[place];
    if (oldest !== undefined) oldest.forgotten = true;
    this.#finished[place] = row;
  }
}

/** One exchange. */
export class Watched implements StepObserver {
  readonly startedAt = performance.now();
  /** 0 while it is in flight. */
  endedAt = 0;
  state = start();
  /** How many there were, kept or not. */
  steps = 0;
  chunks = 0;
  anomalies = 0;
  /** Newer ones have taken its place. */
  forgotten = false;
  readonly request = new Body();
  readonly response = new Body();
  readonly #watch: Watch;
  /** Of each step that is kept its cell and its time. */
  readonly #kept: number[] = [];

  /** `number` counts exchanges in the order in which they begin. */
  constructor(
    watch: Watch,
    readonly id: string,
    readonly number: number,
  ) {
    this.#watch = watch;
  }

  stepped(event: number, before: number, after: number): void {
    const cell = before * WIDTH + event;
    const place = 2 * placeOf(this.steps++);
    this.#kept[place] = cell;
    this.#kept[place + 1] = performance.now();
    this.state = after;
    if (event === CHUNK) this.chunks++;
    this.anomalies += this.#watch.anomalous[cell] as number;
    if (before !== after && this.#watch.processed[after] === 1) this.end();
  }

  /** It is over: processed, or left by its peer where the machine knows no such state. */
  end(): void {
    this.endedAt = performance.now();
    this.#watch.ended(this);
  }

  /** Another number whenever there is something new to tell. */
  get revision(): number {
    return 2 * this.steps + (this.endedAt === 0 ? 1 : 2);
  }

  /** The steps that are kept, from the one with this number on. */
  *stepsFrom(from: number): Generator<KeptStep> {
    const { table } = this.#watch;
    const gapEnds = Math.max(FIRST_STEPS, this.steps - NEWEST_STEPS);
    for (let seq = from; seq < this.steps; seq++) {
      if (seq >= FIRST_STEPS && seq < gapEnds) seq = gapEnds;
      const place = 2 * placeOf(seq);
      const [cell, at] = [this.#kept[place] as number, this.#kept[place + 1] as number];
      const event = cell % WIDTH;
      const before = (cell - event) / WIDTH;
      yield { seq, at, event, before, step: table.step(before, event) };
    }
  }
}

/** Where a step is kept: the first for good, the others in a ring. */
function placeOf(seq: number): number {
  return seq < FIRST_STEPS ? seq : FIRST_STEPS + ((seq - FIRST_STEPS) % NEWEST_STEPS);
}

function isAnomaly({ commands }: Step): boolean {
  return commands.some((command) => command.type === 'countAnomaly');
}

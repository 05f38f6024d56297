/**
 * What is told of one exchange. Its steps are noted as they come, which is a few stores, and what
 * follows from them is worked out when `Telemetry` says so.
 */
import { EVENTS, events } from '../../machines/events.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Member } from '../roster.js';
import type { StepObserver } from '../step.js';
import type { Course, Stay } from './courses.js';
import { courseOf } from './courses.js';
import type { Times } from './instruments.js';
import { cellOf, isProcessed, movesOf } from './phases.js';
import type { Baton, ExchangeSpan, HeaderOf, SpanFacts } from './spans.js';
import type { Telemetry } from './telemetry.js';

/** What an exchange holds while it is in flight. */
export interface Holder {
  /** Bytes of memory. */
  readonly heldBytes: number;
}

/** What the record of an exchange does not say. */
export interface Circumstances {
  /** The response came as a stream of events. */
  readonly streams: boolean;
  /** The model that was asked for, where the request was read. */
  readonly requestModel: string | undefined;
}

const PROGRESS = EVENTS.indexOf(events.responseProgress);
/** Numbers that are noted before they are worked out: an exchange has some ten moves of two each. */
const NOTES_MAX = 128;
const NO_TIMES: Times = { firstToken: undefined, perOutputToken: undefined };

export class Observation implements StepObserver, Member {
  rosterPlace = -1;
  readonly #telemetry: Telemetry;
  readonly #cells: Float64Array;
  /** On the clock that never jumps, in milliseconds. */
  readonly startedAt = performance.now();
  #span: ExchangeSpan | undefined;
  /** Of each step to another state, its cell and its time; the first of them are counted. */
  #notes: number[] = [];
  #counted = 0;
  /** When each region came into its phase, as far as it is counted; undefined: at the beginning. */
  #enteredAt: number[] | undefined;
  #firstTokenAt = 0;
  #record: UsageRecord | undefined;
  #circumstances: Circumstances | undefined;
  #recordedAt = 0;
  #processedAt = 0;
  /** What the exchange holds; read while it is in flight, and not afterwards. */
  holder: Holder | undefined;

  constructor(telemetry: Telemetry, id: string, headerOf: HeaderOf) {
    this.#telemetry = telemetry;
    this.#cells = telemetry.lifecycle.cells;
    try {
      const { spans } = telemetry;
      if (spans !== undefined) {
        const { startedAt } = this;
        this.#span = spans.begin(id, headerOf, startedAt, telemetry.epochAt(startedAt));
      }
    } catch (error) {
      telemetry.failed(error);
    }
  }

  /** What tells an upstream that it works for this exchange; undefined where no span is recorded. */
  get baton(): Baton | undefined {
    try {
      return this.#span?.baton;
    } catch (error) {
      this.#telemetry.failed(error);
      return undefined;
    }
  }

  stepped(event: number, before: number, after: number): void {
    if (before !== after) {
      this.#moved(cellOf(before, event), after);
    } else {
      this.#cells[cellOf(before, event)]!++;
      if (event === PROGRESS && this.#firstTokenAt === 0) this.#firstTokenAt = performance.now();
    }
  }

  /** This is what the exchange came to, at the time `at`. It never throws. */
  recorded(record: UsageRecord, circumstances: Circumstances, at = performance.now()): void {
    this.#record = record;
    this.#circumstances = circumstances;
    this.#recordedAt = at;
    try {
      const { log } = this.#telemetry;
      if (log !== undefined) {
        const context = this.#span?.context;
        log(record, context?.traceId, context?.spanId);
      }
    } catch (error) {
      this.#telemetry.failed(error);
    }
    // A record may be late, too.
    if (this.#processedAt > 0) this.#telemetry.over(this);
  }

  /** Works out what was noted, and has it counted. It never throws. */
  tell(): void {
    const course = courseOf(this.#notes);
    try {
      this.#tellMoves(course);
    } catch (error) {
      this.#telemetry.failed(error);
    }
    try {
      this.#tellRecord(course);
      if (this.#processedAt > 0) this.#endSpan(undefined, this.#processedAt, course);
    } catch (error) {
      this.#telemetry.failed(error);
    }
  }

  /** What comes after the exchange is processed is late, and is counted. */
  #moved(cell: number, after: number): void {
    const now = performance.now();
    this.#notes.push(cell, now);
    if (isProcessed[after] === 1) {
      this.holder = undefined;
      this.#processedAt = now;
      this.#telemetry.over(this);
    } else if (this.#notes.length >= NOTES_MAX) {
      this.tell();
      this.#forget();
    }
  }

  #tellMoves({ cells, stays, entered }: Course): void {
    const notes = this.#notes;
    const from = this.#counted;
    this.#counted = notes.length;
    // First, and for themselves: whatever a histogram does, these are right.
    for (let at = from / 2; at < cells.length; at++) this.#cells[cells[at] as number]!++;
    const enteredAt = this.#enteredAt;
    if (this.#processedAt === 0) this.#enteredAt = this.#lastEntered(entered, from);
    const { instruments } = this.#telemetry;
    for (let at = 0; at < stays.length; at++) {
      const { region, phase, entered, left } = stays[at] as Stay;
      if (left < from) continue;
      const since = entered < from ? (enteredAt?.[region] ?? this.startedAt) : notes[entered + 1];
      const time = (notes[left + 1] as number) - (since as number);
      instruments.leftState(phase, time / 1_000);
    }
  }

  /** By region; what is in `entered` is of use from this place on. */
  #lastEntered(entered: readonly number[], from: number): number[] {
    return entered.map((place, region) => {
      if (place >= from) return this.#notes[place + 1] as number;
      return this.#enteredAt?.[region] ?? this.startedAt;
    });
  }

  /** Keeps of what is counted what the span is to tell yet: the first of it, if it goes in circles. */
  #forget(): void {
    const kept: number[] = [];
    for (let at = 0; at < this.#notes.length && kept.length < NOTES_MAX / 2; at += 2) {
      const [cell, time] = [this.#notes[at] as number, this.#notes[at + 1] as number];
      if (this.#span !== undefined && movesOf(cell).told.length > 0) kept.push(cell, time);
    }
    this.#notes = kept;
    this.#counted = kept.length;
  }

  #tellRecord(course: Course): void {
    const [record, circumstances] = [this.#record, this.#circumstances];
    if (record === undefined || circumstances === undefined) return;
    this.#record = undefined;
    const { instruments, groups } = this.#telemetry;
    const { requestModel } = circumstances;
    const group = groups.of(record, requestModel);
    instruments.recorded(group.series, record, this.#timesOf(record, circumstances));
    this.#endSpan({ record, requestModel, group }, this.#recordedAt, course);
  }

  #timesOf({ outcome, usage, durationMs }: UsageRecord, { streams }: Circumstances): Times {
    if (!streams || outcome !== 'completed' || this.#firstTokenAt === 0) return NO_TIMES;
    const firstToken = (this.#firstTokenAt - this.startedAt) / 1_000;
    const more = usage.kind === 'final' ? (usage.outputTokens ?? 0) - 1 : 0;
    const rest = Math.max(0, durationMs / 1_000 - firstToken);
    return { firstToken, perOutputToken: more > 0 ? rest / more : undefined };
  }

  #endSpan(facts: SpanFacts | undefined, time: number, course: Course): void {
    this.#span?.end(facts, time, course, this.#notes);
    this.#span = undefined;
  }
}

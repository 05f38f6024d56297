/**
 * Our own traces, held against the machine record by record: `seq`, `event`, `state` and `commands`
 * must each be what the table says.
 *
 * A line as `encode` writes it is compared as text, which costs less than to parse it. Any other
 * line, and any that differs, is read by `decode`, which then also says what is wrong.
 */
import { EVENTS } from '../../../machines/events.js';
import { InterlockError } from '../../errors.js';
import type { TraceRecord } from '../../trace.js';
import { decode, wordOf } from '../../trace.js';
import { Doubt } from './edits.js';
import type { ExchangesOptions, Release } from './exchanges.js';
import { Exchanges, owned } from './exchanges.js';
import type { Fault, Place } from './records.js';
import { codeIn, Judge, LOST } from './records.js';
import type { Divergence, Findings } from './report.js';
import type { Space } from './states.js';
import { textOfCode, WIDTH } from './states.js';

interface Trail {
  readonly id: string;
  node: number;
  seq: number;
  over: boolean;
  diverged: boolean;
  doubt: Doubt<Place, TraceRecord> | undefined;
  divergence: Omit<Divergence, 'edits'> | undefined;
}

export interface TracesOptions extends Omit<ExchangesOptions<Trail>, 'released'> {
  readonly space: Space;
  readonly findings: Findings;
  /** Whether a log may begin in the middle of exchanges. */
  readonly partial?: boolean | undefined;
}

const HEAD = '{"v":1,"exchange":"';
const SEQ = '","seq":';
const AT = ',"at":';
const EVENT = ',"event":"';
const codes = new Map(EVENTS.map((event, code) => [wordOf(event), code]));

export class Traces {
  readonly #space: Space;
  readonly #judge: Judge;
  readonly #findings: Findings;
  readonly #exchanges: Exchanges<Trail>;
  readonly #partial: boolean;
  /** Per state and event, the rest of the line from the event on. */
  readonly #rests: (string | undefined)[] = [];
  /** Per state and event, how often it was seen: anomalies are counted from this at the end. */
  readonly #times: Float64Array;
  readonly #processed: readonly boolean[];
  #forgot = false;
  #gaveUp = false;

  constructor({ space, findings, partial = false, openMax, overMax }: TracesOptions) {
    this.#space = space;
    this.#judge = new Judge(space);
    this.#findings = findings;
    this.#partial = partial;
    this.#times = new Float64Array(space.table.states.length * WIDTH);
    const nodes = Array.from({ length: space.size }, (_, node) => node);
    this.#processed = nodes.map((node) => space.isProcessed(node));
    const released = (trail: Trail, how: Release) => this.#released(trail, how);
    this.#exchanges = new Exchanges({ openMax, overMax, released });
  }

  get held(): number {
    return this.#exchanges.held;
  }

  line(text: string, number: number): void {
    if (this.#fits(text)) {
      this.#findings.records++;
      return;
    }
    try {
      this.#take(decode(text), number);
    } catch (error) {
      if (!(error instanceof InterlockError)) throw error;
      this.#findings.cannotRead(number, `not a record of a trace: ${error.message}`);
    }
  }

  end(): void {
    this.#exchanges.clear();
    for (const [cell, times] of this.#times.entries()) {
      if (times === 0) continue;
      const { commands } = this.#space.table.step(Math.floor(cell / WIDTH), cell % WIDTH);
      for (const command of commands) {
        if (command.type === 'countAnomaly') this.#findings.anomaly(command.anomaly, times);
      }
    }
  }

  /** Whether a line is, letter by letter, the one that the machine would have written next. */
  #fits(text: string): boolean {
    if (text.slice(0, HEAD.length) !== HEAD) return false;
    let at = HEAD.length;
    for (let char = text.charCodeAt(at); char !== 34; char = text.charCodeAt(++at)) {
      // An escape, what JSON does not have in a string, or the end of the line.
      if (char === 92 || !(char >= 32)) return false;
    }
    const trail = this.#exchanges.find(text.slice(HEAD.length, at));
    if (trail === undefined || trail.doubt !== undefined || trail.node === LOST) return false;
    if (!text.startsWith(SEQ, at)) return false;
    at += SEQ.length;
    let seq = 0;
    const from = at;
    for (let char = text.charCodeAt(at); isDigit(char); char = text.charCodeAt(++at)) {
      seq = seq * 10 + char - 48;
    }
    if (seq !== trail.seq || at - from > 15 || (text.charCodeAt(from) === 48 && at - from > 1)) {
      return false;
    }
    if (!text.startsWith(AT, at)) return false;
    at = endOfNumber(text, at + AT.length);
    if (at < 0 || !text.startsWith(EVENT, at)) return false;
    const word = at + EVENT.length;
    const code = codes.get(text.slice(word, text.indexOf('"', word)));
    if (code === undefined) return false;
    const then = this.#space.after[trail.node * WIDTH + code] as number;
    if (then < 0) return false;
    const cell = this.#space.stateOf(trail.node) * WIDTH + code;
    this.#rests[cell] ??= this.#restOf(cell);
    const rest = this.#rests[cell];
    // Two texts are compared a word at a time, and `startsWith` goes letter by letter.
    if (text.length !== at + rest.length || text.slice(at) !== rest) return false;
    this.#times[cell]!++;
    this.#move(trail, then, seq + 1);
    return true;
  }

  #restOf(cell: number): string {
    const { state, commands } = this.#space.table.step(Math.floor(cell / WIDTH), cell % WIDTH);
    const rest = {
      event: textOfCode(cell % WIDTH),
      state: this.#space.table.states[state],
      commands: commands.map(wordOf),
    };
    return `,${JSON.stringify(rest).slice(1)}`;
  }

  #move(trail: Trail, node: number, seq: number): void {
    trail.node = node;
    trail.seq = seq;
    if (!trail.over && node !== LOST && this.#processed[node]) {
      trail.over = true;
      this.#exchanges.end(trail.id);
    }
  }

  #take(record: TraceRecord, line: number): void {
    this.#findings.records++;
    const known = this.#exchanges.find(record.exchange);
    // A number from 0 under an id that is over is another exchange of that name; right after the
    // first record it is that record, twice.
    const over = known?.over === true && known.doubt === undefined && known.seq > 1;
    const again = over && record.seq === 0;
    const trail = known === undefined || again ? this.#open(record) : known;
    trail.doubt?.follow(record);
    const fault = this.#judge.faultIn(trail, record);
    const code = codeIn(record);
    if (fault === undefined) {
      if (trail.node !== LOST) this.#times[this.#space.stateOf(trail.node) * WIDTH + code]!++;
      this.#move(trail, this.#judge.after(trail, record)?.node ?? LOST, record.seq + 1);
    } else {
      this.#findings.faults++;
      if (!trail.diverged) this.#suspect(trail, record, fault, line);
      // What the record says of itself is where the rest is read from.
      this.#move(trail, this.#judge.nodeOf(record.state), record.seq + 1);
    }
    if (trail.doubt?.settled === true) this.#settle(trail);
  }

  #open(record: TraceRecord): Trail {
    const id = owned(record.exchange);
    const late = this.#forgot && record.state.startsWith('processed.');
    const middle = record.seq > 0 && (this.#partial || this.#gaveUp || late);
    const trail: Trail = {
      id,
      node: middle ? LOST : 0,
      seq: middle ? record.seq : 0,
      over: false,
      diverged: false,
      doubt: undefined,
      divergence: undefined,
    };
    this.#findings.exchanges++;
    this.#exchanges.add(id, trail);
    return trail;
  }

  #suspect(trail: Trail, record: TraceRecord, { why, message }: Fault, line: number): void {
    const { node, seq } = trail;
    const before: Place = { node, seq };
    trail.diverged = true;
    trail.divergence = {
      exchange: trail.id,
      line,
      index: seq,
      event: record.event,
      why,
      message,
      before: this.#judge.namesAt(node),
      legal: this.#judge.legal(before, codeIn(record)),
    };
    const after = (place: Place, item: TraceRecord) => this.#judge.after(place, item);
    trail.doubt = new Doubt(after, before, record, this.#judge.candidates(before, record));
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
    this.#gaveUp ||= how === 'open';
    this.#forgot ||= how === 'over';
  }
}

function isDigit(char: number): boolean {
  return char >= 48 && char <= 57;
}

/** Where a plain decimal number ends, or -1 for one that is written in another way. */
function endOfNumber(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  if (at === from || (at > from + 1 && text.charCodeAt(from) === 48)) return -1;
  if (text.charCodeAt(at) !== 46) return at;
  const fraction = ++at;
  while (isDigit(text.charCodeAt(at))) at++;
  return at === fraction ? -1 : at;
}

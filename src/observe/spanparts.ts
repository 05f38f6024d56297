/**
 * The parts of a span's bytes that are alike in many spans but for a few places (opentelemetry-proto,
 * trace.proto). Each is written once as it is, and then copied and written over at those places.
 */
import { TraceFlags } from '@opentelemetry/api';
import { PbfWriter } from 'pbf';
import { Interned } from './labels.js';
import { AttributeWriter, copy, putAscii } from './otlpbytes.js';
import { movesOf, PHASES } from './phases.js';
import type { SpanToWrite } from './spanbytes.js';
import type { AttributeSink, AttributeValue, SpanFacts } from './spans.js';
import { tellOwn } from './spans.js';
import { SPAN_BYTES, TRACE_BYTES } from './traceids.js';

const PARTS_MAX = 500;

/** Told in a span's flags: whether it is known where the parent is, and whether it is elsewhere. */
const PARENT_KNOWN = 0x100;
const PARENT_REMOTE = 0x200;

const TAG = 1;
const LENGTH = 1;
const TIME_BYTES = 8;
/** Where a frame has the trace's id, the span's, its flags, its beginning and its end. */
const TRACE_AT = TAG + LENGTH;
const SPAN_AT = TRACE_AT + TRACE_BYTES + TAG + LENGTH;
const FLAGS_AT = SPAN_AT + SPAN_BYTES + 2 * TAG;
const BEGUN_AT = FLAGS_AT + 4 + TAG;
const ENDED_AT = BEGUN_AT + TIME_BYTES + TAG;
const EVENTS_AT = ENDED_AT + TIME_BYTES;
/** Where an event has its time. */
const EVENT_TIME_AT = TAG + LENGTH + TAG;

/** Who a span is, and when its exchange was where: of one length for the same phases. */
export class Frames {
  readonly #frames = new Interned<Uint8Array>(PARTS_MAX);
  /** The phases that are events of the span, and their times. */
  readonly #phases: number[] = [];
  readonly #times: number[] = [];

  write(span: SpanToWrite, endedAt: number, moves: readonly number[], to: PbfWriter): void {
    const count = this.#gather(moves);
    const phases = this.#phases;
    const frame = this.#frames.getAnyway(phases, () => frameOf(phases.slice(0, count)), count);
    const from = to.pos;
    copy(frame, to);
    const { buf, dataView } = to;
    const { ids, parent, begunAt, epoch } = span;
    move(ids.bytes, ids.at, TRACE_BYTES, buf, from + TRACE_AT);
    move(ids.bytes, ids.at + TRACE_BYTES, SPAN_BYTES, buf, from + SPAN_AT);
    const remote = parent?.isRemote === true ? PARENT_REMOTE : 0;
    dataView.setInt32(from + FLAGS_AT, TraceFlags.SAMPLED | PARENT_KNOWN | remote, true);
    writeTime(begunAt + epoch, dataView, from + BEGUN_AT);
    writeTime(endedAt + epoch, dataView, from + ENDED_AT);
    let at = from + EVENTS_AT + EVENT_TIME_AT;
    for (let each = 0; each < count; each++) {
      writeTime((this.#times[each] as number) + epoch, dataView, at);
      at += EVENT_BYTES[phases[each] as number] as number;
    }
  }

  /** Gives how many there are. */
  #gather(moves: readonly number[]): number {
    let count = 0;
    for (let at = 0; at < moves.length; at += 2) {
      const { told } = movesOf(moves[at] as number);
      for (let each = 0; each < told.length; each++) {
        this.#phases[count] = told[each] as number;
        this.#times[count] = moves[at + 1] as number;
        count++;
      }
    }
    return count;
  }
}

function frameOf(phases: readonly number[]): Uint8Array {
  const to = new PbfWriter();
  to.writeBytesField(1, new Uint8Array(TRACE_BYTES));
  to.writeBytesField(2, new Uint8Array(SPAN_BYTES));
  to.writeFixed32Field(16, 0);
  to.writeFixed64Field(7, 0);
  to.writeFixed64Field(8, 0);
  for (const phase of phases) to.writeMessage(11, writeEvent, PHASES[phase] as string);
  return new Uint8Array(to.finish());
}

function writeEvent(name: string, to: PbfWriter): void {
  to.writeFixed64Field(1, 0);
  to.writeStringField(2, name);
}

/** How long the event of each phase is. */
const EVENT_BYTES = PHASES.map((_, phase) => frameOf([phase]).length - EVENTS_AT);

/** Nanoseconds, as exact as numbers of that size are, which is to 256 of them. */
function writeTime(ms: number, view: DataView, at: number): void {
  const nanos = ms * 1e6;
  view.setInt32(at, nanos | 0, true);
  view.setInt32(at + 4, Math.floor(nanos / 2 ** 32), true);
}

/** The attributes that each exchange has values of its own for: of one length for values as long. */
export class OwnAttributes implements AttributeSink {
  readonly #parts = new Interned<OwnPart>(PARTS_MAX);
  readonly #shape: (string | number)[] = [];
  readonly #values: (string | number)[] = [];
  #count = 0;
  #plain = true;

  write(id: string, facts: SpanFacts | undefined, to: PbfWriter): void {
    this.#count = 0;
    this.#plain = true;
    tell(id, facts, this);
    if (this.#plain && this.#writePlain(to)) return;
    tell(id, facts, new AttributeWriter(to));
  }

  put(name: string, value: AttributeValue): void {
    if (value === undefined) return;
    const width = typeof value === 'string' ? textWidth(value) : numberWidth(value);
    if (width === 0) this.#plain = false;
    this.#shape[2 * this.#count] = name;
    this.#shape[2 * this.#count + 1] = width;
    this.#values[this.#count++] = value;
  }

  /** Gives false, and has written nothing, where a text has more than ASCII. */
  #writePlain(to: PbfWriter): boolean {
    const shape = this.#shape;
    const parts = 2 * this.#count;
    const { bytes, ends } = this.#parts.getAnyway(
      shape,
      () => partOf(shape.slice(0, parts)),
      parts,
    );
    const from = to.pos;
    copy(bytes, to);
    for (let at = 0; at < this.#count; at++) {
      const value = this.#values[at] as string | number;
      const end = from + (ends[at] as number);
      if (typeof value === 'number')
        writeVarint(value, to.buf, end - (shape[2 * at + 1] as number));
      else if (!putAscii(value, to.buf, end - value.length)) {
        to.pos = from;
        return false;
      }
    }
    return true;
  }
}

function tell(id: string, facts: SpanFacts | undefined, to: AttributeSink): void {
  to.put('interlock.exchange', id);
  if (facts !== undefined) tellOwn(facts, to);
}

/** Attributes as they are written, and behind which byte the value of each ends. */
interface OwnPart {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

function partOf(shape: readonly (string | number)[]): OwnPart {
  const to = new PbfWriter();
  const attributes = new AttributeWriter(to);
  const ends: number[] = [];
  for (let at = 0; at < shape.length; at += 2) {
    attributes.put(shape[at] as string, sampleOf(shape[at + 1] as number));
    ends.push(to.pos);
  }
  return { bytes: new Uint8Array(to.finish()), ends };
}

/** Widths from here on are of texts, and those below of numbers; 0 is one that no part is made for. */
const TEXT = 16;

function textWidth({ length }: string): number {
  return length < 0x80 ? TEXT + length : 0;
}

function numberWidth(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) return 0;
  let width = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) width++;
  return width;
}

/** Some value of this width. */
function sampleOf(width: number): string | number {
  return width < TEXT ? 2 ** (7 * (width - 1)) : ' '.repeat(width - TEXT);
}

function writeVarint(value: number, buf: Uint8Array, start: number): void {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buf[at++] = (rest % 0x80) | 0x80;
  buf[at] = rest;
}

function move(from: Uint8Array, start: number, length: number, to: Uint8Array, end: number): void {
  for (let at = 0; at < length; at++) to[end + at] = from[start + at] as number;
}

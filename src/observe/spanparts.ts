/**
 * The parts of a span's bytes that are alike in many spans but for a few places (opentelemetry-proto,
 * trace.proto). Each is written once as it is, and then copied and written over at those places.
 */
import { TraceFlags } from '@opentelemetry/api';
import { PbfWriter } from 'pbf';
import type { Course, Frame, Moves, Told } from './courses.js';
import { Recent } from './labels.js';
import { AttributeWriter, copy, putAscii, varintBytes } from './otlpbytes.js';
import { PHASES } from './phases.js';
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
/** Where an event has its time. */
const EVENT_TIME_AT = TAG + LENGTH + TAG;

/** Who a span is, and when its exchange was where: of one length for the same course. */
export function writeFrame(
  { ids, parent, begunAt, epoch }: SpanToWrite,
  endedAt: number,
  course: Course,
  moves: Moves,
  to: PbfWriter,
): void {
  course.frame ??= frameOf(course);
  const { bytes, timesAt } = course.frame;
  const from = to.pos;
  copy(bytes, to);
  const { buf, dataView } = to;
  move(ids.bytes, ids.at, TRACE_BYTES, buf, from + TRACE_AT);
  move(ids.bytes, ids.at + TRACE_BYTES, SPAN_BYTES, buf, from + SPAN_AT);
  const remote = parent?.isRemote === true ? PARENT_REMOTE : 0;
  dataView.setInt32(from + FLAGS_AT, TraceFlags.SAMPLED | PARENT_KNOWN | remote, true);
  writeTime(begunAt + epoch, dataView, from + BEGUN_AT);
  writeTime(endedAt + epoch, dataView, from + ENDED_AT);
  for (let event = 0; event < timesAt.length; event++) {
    const { at } = course.told[event] as Told;
    writeTime((moves[at + 1] as number) + epoch, dataView, from + (timesAt[event] as number));
  }
}

function frameOf({ told }: Course): Frame {
  const to = new PbfWriter();
  to.writeBytesField(1, new Uint8Array(TRACE_BYTES));
  to.writeBytesField(2, new Uint8Array(SPAN_BYTES));
  to.writeFixed32Field(16, 0);
  to.writeFixed64Field(7, 0);
  to.writeFixed64Field(8, 0);
  const timesAt = told.map(({ phase }) => {
    const at = to.pos + EVENT_TIME_AT;
    to.writeMessage(11, writeEvent, PHASES[phase] as string);
    return at;
  });
  return { bytes: new Uint8Array(to.finish()), timesAt };
}

function writeEvent(name: string, to: PbfWriter): void {
  to.writeFixed64Field(1, 0);
  to.writeStringField(2, name);
}

/** Nanoseconds, as exact as numbers of that size are, which is to 256 of them. */
function writeTime(ms: number, view: DataView, at: number): void {
  const nanos = ms * 1e6;
  view.setInt32(at, nanos | 0, true);
  view.setInt32(at + 4, Math.floor(nanos / 2 ** 32), true);
}

/** The attributes that each exchange has values of its own for: of one length for values as long. */
export class OwnAttributes implements AttributeSink {
  readonly #parts = new Map<number, OwnPart>();
  readonly #recent = new Recent<OwnPart>();
  readonly #values: AttributeValue[] = [];
  #count = 0;
  /** The widths of all values, each a digit, and 1 before them. */
  #shape = 1;
  #plain = true;

  write(id: string, facts: SpanFacts | undefined, to: PbfWriter): void {
    this.#count = 0;
    this.#shape = 1;
    // These may have any name.
    this.#plain = facts?.record.anomalies === undefined;
    tell(id, facts, this);
    if (this.#plain && this.#writePlain(id, facts, to)) return;
    tell(id, facts, new AttributeWriter(to));
  }

  put(_: string, value: AttributeValue): void {
    const width = widthOf(value);
    if (width < 0 || this.#count === VALUES_MAX) this.#plain = false;
    this.#shape = this.#shape * WIDTHS + width;
    this.#values[this.#count++] = value;
  }

  /** Gives false, and has written nothing, where a text has more than ASCII. */
  #writePlain(id: string, facts: SpanFacts | undefined, to: PbfWriter): boolean {
    const { bytes, ends, widths } = this.#partOf(id, facts);
    const from = to.pos;
    copy(bytes, to);
    const { buf } = to;
    for (let at = 0; at < ends.length; at++) {
      const value = this.#values[at];
      const end = from + (ends[at] as number);
      if (typeof value === 'number') writeVarint(value, buf, end - (widths[at] as number));
      else if (value !== undefined && !putAscii(value, buf, end - value.length)) {
        to.pos = from;
        return false;
      }
    }
    return true;
  }

  #partOf(id: string, facts: SpanFacts | undefined): OwnPart {
    const shape = this.#shape;
    const { all } = this.#recent;
    for (let at = 0; at < all.length; at++) {
      if ((all[at] as OwnPart).shape === shape) return all[at] as OwnPart;
    }
    let part = this.#parts.get(shape);
    if (part === undefined) {
      if (this.#parts.size >= PARTS_MAX) this.#parts.clear();
      part = new PartMaker(shape).make(id, facts);
      this.#parts.set(shape, part);
    }
    this.#recent.add(part);
    return part;
  }
}

function tell(id: string, facts: SpanFacts | undefined, to: AttributeSink): void {
  to.put('interlock.exchange', id);
  if (facts !== undefined) tellOwn(facts, to);
}

/** Attributes as they are written, behind which byte the value of each ends, and how wide it is. */
interface OwnPart {
  readonly shape: number;
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
  readonly widths: readonly number[];
}

class PartMaker implements AttributeSink {
  readonly #to = new PbfWriter();
  readonly #attributes = new AttributeWriter(this.#to);
  readonly #ends: number[] = [];
  readonly #widths: number[] = [];

  constructor(readonly shape: number) {}

  make(id: string, facts: SpanFacts | undefined): OwnPart {
    tell(id, facts, this);
    const bytes = new Uint8Array(this.#to.finish());
    return { shape: this.shape, bytes, ends: this.#ends, widths: this.#widths };
  }

  put(name: string, value: AttributeValue): void {
    // One that has more than ASCII is not written as this part.
    this.#attributes.put(name, typeof value === 'string' ? ' '.repeat(value.length) : value);
    this.#ends.push(this.#to.pos);
    this.#widths.push(widthOf(value));
  }
}

/** Of what no part is made for: a long text, or a number that is not small and whole. */
const NOT_PLAIN = -1;
/** Widths from here on are of texts, and those below of numbers. */
const TEXT = 8;
const WIDTHS = TEXT + 0x80;
/** So many widths are one exact number. */
const VALUES_MAX = Math.floor(Math.log(Number.MAX_SAFE_INTEGER / 2) / Math.log(WIDTHS));

/** How many bytes a value takes; none, if it is not there. */
function widthOf(value: AttributeValue): number {
  if (value === undefined) return 0;
  if (typeof value === 'string') return value.length < 0x80 ? TEXT + value.length : NOT_PLAIN;
  return (value | 0) === value && value >= 0 ? varintBytes(value) : NOT_PLAIN;
}

function writeVarint(value: number, buf: Uint8Array, start: number): void {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest >>= 7) buf[at++] = (rest & 0x7f) | 0x80;
  buf[at] = rest;
}

function move(from: Uint8Array, start: number, length: number, to: Uint8Array, end: number): void {
  for (let at = 0; at < length; at++) to[end + at] = from[start + at] as number;
}

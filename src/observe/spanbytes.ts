/**
 * A span as the bytes of OTLP (opentelemetry-proto, trace.proto). What is the same in many spans is
 * kept as it is written, and in one piece: between two spans the whole gateway has been at work, so
 * each place in memory that is looked at costs more here than what is done with it.
 */
import type { SpanContext, TraceState } from '@opentelemetry/api';
import {
  INVALID_SPANID,
  INVALID_TRACEID,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { PbfWriter } from 'pbf';
import { Interned } from './labels.js';
import { movesOf, PHASES } from './phases.js';
import type { AttributeSink, AttributeValue, SpanFacts } from './spans.js';
import { EXCHANGE, isFault, nameOf, tellCommon, tellOwn } from './spans.js';
import type { TraceIds } from './traceids.js';
import { SPAN_BYTES, TRACE_BYTES } from './traceids.js';

/** Told in a span's flags: whether it is known where the parent is, and whether it is elsewhere. */
const PARENT_KNOWN = 0x100;
const PARENT_REMOTE = 0x200;

/** Times are milliseconds after `epoch`, which is in milliseconds since 1970. */
export interface SpanToWrite {
  /** Of the exchange. */
  readonly id: string;
  readonly ids: TraceIds;
  readonly parent: SpanContext | undefined;
  readonly traceState: TraceState | undefined;
  readonly begunAt: number;
  readonly epoch: number;
}

const SAMPLED: SpanContext = Object.freeze({
  traceId: INVALID_TRACEID,
  spanId: INVALID_SPANID,
  traceFlags: TraceFlags.SAMPLED,
});

/**
 * A span, as a field of `ScopeSpans`, and as a place in memory that it shares with others. Thousands
 * wait to be sent, and what waits is copied by the garbage collector: this is little, a view of the
 * bytes were more.
 */
export class WrittenSpan {
  constructor(
    /** Whose span it is. */
    readonly resource: Resource,
    readonly room: Uint8Array,
    readonly start: number,
    readonly end: number,
  ) {}

  /** For the SDK's queue, which asks whether it is sampled, and nothing else. */
  spanContext(): SpanContext {
    return SAMPLED;
  }
}

/** Spans are written one behind the other into memory that they share, as long as there is room. */
const ROOM_BYTES = 256 * 1024;
const ROOM_OF_ONE = 4 * 1024;

const COMMON_MAX = 500;

export class SpanWriter {
  readonly #common = new Interned<Uint8Array>(COMMON_MAX);
  readonly #told = new Values();
  readonly #resource: Resource;
  #to = new PbfWriter();

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  /** `moves` and `endedAt` are as in `ExchangeSpan.end`. */
  write(
    span: SpanToWrite,
    facts: SpanFacts | undefined,
    endedAt: number,
    moves: readonly number[],
  ): WrittenSpan {
    const to = this.#room();
    const start = to.pos;
    to.writeTag(2, 2);
    const from = openMessage(to);
    writeContext(span, to);
    const { epoch } = span;
    to.writeFixed64Field(7, nanosOf(span.begunAt + epoch));
    to.writeFixed64Field(8, nanosOf(endedAt + epoch));
    for (let at = 0; at < moves.length; at += 2) {
      const { told } = movesOf(moves[at] as number);
      const time = (moves[at + 1] as number) + epoch;
      for (let each = 0; each < told.length; each++) writeEvent(told[each] as number, time, to);
    }
    const attributes = new AttributeWriter(to);
    attributes.put('interlock.exchange', span.id);
    if (facts === undefined) writeHead(EXCHANGE, to);
    else {
      copy(this.#commonOf(facts), to);
      tellOwn(facts, attributes);
    }
    closeMessage(from, to);
    return new WrittenSpan(this.#resource, to.buf, start, to.pos);
  }

  #room(): PbfWriter {
    if (this.#to.length - this.#to.pos < ROOM_OF_ONE) {
      this.#to = new PbfWriter(new Uint8Array(ROOM_BYTES));
    }
    return this.#to;
  }

  /** What is told with many spans. */
  #commonOf(facts: SpanFacts): Uint8Array {
    const { values } = this.#told;
    // The one name that is not the same for all.
    values[0] = facts.providerKey;
    values.length = 1;
    tellCommon(facts, this.#told);
    const make = () => commonBytes(facts);
    return this.#common.get(values, make) ?? make();
  }
}

/** Writes attributes of a span, or of whatever else has them in this field. */
export class AttributeWriter implements AttributeSink {
  readonly #to: PbfWriter;
  readonly #field: number;

  constructor(to: PbfWriter, field = 9) {
    this.#to = to;
    this.#field = field;
  }

  /** Names are few: the code's, and a configuration's. */
  put(name: string, value: AttributeValue): void {
    if (value === undefined) return;
    const to = this.#to;
    to.writeTag(this.#field, 2);
    const from = openMessage(to);
    copy(keyOf(name), to);
    const valueFrom = openMessage(to);
    writeValue(value, to);
    closeMessage(valueFrom, to);
    closeMessage(from, to);
  }
}

/** The key of a `KeyValue`, and the tag of its value. */
function keyOf(name: string): Uint8Array {
  let key = keys.get(name);
  if (key === undefined) {
    const to = new PbfWriter();
    to.writeStringField(1, name);
    to.writeTag(2, 2);
    key = new Uint8Array(to.finish());
    keys.set(name, key);
  }
  return key;
}
const keys = new Map<string, Uint8Array>();

function writeValue(value: string | number, to: PbfWriter): void {
  if (typeof value === 'string') writeText(1, value, to);
  else if (Number.isSafeInteger(value)) to.writeVarintField(3, value);
  else to.writeDoubleField(4, value);
}

/** Leaves room for a length, of which most take one byte. What is written next is the message. */
function openMessage(to: PbfWriter): number {
  to.realloc(1);
  return ++to.pos;
}

/** Writes the length of the message that was opened, which moves along if that takes more. */
function closeMessage(from: number, to: PbfWriter): void {
  const length = to.pos - from;
  let width = 1;
  for (let rest = length; rest >= 0x80; rest >>>= 7) width++;
  if (width > 1) {
    to.realloc(width);
    to.buf.copyWithin(from + width - 1, from, to.pos);
  }
  to.pos = from - 1;
  to.writeVarint(length);
  to.pos += length;
}

/** Of two UTF-16 code units, or half of such a one. */
const SURROGATE = /[\ud800-\udfff]/;

/** pbf 5.1.2 writes most of the characters from U+20000 on as others. */
function writeText(field: number, text: string, to: PbfWriter): void {
  if (SURROGATE.test(text)) to.writeBytesField(field, Buffer.from(text));
  else to.writeStringField(field, text);
}

class Values implements AttributeSink {
  readonly values: AttributeValue[] = [];

  put(_: string, value: AttributeValue): void {
    this.values.push(value);
  }
}

function commonBytes(facts: SpanFacts): Uint8Array {
  const to = new PbfWriter();
  writeHead(nameOf(facts), to);
  tellCommon(facts, new AttributeWriter(to));
  if (isFault(facts.record.outcome)) to.writeMessage(15, writeStatus, SpanStatusCode.ERROR);
  return new Uint8Array(to.finish());
}

function writeHead(name: string, to: PbfWriter): void {
  writeText(5, name, to);
  // The wire's 0 stands for a kind that is not told, which the API has no number for.
  to.writeVarintField(6, SpanKind.SERVER + 1);
}

function writeStatus(code: number, to: PbfWriter): void {
  to.writeVarintField(3, code);
}

/** Who a span is, and whose. */
function writeContext({ ids, parent, traceState }: SpanToWrite, to: PbfWriter): void {
  writePart(1, ids.bytes, ids.at, TRACE_BYTES, to);
  writePart(2, ids.bytes, ids.at + TRACE_BYTES, SPAN_BYTES, to);
  if (traceState !== undefined) writeText(3, traceState.serialize(), to);
  if (parent !== undefined) to.writeBytesField(4, Buffer.from(parent.spanId, 'hex'));
  const remote = parent?.isRemote === true ? PARENT_REMOTE : 0;
  to.writeFixed32Field(16, TraceFlags.SAMPLED | PARENT_KNOWN | remote);
}

/** Some of the bytes, as a field. */
function writePart(
  field: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  to: PbfWriter,
): void {
  to.writeTag(field, 2);
  to.writeVarint(length);
  to.realloc(length);
  for (let at = 0; at < length; at++) to.buf[to.pos + at] = bytes[from + at] as number;
  to.pos += length;
}

/** An event of each phase. Its time, which is the first of its fields, is written over. */
const events = PHASES.map((phase) => {
  const to = new PbfWriter();
  to.writeMessage(11, writeTimeless, phase);
  return new Uint8Array(to.finish());
});
/** The tag and the length of the event, and the tag of its time. */
const BEFORE_TIME = 3;

function writeTimeless(name: string, to: PbfWriter): void {
  to.writeFixed64Field(1, 0);
  to.writeStringField(2, name);
}

function writeEvent(phase: number, ms: number, to: PbfWriter): void {
  const start = to.pos;
  copy(events[phase] as Uint8Array, to);
  const end = to.pos;
  to.pos = start + BEFORE_TIME;
  to.writeFixed64(nanosOf(ms));
  to.pos = end;
}

export function copy(bytes: Uint8Array, to: PbfWriter): void {
  to.realloc(bytes.length);
  to.buf.set(bytes, to.pos);
  to.pos += bytes.length;
}

/** As exact as numbers of that size are, which is to 256 of them. */
function nanosOf(ms: number): number {
  return ms * 1e6;
}

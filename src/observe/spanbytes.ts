/**
 * A span as the bytes of OTLP (opentelemetry-proto, trace.proto). What is the same in many spans is
 * kept as it is written, and in one piece: between two spans the whole gateway has been at work, so
 * each place in memory that is looked at costs more here than what is done with it.
 */
import type { SpanContext } from '@opentelemetry/api';
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
import { PHASES } from './phases.js';
import type { AttributeSink, AttributeValue, SpanFacts } from './spans.js';
import { EXCHANGE, isFault, nameOf, tellCommon, tellOwn } from './spans.js';

/** Told in a span's flags: whether it is known where the parent is, and whether it is elsewhere. */
const PARENT_KNOWN = 0x100;
const PARENT_REMOTE = 0x200;

export interface SpanToWrite {
  /** Of the exchange. */
  readonly id: string;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  /** Milliseconds since 1970 of its begin, and then phase, time, phase, time … */
  readonly trail: readonly number[];
}

const SAMPLED: SpanContext = Object.freeze({
  traceId: INVALID_TRACEID,
  spanId: INVALID_SPANID,
  traceFlags: TraceFlags.SAMPLED,
});

/**
 * A message `Span`, as a place in memory that it shares with others. Thousands wait to be sent, and
 * what waits is copied by the garbage collector: this is little, a view of the bytes were more.
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
  readonly #resource: Resource;
  #to = new PbfWriter();

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  /** Times are exact to 256 nanoseconds, as numbers of that size are. */
  write(
    { id, context, parent, trail }: SpanToWrite,
    facts: SpanFacts | undefined,
    endTime: number,
  ): WrittenSpan {
    const to = this.#room();
    const start = to.pos;
    writeId(1, context.traceId, to);
    writeId(2, context.spanId, to);
    if (context.traceState !== undefined) writeText(3, context.traceState.serialize(), to);
    if (parent !== undefined) writeId(4, parent.spanId, to);
    to.writeFixed64Field(7, nanosOf(trail[0] as number));
    to.writeFixed64Field(8, nanosOf(endTime));
    for (let at = 1; at < trail.length; at += 2) {
      writeEvent(trail[at] as number, nanosOf(trail[at + 1] as number), to);
    }
    const attributes = new AttributeWriter(to);
    attributes.put('interlock.exchange', id);
    if (facts === undefined) writeHead(EXCHANGE, to);
    else {
      copy(this.#commonOf(facts), to);
      tellOwn(facts, attributes);
    }
    const remote = parent?.isRemote === true ? PARENT_REMOTE : 0;
    to.writeFixed32Field(16, context.traceFlags | PARENT_KNOWN | remote);
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
    const told = new Values();
    // The one name that is not the same for all.
    told.values.push(facts.providerKey);
    tellCommon(facts, told);
    const make = () => commonBytes(facts);
    return this.#common.get(told.values, make) ?? make();
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

  put(name: string, value: AttributeValue): void {
    if (value !== undefined) this.#to.writeMessage(this.#field, writeKeyValue, [name, value]);
  }
}

function writeKeyValue([name, value]: [string, string | number], to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeMessage(2, writeValue, value);
}

function writeValue(value: string | number, to: PbfWriter): void {
  if (typeof value === 'string') writeText(1, value, to);
  else if (Number.isSafeInteger(value)) to.writeVarintField(3, value);
  else to.writeDoubleField(4, value);
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

function writeEvent(phase: number, nanos: number, to: PbfWriter): void {
  const start = to.pos;
  copy(events[phase] as Uint8Array, to);
  const end = to.pos;
  to.pos = start + BEFORE_TIME;
  to.writeFixed64(nanos);
  to.pos = end;
}

function copy(bytes: Uint8Array, to: PbfWriter): void {
  to.realloc(bytes.length);
  to.buf.set(bytes, to.pos);
  to.pos += bytes.length;
}

function nanosOf(ms: number): number {
  return ms * 1e6;
}

/** An id of hexadecimal digits in lower case (W3C Trace Context 3.2.2), as bytes. */
function writeId(field: number, hex: string, to: PbfWriter): void {
  const length = hex.length / 2;
  to.realloc(length + 2);
  to.writeTag(field, 2);
  to.writeVarint(length);
  const { buf, pos } = to;
  for (let at = 0; at < length; at++) {
    buf[pos + at] = (digitOf(hex, 2 * at) << 4) | digitOf(hex, 2 * at + 1);
  }
  to.pos += length;
}

function digitOf(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}

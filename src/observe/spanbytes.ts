/**
 * Spans as the bytes of OTLP (opentelemetry-proto, trace.proto). What is the same in many spans is
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
import {
  AttributeWriter,
  closeMessage,
  copy,
  openMessage,
  writePart,
  writeText,
} from './otlpbytes.js';
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

/** Spans that are written together, at the most, and room for about so many. */
export const TOGETHER_MAX = 64;
const ROOM_BYTES = 48 * 1024;

/**
 * Spans as fields of `ScopeSpans`, one behind the other. They wait to be sent in one queue with
 * others, and more come to them until they are: the fewer things wait, the less does the garbage
 * collector have to do.
 */
export class WrittenSpans {
  readonly to = new PbfWriter(new Uint8Array(ROOM_BYTES));
  count = 0;
  #taken = false;

  /** `resource` is whose spans they are. */
  constructor(readonly resource: Resource) {}

  /** Whether no more may come to them. */
  get full(): boolean {
    return this.#taken || this.count >= TOGETHER_MAX;
  }

  get bytes(): Uint8Array {
    return this.to.buf.subarray(0, this.to.pos);
  }

  /** They are being sent. */
  take(): void {
    this.#taken = true;
  }

  /** For the SDK's queue, which asks of a span whether it is sampled, and nothing else. */
  spanContext(): SpanContext {
    return SAMPLED;
  }
}

const COMMON_MAX = 500;

export class SpanWriter {
  readonly #common = new Interned<Uint8Array>(COMMON_MAX);
  readonly #told = new Values();

  /** Adds the span, or, if it throws, nothing. `moves` and `endedAt` are as in `ExchangeSpan.end`. */
  write(
    into: WrittenSpans,
    span: SpanToWrite,
    facts: SpanFacts | undefined,
    endedAt: number,
    moves: readonly number[],
  ): void {
    const { to } = into;
    const start = to.pos;
    try {
      to.writeTag(2, 2);
      const from = openMessage(to);
      writeContext(span, to);
      writeTimes(span, endedAt, moves, to);
      this.#writeFacts(span, facts, to);
      closeMessage(from, to);
    } catch (error) {
      to.pos = start;
      throw error;
    }
    into.count++;
  }

  #writeFacts({ id }: SpanToWrite, facts: SpanFacts | undefined, to: PbfWriter): void {
    const attributes = new AttributeWriter(to);
    attributes.put('interlock.exchange', id);
    if (facts === undefined) writeHead(EXCHANGE, to);
    else {
      copy(this.#commonOf(facts), to);
      tellOwn(facts, attributes);
    }
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

function writeTimes(
  { begunAt, epoch }: SpanToWrite,
  endedAt: number,
  moves: readonly number[],
  to: PbfWriter,
): void {
  to.writeFixed64Field(7, nanosOf(begunAt + epoch));
  to.writeFixed64Field(8, nanosOf(endedAt + epoch));
  for (let at = 0; at < moves.length; at += 2) {
    const { told } = movesOf(moves[at] as number);
    const time = (moves[at + 1] as number) + epoch;
    for (let each = 0; each < told.length; each++) writeEvent(told[each] as number, time, to);
  }
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

/** As exact as numbers of that size are, which is to 256 of them. */
function nanosOf(ms: number): number {
  return ms * 1e6;
}

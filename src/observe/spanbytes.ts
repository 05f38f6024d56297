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
import type { Course, Moves } from './courses.js';
import { AttributeWriter, closeMessage, copy, openMessage, writeText } from './otlpbytes.js';
import { OwnAttributes, writeFrame } from './spanparts.js';
import type { SpanFacts } from './spans.js';
import { EXCHANGE, isFault, nameOf, tellCommon } from './spans.js';
import type { TraceIds } from './traceids.js';

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

/** Spans that are written together, at the most, and room for so many of the usual ones. */
export const TOGETHER_MAX = 64;
const ROOM_BYTES = 64 * 1024;

/** Rooms that were written in, for whoever needs one next: new memory costs as much as writing does. */
const rooms: PbfWriter[] = [];
const ROOMS_MAX = 16;
const ROOM_BYTES_MAX = 4 * ROOM_BYTES;

/**
 * Spans as fields of `ScopeSpans`, one behind the other. They wait to be sent in one queue with
 * others, and more come to them until they are: the fewer things wait, the less does the garbage
 * collector have to do.
 */
export class WrittenSpans {
  count = 0;
  #room: PbfWriter | undefined = rooms.pop() ?? new PbfWriter(new Uint8Array(ROOM_BYTES));

  /** `resource` is whose spans they are. */
  constructor(readonly resource: Resource) {}

  /** Where the next is written; undefined if no more may come to them. */
  get room(): PbfWriter | undefined {
    return this.count < TOGETHER_MAX ? this.#room : undefined;
  }

  get size(): number {
    return this.#room?.pos ?? 0;
  }

  /** They are being sent: they are there from now on, and here no more. */
  moveTo(to: PbfWriter): void {
    const room = this.#room;
    if (room === undefined) return;
    this.#room = undefined;
    copy(room.buf.subarray(0, room.pos), to);
    room.pos = 0;
    if (room.length <= ROOM_BYTES_MAX && rooms.length < ROOMS_MAX) rooms.push(room);
  }

  /** For the SDK's queue, which asks of a span whether it is sampled, and nothing else. */
  spanContext(): SpanContext {
    return SAMPLED;
  }
}

/** The length of a span mostly takes as many bytes. */
const LENGTH_BYTES = 2;

export class SpanWriter {
  readonly #own = new OwnAttributes();

  /** Writes the span, or, if it throws, nothing. */
  write(
    span: SpanToWrite,
    facts: SpanFacts | undefined,
    endedAt: number,
    course: Course,
    moves: Moves,
    to: PbfWriter,
  ): void {
    const start = to.pos;
    try {
      to.writeTag(2, 2);
      const from = openMessage(to, LENGTH_BYTES);
      writeFrame(span, endedAt, course, moves, to);
      writeOrigin(span, to);
      if (facts === undefined) {
        writeHead(EXCHANGE, to);
      } else {
        facts.group.bytes ??= commonBytes(facts);
        copy(facts.group.bytes, to);
      }
      this.#own.write(span.id, facts, to);
      closeMessage(from, to, LENGTH_BYTES);
    } catch (error) {
      to.pos = start;
      throw error;
    }
  }
}

function commonBytes(facts: SpanFacts): Uint8Array {
  const to = new PbfWriter();
  writeHead(nameOf(facts.group), to);
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

/** Whose a span is. */
function writeOrigin({ parent, traceState }: SpanToWrite, to: PbfWriter): void {
  if (traceState !== undefined) writeText(3, traceState.serialize(), to);
  if (parent !== undefined) to.writeBytesField(4, Buffer.from(parent.spanId, 'hex'));
}

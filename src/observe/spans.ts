/**
 * Spans that cost a small part of the SDK's. One of those looks at the clock, checks and copies for
 * each thing that it is told, and becomes some eighty objects on its way to JSON. Ours is text from
 * the start, lies in a page of bytes from its end on, and is sent from there.
 */
import { randomFillSync } from 'node:crypto';
import type { Attributes, Context, SpanContext, SpanStatus } from '@opentelemetry/api';
import { isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { escapeOf } from './text.js';
import type { SpanSource, SpanStart, TracedSpan } from './tracing.js';

const SAMPLED = TraceFlags.SAMPLED;
/** As many as the SDK keeps. */
const EVENTS_MAX = 128;
const PAGE_BYTES = 64 * 1024;

/**
 * Starts spans that end in a batch processor of the SDK, which asks them for no more than their
 * context and their resource, and whose exporter makes its requests with `requestOf`. Which are
 * kept is the SDK's default: those that a caller, if there is one, keeps too.
 */
export class Spans implements SpanSource {
  readonly #ended: (span: WrittenSpan) => void;
  readonly #resource: Resource;

  constructor(processor: SpanProcessor, resource: Resource) {
    this.#ended = (span) => processor.onEnd(span as unknown as ReadableSpan);
    this.#resource = resource;
  }

  getTracer(): this {
    return this;
  }

  /** Undefined where the caller does not want its trace kept. */
  startSpan(name: string, start: SpanStart, context: Context): TracedSpan | undefined {
    const found = trace.getSpanContext(context);
    const parent = found !== undefined && isSpanContextValid(found) ? found : undefined;
    if (parent !== undefined && (parent.traceFlags & SAMPLED) === 0) return undefined;
    return new WrittenSpan(name, start, parent, this.#resource, this.#ended);
  }
}

class WrittenSpan implements TracedSpan {
  readonly resource: Resource;
  /** Where it lies, with a comma behind it, once it has ended. */
  page: Buffer | undefined;
  from = 0;
  to = 0;
  readonly #ended: (span: WrittenSpan) => void;
  readonly #context: SpanContext;
  /** What the clock of events is behind that of the world. */
  readonly #offsetMs: number;
  #name: string;
  #head: string;
  #attributes: string;
  #events = '';
  #eventCount = 0;
  #status = '';

  constructor(
    name: string,
    { kind, attributes }: SpanStart,
    parent: SpanContext | undefined,
    resource: Resource,
    ended: (span: WrittenSpan) => void,
  ) {
    const startMs = Date.now();
    this.#offsetMs = startMs - performance.now();
    this.resource = resource;
    this.#ended = ended;
    this.#name = name;
    this.#context = contextOf(parent);
    const { traceId, spanId } = this.#context;
    this.#head =
      `{"traceId":"${traceId}","spanId":"${spanId}"${parent === undefined ? '' : under(parent)},` +
      `"kind":${kind + 1},"flags":${flagsOf(parent)},"startTimeUnixNano":"${nanosOf(startMs)}`;
    this.#attributes = written(attributes).slice(1);
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.page === undefined;
  }

  updateName(name: string): void {
    this.#name = name;
  }

  setStatus(status: SpanStatus): void {
    const { code, message } = status;
    const why = message === undefined ? '' : `,"message":${quoted(message)}`;
    this.#status = `,"status":{"code":${code}${why}}`;
  }

  /** A key is to be given once. */
  setAttributes(attributes: Attributes): void {
    const more = written(attributes);
    this.#attributes += this.#attributes === '' ? more.slice(1) : more;
  }

  addEvent(name: string, time: number): void {
    if (this.#eventCount++ >= EVENTS_MAX) return;
    const at = nanosOf(time + this.#offsetMs);
    this.#events += `${this.#eventCount === 1 ? '' : ','}{"timeUnixNano":"${at}${eventNamed(name)}`;
  }

  end(): void {
    if (this.page !== undefined) return;
    const endedAt = nanosOf(performance.now() + this.#offsetMs);
    const dropped = Math.max(0, this.#eventCount - EVENTS_MAX);
    const text =
      `${this.#head}","endTimeUnixNano":"${endedAt}","name":${quoted(this.#name)}${this.#status},` +
      `"attributes":[${this.#attributes}],"events":[${this.#events}]` +
      `${dropped > 0 ? `,"droppedEventsCount":${dropped}` : ''}},`;
    this.#head = this.#attributes = this.#events = '';
    lay(this, text);
    this.#ended(this);
  }
}

/** The page that is written, and how far it is. A page that is full goes when its spans do. */
let page = Buffer.alloc(0);
let filled = 0;

function lay(span: WrittenSpan, text: string): void {
  // The text is ASCII, so that its length is known, and a copy is all that there is to it.
  if (filled + text.length > page.length) {
    page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, text.length));
    filled = 0;
  }
  span.page = page;
  span.from = filled;
  filled += page.write(text, filled, 'latin1');
  span.to = filled;
}

/** A request of OTLP/HTTP, in JSON, with these spans; undefined where they are not all ours. */
export function requestOf(spans: readonly object[]): Uint8Array | undefined {
  const [first] = spans;
  if (!(first instanceof WrittenSpan)) return undefined;
  const resource = written(first.resource.attributes as Attributes).slice(1);
  const parts: Uint8Array[] = [
    Buffer.from(
      `{"resourceSpans":[{"resource":{"attributes":[${resource}]},` +
        `"scopeSpans":[{"scope":{"name":"interlock"},"spans":[`,
    ),
  ];
  let { page, from, to } = first;
  for (const span of spans) {
    if (!(span instanceof WrittenSpan)) return undefined;
    // Those that lie side by side, as nearly all do, are one piece.
    if (span.page !== page || span.from > to) {
      parts.push((page as Buffer).subarray(from, to));
      ({ page, from } = span);
    }
    to = span.to;
  }
  parts.push((page as Buffer).subarray(from, to - 1), Buffer.from(']}]}]}'));
  return Buffer.concat(parts);
}

/** Of attributes that are frozen, and so are those of many spans. */
const writtenOnce = new WeakMap<Attributes, string>();

/** Attributes as OTLP has them, each with a comma before it. What is nothing is left out. */
function written(attributes: Attributes): string {
  const known = writtenOnce.get(attributes);
  if (known !== undefined) return known;
  let text = '';
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined && value !== null) text += keyed(key) + typedOf(value);
  }
  if (!Object.isFrozen(attributes)) return text;
  // Of a text that was put together, it is the pieces that would be kept, and copied each time.
  const flat = Buffer.from(text).toString('latin1');
  writtenOnce.set(attributes, flat);
  return flat;
}

function typedOf(value: NonNullable<Attributes[string]>): string {
  if (typeof value === 'string') return `stringValue":${quoted(value)}}}`;
  if (typeof value === 'number') {
    return Number.isInteger(value) ? `intValue":${value}}}` : `doubleValue":${value}}}`;
  }
  if (typeof value === 'boolean') return `boolValue":${value}}}`;
  return `stringValue":${quoted(String(value))}}}`;
}

const KEYS_MAX = 1_000;
/** Keys, and names of events, are ours and few; that they are is not relied on. */
const keys = new Map<string, string>();
const names = new Map<string, string>();

function keyed(key: string): string {
  return keys.get(key) ?? kept(keys, key, `,{"key":${quoted(key)},"value":{"`);
}

function eventNamed(name: string): string {
  return names.get(name) ?? kept(names, name, `","name":${quoted(name)}}`);
}

function kept(into: Map<string, string>, key: string, made: string): string {
  if (into.size < KEYS_MAX) into.set(key, made);
  return made;
}

/** JSON of a text, in ASCII. Hardly any has something to escape, and to see that costs the least. */
function quoted(text: string): string {
  if (!/["\\]|[^ -~]/.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(/[^ -~]/g, escapeOf);
}

function contextOf(parent: SpanContext | undefined): SpanContext {
  const spanId = idOf(SPAN_ID_DIGITS);
  if (parent === undefined) {
    return { traceId: idOf(TRACE_ID_DIGITS), spanId, traceFlags: SAMPLED };
  }
  const { traceId, traceState } = parent;
  const own = { traceId, spanId, traceFlags: SAMPLED };
  return traceState === undefined ? own : { ...own, traceState };
}

function under({ spanId, traceState }: SpanContext): string {
  const state = traceState && `,"traceState":${quoted(traceState.serialize())}`;
  return `,"parentSpanId":"${spanId}"${state ?? ''}`;
}

/** W3C's flags in the low byte; above them, that it is known whether the caller is remote, and is. */
function flagsOf(parent: SpanContext | undefined): number {
  return SAMPLED | 0x100 | (parent?.isRemote ? 0x200 : 0);
}

const THOUSAND = Array.from({ length: 1_000 }, (_, at) => String(at).padStart(3, '0'));
let second = 0;
let secondText = '0';

/**
 * Nanoseconds, which are too many for a number, to the microsecond. To make text of so large a
 * number is slow, and its seconds are nearly always those of the one before.
 */
function nanosOf(ms: number): string {
  const micros = Math.round(ms * 1_000);
  const now = Math.floor(micros / 1e6);
  if (now !== second) {
    second = now;
    secondText = String(now);
  }
  const rest = micros - now * 1e6;
  return `${secondText}${THOUSAND[Math.floor(rest / 1_000)]}${THOUSAND[rest % 1_000]}000`;
}

const SPAN_ID_DIGITS = 16;
const TRACE_ID_DIGITS = 32;
const random = Buffer.alloc(4_096);
let digits = '';
let used = 0;

/** The id of a span or of a trace, which is not all zeros, out of digits made many at a time. */
function idOf(length: number): string {
  if (used + length > digits.length) {
    digits = randomFillSync(random).toString('hex');
    used = 0;
  }
  const id = digits.slice(used, used + length);
  used += length;
  return /[^0]/.test(id) ? id : idOf(length);
}

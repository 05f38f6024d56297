/** The SDK's exporter, for spans that are bytes already. */
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import { PbfWriter } from 'pbf';
import type { Collector } from './collectors.js';
import { collectorAt } from './collectors.js';
import type { Endpoint, Environment } from './endpoints.js';
import { AttributeWriter, copy, varintBytes } from './otlpbytes.js';
import type { WrittenSpans } from './spanbytes.js';
import { NAME } from './spans.js';

export class ProtobufSpanExporter extends OTLPExporterBase<WrittenSpans[]> {
  readonly #request: RequestWriter;
  readonly #collector: Collector<WrittenSpans[]>;

  /** Throws as `collectorAt`. */
  constructor(endpoint: Endpoint, env: Environment, warn: (message: string) => void) {
    const request = new RequestWriter();
    const serializer = {
      serializeRequest: (all: WrittenSpans[]) => request.write(all),
      deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
    };
    const counter = { name: 'span' as const, countItems: countOf };
    const collector = collectorAt('traces', endpoint, serializer, counter, env, warn);
    super(collector.delegate);
    this.#request = request;
    this.#collector = collector;
  }

  /** Lets go of the collector, whatever is on its way there. */
  destroy(): void {
    this.#collector.destroy();
  }

  override export(all: WrittenSpans[], done: Parameters<OTLPExporterBase<never>['export']>[1]) {
    const { written } = this.#request;
    super.export(all, (result) => {
      // Too many at once are refused before they are written.
      if (this.#request.written > written) this.#request.answered(result.code === 0);
      done(result);
    });
  }
}

/** Whose the spans are, and who tells them: the same in every request. */
interface Head {
  readonly of: Resource | undefined;
  /** Each as a field. */
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
}

const KEPT_BYTES_MAX = 2 * 1024 * 1024;

const NONE = new Uint8Array(0);

/**
 * Writes requests in the same memory, one after the other: half a megabyte for each would be new
 * pages every time, and would have the garbage collector come for them.
 */
export class RequestWriter {
  #kept = NONE;
  #head: Head | undefined;
  /** Requests that were written and have no answer. */
  #sending = 0;
  written = 0;

  /** A message `ExportTraceServiceRequest`. All are spans of one server, which are moved there. */
  write(all: readonly WrittenSpans[]): Uint8Array {
    const spans = all.reduce((sum, { size }) => sum + size, 0);
    const { resource, scope } = this.#headOf(all[0]?.resource);
    const inScope = scope.length + spans;
    const inResource = resource.length + fieldBytes(inScope);
    const size = fieldBytes(inResource);
    const to = new PbfWriter(this.#sending === 0 ? this.#room(size) : new Uint8Array(size));
    openField(1, inResource, to);
    copy(resource, to);
    openField(2, inScope, to);
    copy(scope, to);
    for (const each of all) each.moveTo(to);
    this.#sending++;
    this.written++;
    return to.finish();
  }

  /** A request was taken, or not: what was not may be on its way yet, so its memory is let go of. */
  answered(taken: boolean): void {
    this.#sending--;
    if (!taken) this.#kept = NONE;
  }

  #headOf(resource: Resource | undefined): Head {
    if (this.#head === undefined || this.#head.of !== resource) this.#head = writtenHead(resource);
    return this.#head;
  }

  #room(size: number): Uint8Array {
    if (this.#kept.length >= size) return this.#kept;
    const room = new Uint8Array(size);
    if (size <= KEPT_BYTES_MAX) this.#kept = room;
    return room;
  }
}

function countOf(all: readonly WrittenSpans[]): number {
  return all.reduce((sum, { count }) => sum + count, 0);
}

function writtenHead(of: Resource | undefined): Head {
  const resource = new PbfWriter();
  resource.writeMessage(1, writeResource, of);
  const scope = new PbfWriter();
  scope.writeMessage(1, writeScope, NAME);
  return { of, resource: resource.finish(), scope: scope.finish() };
}

function writeResource(resource: Resource | undefined, to: PbfWriter): void {
  const writer = new AttributeWriter(to, 1);
  const { attributes = {} } = resource ?? {};
  for (const name in attributes) writer.put(name, String(attributes[name]));
}

function writeScope(name: string, to: PbfWriter): void {
  to.writeStringField(1, name);
}

/** What a message of this length takes as a field, of a low number. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

/** The message is written next. Its length goes first: to be moved for it, it is too long. */
function openField(field: number, length: number, to: PbfWriter): void {
  to.writeTag(field, 2);
  to.writeVarint(length);
}

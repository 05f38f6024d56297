/** The SDK's exporter, for spans that are bytes already. */
import {
  createOtlpNetworkExportDelegate,
  OTLPExporterBase,
} from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExporterMetrics,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { PbfWriter } from 'pbf';
import type { Certificates } from './certificates.js';
import { AttributeWriter } from './otlpbytes.js';
import type { WrittenSpans } from './spanbytes.js';
import { NAME } from './spans.js';
import { UndiciTransport } from './transport.js';

const COMPONENT = 'otlp_http_span_exporter';
const HEADERS = { 'Content-Type': 'application/x-protobuf' };

type Options = Parameters<typeof convertLegacyHttpOptions>[0];

export class ProtobufSpanExporter extends OTLPExporterBase<WrittenSpans[]> {
  readonly #request = new RequestWriter();
  readonly #transport: UndiciTransport;

  constructor(options: Options, certificates: Certificates) {
    const http = convertLegacyHttpOptions(options, 'TRACES', 'v1/traces', HEADERS);
    const transport = new UndiciTransport(http, certificates);
    const { deserializeResponse } = ProtobufTraceSerializer;
    const serializeRequest = (all: WrittenSpans[]) => this.#request.write(all);
    const counter = { name: 'span' as const, countItems: countOf };
    const metrics = createOtlpHttpExporterMetrics(COMPONENT, counter, http.url, undefined);
    const serializer = { serializeRequest, deserializeResponse };
    super(createOtlpNetworkExportDelegate(http, serializer, metrics, transport));
    this.#transport = transport;
  }

  /** Lets go of the collector, whatever is on its way there. */
  destroy(): void {
    this.#transport.shutdown();
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

/** The lengths of what is around the spans, and the resource, are seldom more. */
const AROUND_BYTES = 4 * 1024;
const KEPT_BYTES_MAX = 2 * 1024 * 1024;

const NONE = new Uint8Array(0);

/**
 * Writes requests in the same memory, one after the other: half a megabyte for each would be new
 * pages every time, and would have the garbage collector come for them.
 */
export class RequestWriter {
  #kept = NONE;
  /** Requests that were written and have no answer. */
  #sending = 0;
  written = 0;

  /** A message `ExportTraceServiceRequest`. All are spans of one server, which are moved there. */
  write(all: readonly WrittenSpans[]): Uint8Array {
    const size = all.reduce((sum, { size }) => sum + size, AROUND_BYTES);
    const to = new PbfWriter(this.#sending === 0 ? this.#room(size) : new Uint8Array(size));
    to.writeMessage(1, writeResourceSpans, all);
    this.#sending++;
    this.written++;
    return to.finish();
  }

  /** A request was taken, or not: what was not may be on its way yet, so its memory is let go of. */
  answered(taken: boolean): void {
    this.#sending--;
    if (!taken) this.#kept = NONE;
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

function writeResourceSpans(all: readonly WrittenSpans[], to: PbfWriter): void {
  const [first] = all;
  if (first !== undefined) to.writeMessage(1, writeResource, first.resource);
  to.writeMessage(2, writeScopeSpans, all);
}

function writeResource({ attributes }: WrittenSpans['resource'], to: PbfWriter): void {
  const writer = new AttributeWriter(to, 1);
  for (const name in attributes) writer.put(name, String(attributes[name]));
}

function writeScopeSpans(all: readonly WrittenSpans[], to: PbfWriter): void {
  to.writeMessage(1, writeScope, NAME);
  for (const spans of all) spans.moveTo(to);
}

function writeScope(name: string, to: PbfWriter): void {
  to.writeStringField(1, name);
}

/** The SDK's sender, for spans that are bytes already. */
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { PbfWriter } from 'pbf';
import { AttributeWriter } from './otlpbytes.js';
import type { WrittenSpans } from './spanbytes.js';
import { NAME } from './spans.js';

const COMPONENT = 'otlp_http_span_exporter';
const HEADERS = { 'Content-Type': 'application/x-protobuf' };

type Options = Parameters<typeof convertLegacyHttpOptions>[0];

export class ProtobufSpanExporter extends OTLPExporterBase<WrittenSpans[]> {
  constructor(options: Options) {
    const http = convertLegacyHttpOptions(options, 'TRACES', 'v1/traces', HEADERS);
    const { deserializeResponse } = ProtobufTraceSerializer;
    const serializer = { serializeRequest: requestBytes, deserializeResponse };
    const counter = { name: 'span' as const, countItems: countOf };
    super(createOtlpHttpExportDelegate(http, serializer, COMPONENT, counter, undefined));
  }
}

/** The lengths of what is around the spans, and the resource, are seldom more. */
const AROUND_BYTES = 4 * 1024;

/** A message `ExportTraceServiceRequest`. All are spans of one server, which are moved there. */
export function requestBytes(all: readonly WrittenSpans[]): Uint8Array {
  const size = all.reduce((sum, { size }) => sum + size, AROUND_BYTES);
  const to = new PbfWriter(new Uint8Array(size));
  to.writeMessage(1, writeResourceSpans, all);
  return to.finish();
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

/** The SDK's sender, for spans that are bytes already. */
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { PbfWriter } from 'pbf';
import type { WrittenSpan } from './spanbytes.js';
import { AttributeWriter, copy } from './spanbytes.js';
import { NAME } from './spans.js';

const COMPONENT = 'otlp_http_span_exporter';
const HEADERS = { 'Content-Type': 'application/x-protobuf' };

type Options = Parameters<typeof convertLegacyHttpOptions>[0];

export class ProtobufSpanExporter extends OTLPExporterBase<WrittenSpan[]> {
  constructor(options: Options) {
    const http = convertLegacyHttpOptions(options, 'TRACES', 'v1/traces', HEADERS);
    const { deserializeResponse } = ProtobufTraceSerializer;
    const serializer = { serializeRequest: requestBytes, deserializeResponse };
    const counter = { name: 'span' as const, countItems: (spans: WrittenSpan[]) => spans.length };
    super(createOtlpHttpExportDelegate(http, serializer, COMPONENT, counter, undefined));
  }
}

/** The lengths of what is around the spans, and the resource, are seldom more. */
const AROUND_BYTES = 4 * 1024;

/** A message `ExportTraceServiceRequest`. All are spans of one server. */
export function requestBytes(spans: readonly WrittenSpan[]): Uint8Array {
  let size = AROUND_BYTES;
  for (const { start, end } of spans) size += end - start;
  const to = new PbfWriter(new Uint8Array(size));
  to.writeMessage(1, writeResourceSpans, spans);
  return to.finish();
}

function writeResourceSpans(spans: readonly WrittenSpan[], to: PbfWriter): void {
  const [first] = spans;
  if (first !== undefined) to.writeMessage(1, writeResource, first.resource);
  to.writeMessage(2, writeScopeSpans, spans);
}

function writeResource({ attributes }: WrittenSpan['resource'], to: PbfWriter): void {
  const writer = new AttributeWriter(to, 1);
  for (const name in attributes) writer.put(name, String(attributes[name]));
}

function writeScopeSpans(spans: readonly WrittenSpan[], to: PbfWriter): void {
  to.writeMessage(1, writeScope, NAME);
  // What was written one behind the other is copied as one.
  for (let at = 0; at < spans.length; ) {
    const { room, start } = spans[at] as WrittenSpan;
    let end = start;
    for (; spans[at]?.room === room && spans[at]?.start === end; at++) end = spans[at]!.end;
    copy(room.subarray(start, end), to);
  }
}

function writeScope(name: string, to: PbfWriter): void {
  to.writeStringField(1, name);
}

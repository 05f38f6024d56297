/** What a collector is sent, for whoever reads it as one. */
import protobuf from 'protobufjs';

/** opentelemetry-proto's trace.proto, but for links, which an exchange has none of. */
export const TRACES = protobuf
  .parse(`syntax = "proto3";
    message Request { repeated ResourceSpans resource_spans = 1; }
    message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
    message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
    message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
    message Scope { string name = 1; string version = 2; }
    message KeyValue { string key = 1; AnyValue value = 2; }
    message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
    message Span {
      bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
      string name = 5; uint32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
      repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
      message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
      repeated Event events = 11; uint32 dropped_events_count = 12; uint32 dropped_links_count = 14;
      message Status { string message = 2; uint32 code = 3; }
      Status status = 15; fixed32 flags = 16;
    }`)
  .root.lookupType('Request');

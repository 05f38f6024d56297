/**
 * The messages of the wire as plain objects, and the service that reads and writes them.
 *
 * A field that a peer left out is absent: `endOfStream` is `undefined` and not `false`. Numbers and
 * types stand in `external_processor.proto`, which is read when this module is first used.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** How the bytes of a half's body are shown, and answered. */
export const BODY_MODES = [
  'NONE',
  'STREAMED',
  'BUFFERED',
  'BUFFERED_PARTIAL',
  'FULL_DUPLEX_STREAMED',
  'GRPC',
] as const;
export type BodyMode = (typeof BODY_MODES)[number];

/** The six messages, which are also the six answers. */
export const KINDS = [
  'requestHeaders',
  'requestBody',
  'requestTrailers',
  'responseHeaders',
  'responseBody',
  'responseTrailers',
] as const;
export type Kind = (typeof KINDS)[number];

export interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
  readonly rawValue?: Uint8Array;
}

export interface HeaderMap {
  readonly headers?: readonly HeaderValue[];
}

export interface HttpHeaders {
  readonly headers?: HeaderMap;
  readonly endOfStream?: boolean;
}

/** A piece of a body; `StreamedBodyResponse`, its answer where bodies are streamed, has the same fields. */
export interface HttpBody {
  readonly body?: Buffer;
  readonly endOfStream?: boolean;
  readonly endOfStreamWithoutMessage?: boolean;
  readonly grpcMessageCompressed?: boolean;
}

export interface HttpTrailers {
  readonly trailers?: HeaderMap;
}

export interface ProtocolConfiguration {
  readonly requestBodyMode?: BodyMode;
  readonly responseBodyMode?: BodyMode;
  readonly sendBodyWithoutWaitingForHeaderResponse?: boolean;
}

export interface ProcessingRequest {
  readonly requestHeaders?: HttpHeaders;
  readonly responseHeaders?: HttpHeaders;
  readonly requestBody?: HttpBody;
  readonly responseBody?: HttpBody;
  readonly requestTrailers?: HttpTrailers;
  readonly responseTrailers?: HttpTrailers;
  readonly observabilityMode?: boolean;
  readonly protocolConfig?: ProtocolConfiguration;
}

export interface HeaderValueOption {
  readonly header: HeaderValue;
  readonly appendAction?:
    | 'APPEND_IF_EXISTS_OR_ADD'
    | 'ADD_IF_ABSENT'
    | 'OVERWRITE_IF_EXISTS_OR_ADD'
    | 'OVERWRITE_IF_EXISTS';
}

export interface HeaderMutation {
  readonly setHeaders?: readonly HeaderValueOption[];
  readonly removeHeaders?: readonly string[];
}

export interface BodyMutation {
  readonly body?: Uint8Array;
  readonly clearBody?: boolean;
  readonly streamedResponse?: HttpBody;
}

export interface CommonResponse {
  readonly status?: 'CONTINUE' | 'CONTINUE_AND_REPLACE';
  readonly headerMutation?: HeaderMutation;
  readonly bodyMutation?: BodyMutation;
  readonly clearRouteCache?: boolean;
}

export interface ImmediateResponse {
  readonly status: { readonly code: number };
  readonly headers?: HeaderMutation;
  readonly body?: Uint8Array;
  readonly details?: string;
}

type HeaderSendMode = 'DEFAULT' | 'SEND' | 'SKIP';

export interface ProcessingMode {
  readonly requestHeaderMode?: HeaderSendMode;
  readonly responseHeaderMode?: HeaderSendMode;
  readonly requestBodyMode?: BodyMode;
  readonly responseBodyMode?: BodyMode;
  readonly requestTrailerMode?: HeaderSendMode;
  readonly responseTrailerMode?: HeaderSendMode;
}

/** `google.protobuf.Struct`, as its messages are. */
export interface Struct {
  readonly fields: Readonly<Record<string, Value>>;
}
export interface Value {
  readonly stringValue?: string;
  readonly numberValue?: number;
  readonly structValue?: Struct;
}

export interface ProcessingResponse {
  readonly requestHeaders?: { readonly response?: CommonResponse };
  readonly responseHeaders?: { readonly response?: CommonResponse };
  readonly requestBody?: { readonly response?: CommonResponse };
  readonly responseBody?: { readonly response?: CommonResponse };
  readonly requestTrailers?: { readonly headerMutation?: HeaderMutation };
  readonly responseTrailers?: { readonly headerMutation?: HeaderMutation };
  readonly immediateResponse?: ImmediateResponse;
  readonly dynamicMetadata?: Struct;
  readonly modeOverride?: ProcessingMode;
}

export const SERVICE_NAME = 'envoy.service.ext_proc.v3.ExternalProcessor';

// The sources are shipped beside what is built of them, and only they hold the file.
const PLACES = [
  './external_processor.proto',
  '../../../../src/adapters/ext-proc/external_processor.proto',
];

/** Where the wire's own description is. */
export const protoFile = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(
  (path) => existsSync(path),
) as string;

/** The service, with its serializers. An enum that is not known stays the number that came. */
export const service = loadSync(protoFile, {
  enums: String,
  longs: Number,
})[SERVICE_NAME] as ServiceDefinition;

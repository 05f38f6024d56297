/** What an answer changes in one half, where Envoy honours it. It knows nothing of when. */
import type {
  BodyMode,
  CommonResponse,
  HeaderMap,
  HeaderMutation,
  HttpBody,
} from '../adapters/ext-proc/wire.js';
import { frame } from './frames.js';
import type { Place, Report } from './headers.js';
import { headerMap, mutate } from './headers.js';
import type { Piece } from './pieces.js';
import type { FaultName, Headers } from './plan.js';

export class Changes {
  headers: Headers = {};
  trailers: Headers | undefined;

  constructor(
    readonly side: 'request' | 'response',
    readonly report: Report,
  ) {}

  /** The message that shows a part as it is now. */
  shown(part: string, piece: Piece | undefined, bodiless: boolean, mode: BodyMode) {
    if (part === 'Headers') {
      const headers = headerMap(this.headers);
      return { payload: { headers, ...(bodiless && { endOfStream: true }) }, end: bodiless };
    }
    if (part === 'Trailers') {
      return { payload: { trailers: headerMap(this.trailers ?? {}) }, end: false };
    }
    const { bytes, end, bare, compressed } = piece as Piece;
    const payload: HttpBody = {
      body: bytes,
      ...(end && { endOfStream: true }),
      ...(mode === 'GRPC' && bare && { endOfStreamWithoutMessage: true }),
      ...(mode === 'GRPC' && compressed && { grpcMessageCompressed: true }),
    };
    return { payload, end };
  }

  /** A body whose length may change is passed on without the length that was told for it. */
  headersOnward(lengthless: boolean): Headers {
    if (!lengthless) return this.headers;
    const { 'content-length': _, ...rest } = this.headers;
    return rest;
  }

  /** Takes an answer to headers; gives the body that is to stand in place of the half's own. */
  headersAnswered(common: CommonResponse | undefined, mode: BodyMode): Buffer | undefined {
    const replaced = common?.status === 'CONTINUE_AND_REPLACE';
    this.#trailersIn(common, 'headers');
    this.headers = mutate(
      this.headers,
      common?.headerMutation,
      this.#place(mode === 'BUFFERED'),
      this.report,
    );
    if (replaced) {
      const { body, streamedResponse } = common.bodyMutation ?? {};
      if (streamedResponse !== undefined) this.report('streamed answer', 'to headers');
      return Buffer.from(body ?? []);
    }
    if (common?.bodyMutation !== undefined) {
      this.report('body mutation in headers', 'without CONTINUE_AND_REPLACE');
    }
    return undefined;
  }

  /** Takes the answer to one body message; gives the bytes that go on. */
  bodyAnswered(
    common: CommonResponse | undefined,
    { bytes, late }: Piece,
    mode: BodyMode,
  ): Buffer | readonly [FaultName, string] {
    const { body, clearBody, streamedResponse } = common?.bodyMutation ?? {};
    this.#trailersIn(common, 'a body');
    if (streamedResponse !== undefined) return ['streamed answer', `${this.side}Body in ${mode}`];
    if (common?.status === 'CONTINUE_AND_REPLACE') this.report('replace in body', mode);
    if (common?.headerMutation !== undefined) {
      if (mode !== 'BUFFERED' || late) this.report('header mutation in body', mode);
      else {
        this.headers = mutate(this.headers, common.headerMutation, this.#place(true), this.report);
      }
    }
    if (body === undefined) return clearBody ? Buffer.alloc(0) : bytes;
    if (late && body.length > 0) return ['body after end', `${this.side}Body`];
    const length = this.headers['content-length'];
    if (mode === 'BUFFERED' && !late && length !== undefined && Number(length) !== body.length) {
      return ['content-length mismatch', `${length} for ${body.length} bytes`];
    }
    return Buffer.from(body);
  }

  /** Takes one streamed piece of a body. */
  streamedAnswered(
    common: CommonResponse | undefined,
    mode: BodyMode,
  ): Piece | readonly [FaultName, string] {
    const streamed = common?.bodyMutation?.streamedResponse;
    if (streamed === undefined) return ['unstreamed answer', `${this.side}Body in ${mode}`];
    this.#trailersIn(common, 'a body');
    if (common?.headerMutation !== undefined) this.report('header mutation in body', mode);
    if (common?.status === 'CONTINUE_AND_REPLACE') this.report('replace in body', mode);
    const bytes = Buffer.from(streamed.body ?? []);
    const end = streamed.endOfStream === true;
    if (mode !== 'GRPC') return { bytes, end };
    const bare = end && streamed.endOfStreamWithoutMessage === true;
    const compressed = streamed.grpcMessageCompressed === true;
    return { bytes, end, framed: bare ? bytes : frame({ bytes, compressed }) };
  }

  trailersAnswered(mutation: HeaderMutation | undefined): void {
    const place: Place = { of: 'trailers', lengthAllowed: false };
    this.trailers = mutate(this.trailers ?? {}, mutation, place, this.report);
  }

  #place(lengthAllowed: boolean): Place {
    return { of: this.side, lengthAllowed };
  }

  /** Envoy has not implemented the field, in any mode. */
  #trailersIn(common: (CommonResponse & { trailers?: HeaderMap }) | undefined, of: string): void {
    if (common?.trailers !== undefined) this.report('trailers in answer', `to ${of}`);
  }
}

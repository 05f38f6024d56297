/** One request to an upstream, through undici: its callbacks become events. */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Event, Status } from '../../../machines/events.js';
import { events } from '../../../machines/events.js';
import type { Cause } from '../answers.js';
import type { Content } from '../bill.js';
import { contentOf } from './headers.js';
import type { Upstream } from './upstreams.js';
import { causeOf } from './upstreams.js';

/** Names and values in turn, as they came over the wire. */
export type RawHeaders = readonly (Buffer | string)[];

/** The head of a response, as the upstream sent it. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: RawHeaders;
  readonly content: Content;
}

/** What comes with an event, and the machine has no need of: a chunk, a head, trailers, a cause. */
export type Detail = Buffer | ResponseHead | RawHeaders | Cause;

export interface CallOptions {
  readonly method: string;
  readonly target: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | null;
  /** How many 1xx responses may come before the response; none of them is passed on (fault: F21). */
  readonly informationalMax: number;
}

type Deliver = (event: Event, detail?: Detail) => void;

export class Call implements Dispatcher.DispatchHandler {
  readonly #deliver: Deliver;
  #informationalLeft: number;
  #status: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(upstream: Upstream, options: CallOptions, deliver: Deliver) {
    this.#deliver = deliver;
    this.#informationalLeft = options.informationalMax;
    const { method, headers, body } = options;
    const path = upstream.base + options.target;
    upstream.pool.dispatch({ method: method as Dispatcher.HttpMethod, path, headers, body }, this);
  }

  /** Lets go of the upstream. One that is not reached yet is let go when it is. */
  cancel(): void {
    this.#controller?.abort(new Error('the exchange is over'));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#deliver(events.upstreamConnected);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText = '',
  ): void {
    if (status < 200) {
      if (this.#informationalLeft-- > 0) return;
      this.#deliver(events.upstreamFailed, { cause: 'too_many_informational' });
      this.cancel();
      return;
    }
    this.#status = status;
    const rawHeaders = (controller.rawHeaders ?? []) as RawHeaders;
    this.#deliver(events.responseHeaders(classOf(status)), {
      status,
      statusText,
      rawHeaders,
      content: contentOf(rawHeaders),
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#deliver(chunk.length > 0 ? events.responseBody : events.responseBodyEmpty, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const trailers = (controller.rawTrailers ?? []) as RawHeaders;
    if (trailers.length > 0) this.#deliver(events.responseTrailers, trailers);
    else this.#deliver(events.responseEnd);
  }

  onRequestUpgrade(): void {
    this.#deliver(events.upstreamFailed, { cause: 'protocol_error' });
    this.cancel();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const cause = causeOf(error);
    const wrongLength = cause === 'response_truncated';
    if (wrongLength && (this.#status === 204 || this.#status === 304)) {
      // RFC 9112 section 6.3: such a response ends with its head, whatever length it names. undici
      // does not know that, and has let go of the connection (fault: F22).
      this.#deliver(events.responseEnd);
    } else {
      // undici calls every bad head that names a length a body of the wrong length (fault: F12).
      const named = wrongLength && this.#status === undefined ? 'protocol_error' : cause;
      this.#deliver(events.upstreamFailed, { cause: named });
    }
  }
}

function classOf(status: number): Status {
  if (status < 400) return 'success';
  return status < 500 ? 'refusal' : 'failure';
}

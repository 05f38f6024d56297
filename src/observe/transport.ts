/**
 * The way to a collector: through undici, whose code is at hand, as exchanges use it. The SDK's own
 * goes through Node's client, whose first request gives the classes that it shares with Node's
 * servers new shapes: all compiled code of the gateway was thrown away then, and for seconds it took
 * two to three times the CPU. Later requests cost a tenth of what their spans do.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ExportResponse, IExporterTransport } from '@opentelemetry/otlp-exporter-base';
import { OTLPExporterError } from '@opentelemetry/otlp-exporter-base';
import type { Dispatcher } from 'undici';
import { Pool } from 'undici';
import type { Certificates } from './certificates.js';

/** An answer may say why spans were not taken, which takes little. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** OTLP specification 1.10, "Retryable Response Codes". */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Before the second attempt; twice as much before each further one. */
const WAIT_MS = 500;

const gzipped = promisify(gzip);

export interface TransportOptions {
  readonly url: string;
  readonly headers: () => Promise<Record<string, string>>;
  /** `gzip`, or as it is. */
  readonly compression: string;
}

export class UndiciTransport implements IExporterTransport {
  readonly #options: TransportOptions;
  readonly #path: string;
  readonly #pool: Pool;

  constructor(options: TransportOptions, certificates: Certificates) {
    const { origin, pathname } = new URL(options.url);
    this.#options = options;
    this.#path = pathname;
    // An attempt has a time of its own.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
    this.#pool = new Pool(origin, { ...timeouts, connect: { ...certificates } });
  }

  /** Tries until it is taken, or refused for good, or the time is over. */
  async send(data: Uint8Array, timeoutMillis: number): Promise<ExportResponse> {
    const until = performance.now() + timeoutMillis;
    const headers = await this.#options.headers();
    const zip = this.#options.compression === 'gzip';
    if (zip) headers['content-encoding'] = 'gzip';
    const body = zip ? await gzipped(data) : data;
    for (let attempt = 0; ; attempt++) {
      const leftMs = Math.max(1, until - performance.now());
      const response = await this.#attempt(headers, body, leftMs);
      if (response.status !== 'retryable') return response;
      // Whoever was refused together does not come back together; at once nobody does, whatever is said.
      const backoffMs = WAIT_MS * 2 ** attempt * (0.8 + 0.4 * Math.random());
      const waitMs = Math.max(response.retryInMillis ?? 0, backoffMs);
      if (performance.now() + waitMs >= until) return response;
      await wait(waitMs, undefined, { ref: false });
    }
  }

  /** Lets go of the collector, whatever is on its way there. */
  shutdown(): void {
    void this.#pool.destroy(new Error('no answer before the end'));
  }

  #attempt(
    headers: Record<string, string>,
    body: Uint8Array,
    leftMs: number,
  ): Promise<ExportResponse> {
    const attempt = new Attempt(leftMs);
    this.#pool.dispatch({ path: this.#path, method: 'POST', headers, body }, attempt);
    return attempt.response;
  }
}

/** One request, and what comes of it: by itself, or when its time is over. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly response: Promise<ExportResponse>;
  #resolve: (response: ExportResponse) => void = () => {};
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  /** Why it was left, which may be before it has begun. */
  #left: Error | undefined;
  #head: { status: number; text: string; retryAfter: string; isPage: boolean } | undefined;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(leftMs: number) {
    this.response = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(() => this.#leave(new Error('no answer in time')), leftMs).unref();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#left !== undefined) controller.abort(this.#left);
  }

  onResponseStart(
    _: unknown,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    text = '',
  ): void {
    if (status < 200) return;
    const isPage = /^text\/html\b/i.test(String(headers['content-type']));
    this.#head = { status, text, retryAfter: String(headers['retry-after']), isPage };
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= ANSWER_BYTES_MAX) this.#leave(new Error('the answer is long enough'));
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_: unknown, error: Error): void {
    this.#end(error);
  }

  #leave(why: Error): void {
    this.#left = why;
    this.#end(why);
    this.#controller?.abort(why);
  }

  /** What was taken is so by its status, however the rest of the answer goes. */
  #end(error: Error | undefined): void {
    clearTimeout(this.#timer);
    if (this.#head === undefined) {
      this.#resolve({ status: 'retryable', ...(error !== undefined && { error }) });
      return;
    }
    const { status, text, retryAfter, isPage } = this.#head;
    if (status <= 299 && error !== undefined && !isPage) {
      // What is not whole says nothing. Of a page any part does: that this is no collector.
      this.#resolve({ status: 'success' });
      return;
    }
    const data = Buffer.concat(this.#chunks);
    this.#resolve(responseOf(status, text, data, msOf(retryAfter)));
  }
}

function responseOf(
  status: number,
  text: string,
  data: Buffer,
  retryInMillis: number | undefined,
): ExportResponse {
  if (status <= 299) return { status: 'success', data };
  const error = new OTLPExporterError(text, status, data.toString());
  if (!RETRYABLE.has(status)) return { status: 'failure', error };
  return { status: 'retryable', error, ...(retryInMillis !== undefined && { retryInMillis }) };
}

/** How long a `Retry-After` says to wait (RFC 9110 section 10.2.3); undefined where it says nothing. */
function msOf(retryAfter: string): number | undefined {
  const ms = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

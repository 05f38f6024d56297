/**
 * The way of spans to a collector: through undici, whose code is at hand, as exchanges use it. The
 * SDK's own is asked for once in hundreds of exchanges, and costs a tenth of what their spans do.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ExportResponse, IExporterTransport } from '@opentelemetry/otlp-exporter-base';
import { OTLPExporterError } from '@opentelemetry/otlp-exporter-base';
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
    this.#pool = new Pool(origin, { connect: { ...certificates } });
  }

  /** Tries until it is taken, or refused for good, or the time is over. It does not reject. */
  async send(data: Uint8Array, timeoutMillis: number): Promise<ExportResponse> {
    const until = performance.now() + timeoutMillis;
    const signal = AbortSignal.timeout(timeoutMillis);
    for (let attempt = 0; ; attempt++) {
      const response = await this.#attempt(data, signal);
      if (response.status !== 'retryable') return response;
      // Whoever was refused together does not come back together.
      const backoffMs = WAIT_MS * 2 ** attempt * (0.8 + 0.4 * Math.random());
      const waitMs = response.retryInMillis ?? backoffMs;
      if (performance.now() + waitMs < until) await wait(waitMs, undefined, { ref: false });
      else if (signal.aborted) {
        return { status: 'retryable', error: new Error(`no answer within ${timeoutMillis} ms`) };
      } else return response;
    }
  }

  /** Lets go of the collector, whatever is on its way there. */
  shutdown(): void {
    void this.#pool.destroy();
  }

  async #attempt(data: Uint8Array, signal: AbortSignal): Promise<ExportResponse> {
    const headers = await this.#options.headers();
    const zip = this.#options.compression === 'gzip';
    if (zip) headers['content-encoding'] = 'gzip';
    try {
      const response = await this.#pool.request({
        path: this.#path,
        method: 'POST',
        headers,
        body: zip ? await gzipped(data) : data,
        signal,
      });
      const answer = await read(response.body);
      const { statusCode, statusText } = response;
      if (statusCode <= 299) return { status: 'success', data: answer };
      const error = new OTLPExporterError(statusText, statusCode, answer.toString());
      if (!RETRYABLE.has(statusCode)) return { status: 'failure', error };
      const retryInMillis = msOf(String(response.headers['retry-after']));
      return { status: 'retryable', error, ...(retryInMillis !== undefined && { retryInMillis }) };
    } catch (error) {
      return { status: 'retryable', error: error as Error };
    }
  }
}

/** The first of an answer. What was taken is so by its status, however the rest of it goes. */
async function read(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= ANSWER_BYTES_MAX) break;
    }
  } catch {
    // Cut off, or too slow: there is no more of it.
  }
  return Buffer.concat(chunks);
}

/** How long a `Retry-After` says to wait (RFC 9110 section 10.2.3); undefined where it says nothing. */
function msOf(retryAfter: string): number | undefined {
  const ms = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** What people are told of a collector's answers: the first time, and then now and again. */
import type { Protocol, Signal } from './endpoints.js';
import { shown } from './text.js';

/** What goes wrong is told at once, and again after so long. */
const TOLD_EVERY_MS = 60_000;

/** As the SDK's `ExportResult`: 0 is success. */
interface Result {
  readonly code: number;
  readonly error?: Error;
}
interface Exporter<Items> {
  export(items: Items, done: (result: Result) => void): void;
}

/** The exporter, which tells people of what is not taken: the first time, and then now and again. */
export function told<Items, E extends Exporter<Items>>(
  exporter: E & Exporter<Items>,
  url: string,
  warn: (message: string) => void,
): E {
  const send = exporter.export.bind(exporter);
  let failures = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  exporter.export = (items, done) => {
    send(items, (result) => {
      if (result.code === 0) {
        if (failures > 0) warn(`OTLP ${url}: taken again, after ${failures} failures`);
        failures = 0;
        toldAt = Number.NEGATIVE_INFINITY;
      } else {
        failures++;
        if (performance.now() - toldAt >= TOLD_EVERY_MS) {
          toldAt = performance.now();
          warn(`OTLP ${url}: not taken: ${whyOf(result.error)}; exchanges go on`);
        }
      }
      done(result);
    });
  };
  return exporter;
}

function whyOf(error: Error | undefined): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: string };
  return shown([code, message].filter(Boolean).join(' ') || 'no answer');
}

/** The answer to what was taken, of either signal. The server is free to write anything there. */
export interface Answer {
  readonly partialSuccess?: {
    readonly rejectedSpans?: unknown;
    readonly rejectedDataPoints?: unknown;
    readonly errorMessage?: unknown;
  } | null;
}

const ITEMS = { traces: 'span', metrics: 'data point' } as const satisfies Record<Signal, string>;
const BRACE = 0x7b;

/**
 * Reads what a collector says of what it has taken: that it was not all, or nothing of OTLP, as
 * something else at the same place would (OTLP specification 1.10, "Partial Success").
 */
export class Answers {
  readonly #item: string;
  readonly #isJson: boolean;
  readonly #tell: (what: string) => void;
  readonly #toldAt = new Map<string, number>();
  /** Of which nobody was told yet. */
  #refused = 0;

  constructor(signal: Signal, protocol: Protocol, tell: (what: string) => void) {
    this.#item = ITEMS[signal];
    this.#isJson = protocol === 'http/json';
    this.#tell = tell;
  }

  /** Throws for what is no OTLP, when people were told. */
  read<A extends Answer>(data: Uint8Array, deserialize: (data: Uint8Array) => A): A {
    let answer: A;
    try {
      // Some answer in JSON whatever they are sent, and no message in protobuf begins like that.
      const isJson = data.length > 0 && (this.#isJson || data[0] === BRACE);
      answer = isJson ? parsed(data) : deserialize(data);
    } catch (error) {
      if (this.#isDue('no OTLP')) {
        this.#tell('taken, but the answer is no OTLP: it may be no collector');
      }
      throw error;
    }
    this.#heed(answer);
    return answer;
  }

  #heed({ partialSuccess }: Answer): void {
    const { rejectedSpans, rejectedDataPoints, errorMessage } = partialSuccess ?? {};
    // JSON has whole numbers of 64 bits as texts.
    const count = Number(rejectedSpans ?? rejectedDataPoints ?? 0);
    const message = typeof errorMessage === 'string' ? shown(errorMessage) : '';
    if (Number.isSafeInteger(count) && count > 0) {
      this.#refused += count;
      if (!this.#isDue('refused')) return;
      const items = `${this.#refused} ${this.#item}${this.#refused === 1 ? '' : 's'}`;
      this.#refused = 0;
      this.#tell(`${items} not taken: ${message || 'no reason is given'}`);
    } else if (message !== '' && this.#isDue('warning')) {
      this.#tell(`taken, with a warning: ${message}`);
    }
  }

  #isDue(kind: string): boolean {
    const now = performance.now();
    if (now - (this.#toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY_MS) return false;
    this.#toldAt.set(kind, now);
    return true;
  }
}

/** The SDK's own takes what is no JSON for an answer that says nothing. */
function parsed<A extends Answer>(data: Uint8Array): A {
  const answer: unknown = JSON.parse(new TextDecoder().decode(data));
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as A;
  throw new TypeError('no object');
}

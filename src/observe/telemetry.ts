/**
 * What is told of exchanges while they go, and when they are over: metrics, spans, a line of log.
 *
 * It subscribes to steps and records and decides nothing. All of it goes through the OpenTelemetry
 * API, so it is for whoever brings the providers to say where it ends; without any it goes nowhere.
 * A step that stays where it is, which is what a chunk does, costs one increment.
 *
 * What is told of an exchange is told when it is over, of many at a time: between two exchanges the
 * whole gateway has been at work, so the code that tells of one alone is never at hand, and costs
 * several times as much. Whoever reads metrics in between gets all that there is.
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { metrics, propagation, trace } from '@opentelemetry/api';
import type { Heal } from '../../machines/heals.js';
import type { UsageRecord } from '../accounting/ledger.js';
import { Roster } from '../roster.js';
import type { Propagator } from './apispans.js';
import { ApiSpans } from './apispans.js';
import { LabelSets, providerKeyOf } from './genai.js';
import { Groups } from './groups.js';
import type { Distribution } from './instruments.js';
import { Instruments } from './instruments.js';
import { Models } from './labels.js';
import { Lifecycle } from './lifecycle.js';
import type { Metric } from './metrics.js';
import { Observation } from './observation.js';
import type { HeaderOf, SpanMaker } from './spans.js';
import { NAME } from './spans.js';
import { shown } from './text.js';

export const MODELS_MAX = 100;

/** Exchanges that are told of together, at the most, and how long the first of them waits. */
const TOGETHER_MAX = 64;
const WAIT_MS = 50;

const FULL =
  'telemetry: too many models at too many upstreams were told by name; what is new is told as "other"';

/** How long it is taken for granted that the day's clock has not jumped. */
const EPOCH_MS = 1_000;

/** Gets the record of each exchange, with the ids of its span where it has one that is recorded. */
export type ExchangeLog = (record: UsageRecord, traceId?: string, spanId?: string) => void;

export interface TelemetryOptions {
  /** Default: the API's global one. */
  readonly meterProvider?: MeterProvider | undefined;
  /** Default: the API's global one. `null`: no spans. */
  readonly tracerProvider?: TracerProvider | null | undefined;
  /** Reads the caller's trace from headers, and writes ours. Default: the API's global one. */
  readonly propagator?: Propagator | undefined;
  /** Makes spans in place of a tracer of that provider, and in place of that propagator. */
  readonly spans?: SpanMaker | undefined;
  readonly log?: ExchangeLog | undefined;
  /** Models that metrics are to tell by name, such as those of routes. Patterns are left out. */
  readonly models?: readonly string[] | undefined;
  /** How many others may come to them, as upstreams answer in their names. Default: 100. */
  readonly modelsMax?: number | undefined;
  /** Makes each histogram. Default: one of the meter. */
  readonly histogram?: ((metric: Metric) => Distribution) | undefined;
  /** Default: OTEL_SEMCONV_STABILITY_OPT_IN of the environment. */
  readonly semconvOptIn?: string | undefined;
  /** Told, for people, once, if something here fails. Exchanges go on. */
  readonly warn?: ((message: string) => void) | undefined;
}

export class Telemetry {
  readonly lifecycle = new Lifecycle();
  readonly instruments: Instruments;
  readonly groups: Groups;
  readonly spans: SpanMaker | undefined;
  readonly log: ExchangeLog | undefined;
  /** Exchanges in flight, for what they hold and what is to be told of them. */
  readonly live = new Roster<Observation>();
  readonly #warn: (message: string) => void;
  /** Those that are over, and not told of yet. */
  #over: Observation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #epoch = 0;
  #epochAt = Number.NEGATIVE_INFINITY;
  #failed = false;

  constructor(options: TelemetryOptions = {}) {
    const { meterProvider = metrics.getMeterProvider(), tracerProvider, spans, log } = options;
    const { semconvOptIn = process.env.OTEL_SEMCONV_STABILITY_OPT_IN } = options;
    const models = new Models(options.models ?? [], options.modelsMax ?? MODELS_MAX);
    this.#warn = options.warn ?? (() => {});
    const labels = new LabelSets(models, providerKeyOf(semconvOptIn), () => this.#warn(FULL));
    this.instruments = new Instruments(
      meterProvider.getMeter(NAME),
      this.lifecycle,
      { before: () => this.flush(), heldBytes: () => this.#heldBytes() },
      options.histogram,
    );
    this.groups = new Groups(this.instruments, models, labels);
    this.spans = spans;
    if (spans === undefined && tracerProvider !== null) {
      const tracers = tracerProvider ?? trace.getTracerProvider();
      this.spans = new ApiSpans(tracers.getTracer(NAME), options.propagator ?? propagation);
    }
    this.log = log;
  }

  /** An exchange begins. What this gives is told its steps and its record. It never throws. */
  begin(id: string, headerOf: HeaderOf): Observation {
    this.lifecycle.begun++;
    const observation = new Observation(this, id, headerOf);
    this.live.add(observation);
    return observation;
  }

  /** What makes a time of `performance.now`, which this is one of, a time of the day. */
  epochAt(now: number): number {
    if (now - this.#epochAt > EPOCH_MS) {
      this.#epoch = Date.now() - performance.now();
      this.#epochAt = now;
    }
    return this.#epoch;
  }

  /** Something that is no exchange has mended itself. */
  healed(rule: Heal): void {
    const { healed } = this.lifecycle;
    healed.set(rule, (healed.get(rule) ?? 0) + 1);
  }

  /** An exchange is over: it will be told of, soon. */
  over(observation: Observation): void {
    this.live.delete(observation);
    this.#over.push(observation);
    if (this.#over.length >= TOGETHER_MAX) this.#tell();
    else this.#timer ??= setTimeout(this.#tell, WAIT_MS).unref();
  }

  /** Tells all that has happened: of those in flight, too. */
  flush(): void {
    this.#tell();
    for (const observation of this.live) observation.tell();
  }

  /** Tells what is left, and lets go of the instruments. The providers are not ours. */
  close(): void {
    this.flush();
    this.instruments.close();
  }

  /** A provider, an exporter or a log may throw; no exchange may know of it. */
  failed(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#warn(`telemetry: ${shown(String(error))}; some of what happens is not told`);
  }

  readonly #tell = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const over = this.#over;
    this.#over = [];
    for (const observation of over) observation.tell();
  };

  #heldBytes(): number {
    let bytes = 0;
    for (const { holder } of this.live) bytes += holder?.heldBytes ?? 0;
    return bytes;
  }
}

/**
 * What is told of exchanges while they go, and when they are over: metrics, spans, a line of log.
 *
 * It subscribes to steps and records and decides nothing. All of it goes through the OpenTelemetry
 * API, so it is for whoever brings the providers to say where it ends; without any it goes nowhere.
 * A step that stays where it is, which is what a chunk does, costs one increment.
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { metrics, propagation, trace } from '@opentelemetry/api';
import { EVENTS, events } from '../../machines/events.js';
import type { Heal } from '../../machines/heals.js';
import type { UsageRecord } from '../accounting/ledger.js';
import type { StepObserver } from '../step.js';
import { ApiSpans } from './apispans.js';
import { LabelSets, operationOf, providerKeyOf } from './genai.js';
import type { Distribution } from './instruments.js';
import { Instruments } from './instruments.js';
import { Models } from './labels.js';
import { Lifecycle } from './lifecycle.js';
import type { Metric } from './metrics.js';
import { isProcessed, movesOf, PHASES, REGIONS } from './phases.js';
import type { ExchangeSpan, SpanMaker } from './spans.js';
import { NAME } from './spans.js';
import { shown } from './text.js';
import type { Baton, HeaderOf, Propagator } from './tracing.js';
import { Tracing } from './tracing.js';

export const MODELS_MAX = 100;

/** Gets the record of each exchange, with the ids of its span where it has one that is recorded. */
export type ExchangeLog = (record: UsageRecord, traceId?: string, spanId?: string) => void;

export interface TelemetryOptions {
  /** Default: the API's global one. */
  readonly meterProvider?: MeterProvider | undefined;
  /** Default: the API's global one. `null`: no spans. */
  readonly tracerProvider?: TracerProvider | null | undefined;
  /** Makes spans in place of a tracer of that provider. */
  readonly spans?: SpanMaker | undefined;
  /** Reads the caller's trace from headers, and writes ours. Default: the API's global one. */
  readonly propagator?: Propagator | undefined;
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

/** What an exchange holds while it is in flight. */
export interface Holder {
  /** Bytes of memory. */
  readonly heldBytes: number;
}

/** What the record of an exchange does not say. */
export interface Circumstances {
  /** The response came as a stream of events. */
  readonly streams: boolean;
  /** The model that was asked for, where the request was read. */
  readonly requestModel: string | undefined;
}

export class Telemetry {
  readonly lifecycle = new Lifecycle();
  readonly models: Models;
  readonly instruments: Instruments;
  readonly labels: LabelSets;
  readonly providerKey: string;
  readonly tracing: Tracing | undefined;
  readonly log: ExchangeLog | undefined;
  /** Exchanges in flight, for what they hold. */
  readonly live = new Set<Observation>();
  readonly #warn: (message: string) => void;
  #failed = false;

  constructor(options: TelemetryOptions = {}) {
    const { meterProvider = metrics.getMeterProvider(), tracerProvider, spans, log } = options;
    const { semconvOptIn = process.env.OTEL_SEMCONV_STABILITY_OPT_IN } = options;
    this.providerKey = providerKeyOf(semconvOptIn);
    this.models = new Models(options.models ?? [], options.modelsMax ?? MODELS_MAX);
    this.labels = new LabelSets(this.models, this.providerKey);
    this.instruments = new Instruments(
      meterProvider.getMeter(NAME),
      this.lifecycle,
      () => this.#heldBytes(),
      options.histogram,
    );
    if (spans !== undefined || tracerProvider !== null) {
      const tracers = tracerProvider ?? trace.getTracerProvider();
      const made = spans ?? new ApiSpans(tracers.getTracer(NAME));
      this.tracing = new Tracing(made, options.propagator ?? propagation);
    }
    this.log = log;
    this.#warn = options.warn ?? (() => {});
  }

  /** An exchange begins. What this gives is told its steps and its record. It never throws. */
  begin(id: string, headerOf: HeaderOf): Observation {
    this.lifecycle.begun++;
    const observation = new Observation(this, id, headerOf);
    this.live.add(observation);
    return observation;
  }

  /** Something that is no exchange has mended itself. */
  healed(rule: Heal): void {
    const { healed } = this.lifecycle;
    healed.set(rule, (healed.get(rule) ?? 0) + 1);
  }

  /** Lets go of the instruments and of the event loop's clock. The providers are not ours. */
  close(): void {
    this.instruments.close();
  }

  /** A provider, an exporter or a log may throw; no exchange may know of it. */
  failed(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#warn(`telemetry: ${shown(String(error))}; some of what happens is not told`);
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const { holder } of this.live) bytes += holder?.heldBytes ?? 0;
    return bytes;
  }
}

const WIDTH = EVENTS.length;
const PROGRESS = EVENTS.indexOf(events.responseProgress);
/** Phases that are events of a span. Whether a client reads may change at every chunk. */
const TOLD = PHASES.map((phase) => !/\bflow\b|^shutdown|^processed$/.test(phase));

/** What is told of one exchange. */
export class Observation implements StepObserver {
  readonly #telemetry: Telemetry;
  readonly #cells: Float64Array;
  readonly #startedAt = performance.now();
  /** What makes a time of ours one of the day; it stays as it is if the day's clock jumps. */
  readonly #epoch = Date.now() - this.#startedAt;
  /** When each region came into its phase. */
  readonly #enteredAt: number[] = new Array(REGIONS).fill(this.#startedAt);
  #span: ExchangeSpan | undefined;
  #firstTokenAt = 0;
  /** What the exchange holds; read while it is in flight, and not afterwards. */
  holder: Holder | undefined;

  constructor(telemetry: Telemetry, id: string, headerOf: HeaderOf) {
    this.#telemetry = telemetry;
    this.#cells = telemetry.lifecycle.cells;
    try {
      this.#span = telemetry.tracing?.begin(id, headerOf, this.#startedAt + this.#epoch);
    } catch (error) {
      telemetry.failed(error);
    }
  }

  /** What tells an upstream that it works for this exchange; undefined where no span is recorded. */
  get baton(): Baton | undefined {
    try {
      return this.#span && this.#telemetry.tracing?.batonOf(this.#span);
    } catch (error) {
      this.#telemetry.failed(error);
      return undefined;
    }
  }

  stepped(event: number, before: number, after: number): void {
    this.#cells[before * WIDTH + event]!++;
    if (before !== after) this.#moved(before, after);
    else if (event === PROGRESS && this.#firstTokenAt === 0) this.#firstTokenAt = performance.now();
  }

  /** The exchange is over, and this is what it came to. It never throws. */
  recorded(record: UsageRecord, circumstances: Circumstances): void {
    try {
      this.#record(record, circumstances);
    } catch (error) {
      this.#telemetry.failed(error);
    }
  }

  #moved(before: number, after: number): void {
    const now = performance.now();
    try {
      for (const { region, left, entered } of movesOf(before, after)) {
        if (left >= 0) {
          const seconds = (now - (this.#enteredAt[region] as number)) / 1_000;
          this.#telemetry.instruments.leftState(left, seconds);
        }
        this.#enteredAt[region] = now;
        if (entered >= 0 && TOLD[entered]) {
          this.#span?.entered(entered, now + this.#epoch);
        }
      }
      if (isProcessed[after] === 1) this.#processed(now);
    } catch (error) {
      this.#telemetry.failed(error);
    }
  }

  #record(record: UsageRecord, { streams, requestModel }: Circumstances): void {
    const { instruments, labels, models, providerKey, log } = this.#telemetry;
    const { outcome, usage, durationMs } = record;
    if (outcome === 'completed' && usage.model !== undefined) models.learn(usage.model);
    instruments.recorded(record);
    const operation = operationOf(record);
    if (operation !== undefined) {
      const firstToken =
        streams && outcome === 'completed' && this.#firstTokenAt > 0
          ? (this.#firstTokenAt - this.#startedAt) / 1_000
          : undefined;
      const more = usage.kind === 'final' ? (usage.outputTokens ?? 0) - 1 : 0;
      const perOutputToken =
        firstToken !== undefined && more > 0
          ? Math.max(0, durationMs / 1_000 - firstToken) / more
          : undefined;
      const times = { firstToken, perOutputToken };
      instruments.operation(record, labels.of(operation, record, requestModel), times);
    }
    const span = this.#span;
    this.#span = undefined;
    if (span !== undefined) {
      const model = models.labelOf(requestModel ?? usage.model);
      span.end({ record, operation, model, providerKey }, performance.now() + this.#epoch);
    }
    log?.(record, span?.context.traceId, span?.context.spanId);
  }

  /** What comes now is late, and is counted. */
  #processed(now: number): void {
    this.#telemetry.live.delete(this);
    this.holder = undefined;
    this.#span?.end(undefined, now + this.#epoch);
    this.#span = undefined;
  }
}

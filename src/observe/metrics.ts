/**
 * Every metric there is, in one table: its name, its kind, its unit and what it says.
 *
 * Names are OpenTelemetry's. A Prometheus scrape has them with `_` for `.`, and with the unit and
 * `_total` behind them, as every exporter of OTLP to Prometheus writes them. Times are in seconds
 * and sizes in bytes. The labels of each are from closed lists, or from a list that is bounded
 * (`labels.ts`), so that no peer can make series without end (SEC-21).
 *
 * `gen_ai.*` are OpenTelemetry's conventions for generative AI, with the buckets that they ask for;
 * `nodejs.*` are its conventions for the runtime.
 */

/** A `sum` goes up and down, and those of several servers add up; those of a `gauge` do not. */
export type MetricKind = 'counter' | 'sum' | 'gauge' | 'histogram';

export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  /** In UCUM, as OpenTelemetry asks: `s` seconds, `By` bytes, `{…}` what is counted. */
  readonly unit: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
}

/** From a quick step to the hour that an exchange may take. */
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
  1800, 3600,
];

const GEN_AI = [
  'gen_ai.operation.name',
  // `gen_ai.provider.name` where OTEL_SEMCONV_STABILITY_OPT_IN asks for the newer names.
  'gen_ai.system',
  'gen_ai.request.model',
  'gen_ai.response.model',
  'interlock.upstream',
];

export const METRICS = {
  inFlight: {
    name: 'interlock.exchanges.in_flight',
    kind: 'sum',
    unit: '{exchange}',
    description: 'Exchanges that are not processed, by each state that they are in',
    labels: ['state'],
  },
  transitions: {
    name: 'interlock.transitions',
    kind: 'counter',
    unit: '{event}',
    description: 'Events that exchanges answered, by how: taken, absorbed or as a violation',
    labels: ['event', 'answer'],
  },
  stateDuration: {
    name: 'interlock.state.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time that exchanges were in each state, once they left it',
    labels: ['state'],
    buckets: SECONDS,
  },
  outcomes: {
    name: 'interlock.outcomes',
    kind: 'counter',
    unit: '{exchange}',
    description: 'Exchanges by their outcome',
    labels: ['outcome'],
  },
  duration: {
    name: 'interlock.exchange.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time from the first event of an exchange to its usage record',
    labels: ['outcome', 'route'],
    buckets: SECONDS,
  },
  anomalies: {
    name: 'interlock.anomalies',
    kind: 'counter',
    unit: '{anomaly}',
    description: 'What was absorbed that a healthy peer does not do, by kind',
    labels: ['anomaly'],
  },
  deadlines: {
    name: 'interlock.deadlines.fired',
    kind: 'counter',
    unit: '{deadline}',
    description: 'Deadlines that expired, and whether that changed anything',
    labels: ['deadline', 'answer'],
  },
  heals: {
    name: 'interlock.heals',
    kind: 'counter',
    unit: '{heal}',
    description: 'What a standing rule has set right, by the rule',
    labels: ['rule'],
  },
  usage: {
    name: 'interlock.usage',
    kind: 'counter',
    unit: '{exchange}',
    description: 'Exchanges by the source of their usage, and why it is unknown where it is',
    labels: ['kind', 'reason'],
  },
  bufferSize: {
    name: 'interlock.buffer.size',
    kind: 'sum',
    unit: 'By',
    description: 'Memory held to read the usage of responses in flight',
    labels: [],
  },
  bufferGrowths: {
    name: 'interlock.buffer.growths',
    kind: 'counter',
    unit: '{growth}',
    description: 'Times that a response buffer was too small and was replaced by a larger one',
    labels: [],
  },
  bufferCopied: {
    name: 'interlock.buffer.copied',
    kind: 'counter',
    unit: 'By',
    description: 'Bytes that were copied anew because a response buffer grew',
    labels: [],
  },
  bufferRefusals: {
    name: 'interlock.buffer.refusals',
    kind: 'counter',
    unit: '{refusal}',
    description: 'Times that a response did not fit into what may be held of it',
    labels: [],
  },
  delayMedian: {
    name: 'nodejs.eventloop.delay.p50',
    kind: 'gauge',
    unit: 's',
    description: 'Event loop 50 percentile delay',
    labels: [],
  },
  delayP99: {
    name: 'nodejs.eventloop.delay.p99',
    kind: 'gauge',
    unit: 's',
    description: 'Event loop 99 percentile delay',
    labels: [],
  },
  delayMax: {
    name: 'nodejs.eventloop.delay.max',
    kind: 'gauge',
    unit: 's',
    description: 'Event loop maximum delay',
    labels: [],
  },
  requestDuration: {
    name: 'gen_ai.server.request.duration',
    kind: 'histogram',
    unit: 's',
    description:
      'Generative AI server request duration such as time-to-last byte or last output token',
    labels: [...GEN_AI, 'error.type'],
    buckets: [
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ],
  },
  timeToFirstToken: {
    name: 'gen_ai.server.time_to_first_token',
    kind: 'histogram',
    unit: 's',
    description: 'Time to generate first token for successful responses',
    labels: GEN_AI,
    buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
  timePerOutputToken: {
    name: 'gen_ai.server.time_per_output_token',
    kind: 'histogram',
    unit: 's',
    description: 'Time per output token generated after the first token for successful responses',
    labels: GEN_AI,
    buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  },
  tokens: {
    name: 'gen_ai.client.token.usage',
    kind: 'histogram',
    unit: '{token}',
    description: 'Number of input and output tokens used',
    labels: [...GEN_AI, 'gen_ai.token.type'],
    buckets: [
      1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
      67_108_864,
    ],
  },
} as const satisfies Record<string, Metric>;

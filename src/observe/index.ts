/** What embedders import as `interlock/observe`: metrics and spans by the OpenTelemetry API alone. */
export type { UsageRecord } from '../accounting/ledger.js';
export { METRICS, type Metric, type MetricKind } from './metrics.js';
export type { Circumstances, Holder, Observation } from './observation.js';
export type { HeaderOf } from './spans.js';
export { type ExchangeLog, Telemetry, type TelemetryOptions } from './telemetry.js';

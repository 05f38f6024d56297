/** What the exchanges of one gateway share, as a relay sees it. */
import type { Ledger } from '../../accounting/ledger.js';
import type { AccountingLimits } from '../../accounting/usage.js';
import type { Telemetry } from '../../observe/telemetry.js';
import type { TraceSink } from '../../trace.js';
import type { Clock } from '../deadlines.js';
import type { Sizers } from '../routes.js';
import type { GatewayConfig } from './config.js';
import type { Relay } from './relay.js';
import type { Upstreams } from './upstreams.js';

export interface Gateway {
  readonly config: GatewayConfig;
  readonly upstreams: Upstreams;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly accountingLimits: Partial<AccountingLimits>;
  readonly trace: TraceSink | undefined;
  readonly telemetry: Telemetry | undefined;
  /** Told, for people, what went wrong inside. */
  readonly warn: (message: string) => void;
  readonly sizers: Sizers;
  /** An exchange is processed. */
  forget(relay: Relay): void;
}

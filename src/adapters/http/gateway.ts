/** What the exchanges of one gateway share, as a relay sees it. */
import type { Ledger } from '../../accounting/ledger.js';
import type { AccountingLimits } from '../../accounting/usage.js';
import type { Clock } from '../deadlines.js';
import type { Observers } from '../observers.js';
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
  readonly observers: Observers;
  /** Told, for people, what went wrong inside. */
  readonly warn: (message: string) => void;
  readonly sizers: Sizers;
  /** An exchange is processed. */
  forget(relay: Relay): void;
}

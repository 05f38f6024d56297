/** What the exchanges of one ext_proc server share, as one of them sees it. */
import type { Ledger } from '../../accounting/ledger.js';
import type { AccountingLimits } from '../../accounting/usage.js';
import type { Refusal } from '../answers.js';
import type { Clock, DeadlineTimes } from '../deadlines.js';
import type { Observers } from '../observers.js';
import type { Routes, Sizers } from '../routes.js';
import type { EndpointConfig, ExtProcConfig } from './config.js';
import type { Processing } from './processing.js';

/** An upstream that Envoy can be told to go to. */
export interface Destination extends EndpointConfig {
  /** Exchanges that were sent there and have no outcome yet. */
  inFlight: number;
}

export interface Shared {
  readonly config: ExtProcConfig;
  readonly times: DeadlineTimes;
  readonly routes: Routes<Destination>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly accountingLimits: Partial<AccountingLimits>;
  readonly observers: Observers;
  /** Why no request is taken any more, once none is. */
  readonly refusal: Refusal | undefined;
  /** Told, for people, what went wrong inside. */
  readonly warn: (message: string) => void;
  readonly sizers: Sizers;
  /** An exchange is processed. */
  forget(processing: Processing): void;
}

/**
 * The ext_proc server: Envoy shows it the exchanges that pass through, and asks what to do with
 * them. It owns streams, admission and shutdown; each exchange is a `Processing`.
 */
import { randomBytes } from 'node:crypto';
import type { ServerCredentials } from '@grpc/grpc-js';
import { status as Code, ServerCredentials as credentialsFor } from '@grpc/grpc-js';
import type { Ledger } from '../../accounting/ledger.js';
import type { AccountingLimits } from '../../accounting/usage.js';
import type { Member } from '../../roster.js';
import { Roster } from '../../roster.js';
import type { Refusal } from '../answers.js';
import { Audits, accountsOf, driftOf } from '../audits.js';
import type { DeadlineTimes } from '../deadlines.js';
import { Clock } from '../deadlines.js';
import { TOLD } from '../fleet.js';
import type { Observers } from '../observers.js';
import { Routes, Sizers } from '../routes.js';
import { guarded, warnOnStderr } from '../warnings.js';
import type { ExtProcConfig } from './config.js';
import { timesOf } from './config.js';
import type { Call } from './conversation.js';
import { Endpoint } from './endpoint.js';
import { Processing } from './processing.js';
import type { Destination, Shared } from './shared.js';
import type { ProcessingRequest } from './wire.js';

const DRAINING: Refusal = {
  status: 503,
  code: 'draining',
  message: 'The gateway is shutting down.',
  retryAfterSeconds: 1,
};

/** How long a drained stream is waited for, first until its peer ends it, then after we did. */
const PARTING_MS = 1_000;

export interface ExtProcServerOptions extends Observers {
  readonly config: ExtProcConfig;
  /** Where the usage records go. The caller closes it, after the server. */
  readonly ledger: Ledger;
  /** Told, for people, what went wrong inside. Default: a line on stderr. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Whose streams are taken, beyond what the credentials ask for. Gives why one is not. */
  readonly admits?: ((call: Call) => string | undefined) | undefined;
}

/** A stream that gRPC has open. */
interface OpenStream extends Member {
  readonly call: Call;
}

export class ExtProcServer implements Shared {
  readonly config: ExtProcConfig;
  readonly times: DeadlineTimes;
  readonly routes: Routes<Destination>;
  readonly ledger: Ledger;
  readonly clock = new Clock();
  readonly accountingLimits: Partial<AccountingLimits>;
  readonly observers: Observers;
  readonly warn: (message: string) => void;
  refusal: Refusal | undefined;
  readonly #admits: (call: Call) => string | undefined;
  readonly #endpoint: Endpoint;
  readonly #live = new Roster<Processing>();
  readonly #open = new Roster<OpenStream>();
  readonly sizers: Sizers;
  readonly destinations: readonly Destination[];
  readonly #audits: Audits;
  readonly #boot = randomBytes(6).toString('hex');
  #address = '';
  #count = 0;
  #idle: (() => void)[] = [];
  #parted: (() => void) | undefined;

  constructor(options: ExtProcServerOptions) {
    const { config, ledger, warn = warnOnStderr, admits = () => undefined } = options;
    const { trace, telemetry, watch } = options;
    this.config = config;
    this.#admits = admits;
    this.times = timesOf(config);
    this.ledger = ledger;
    this.warn = warn;
    this.observers = { trace: trace && guarded(trace, warn), telemetry, watch };
    this.accountingLimits = config.accounting as Partial<AccountingLimits>;
    this.sizers = new Sizers(config.accounting.bufferBudgetBytes);
    this.destinations = config.upstreams.map((item) => ({ ...item, inFlight: 0 }));
    this.routes = new Routes(config.routes, this.destinations, config.ejection, (what, id) => {
      if (what === 'ejection') telemetry?.healed('failingUpstream');
      warn(`upstream ${id} ${TOLD[what]}`);
    });
    const accounts = accountsOf(this.destinations, this.sizers.budget, () => this.#live);
    this.#audits = new Audits(accounts, config.auditMs, (name, by) => {
      telemetry?.healed('driftedAccounting');
      warn(driftOf(name, by));
    });
    this.#endpoint = new Endpoint(config.limits, (call) => this.#serve(call));
  }

  /**
   * Binds `host:port` (port 0 takes a free one) or `unix:path`. Rejects with the system's error.
   * Default: plaintext, which only this machine should be able to reach.
   */
  async listen(
    address: string,
    credentials: ServerCredentials = credentialsFor.createInsecure(),
  ): Promise<void> {
    this.#address = await this.#endpoint.listen(address, credentials);
  }

  /** Answers health checks, and nothing else, at another address too. Gives what was bound. */
  listenHealth(address: string): Promise<string> {
    return this.#endpoint.listenHealth(address, credentialsFor.createInsecure());
  }

  /** What was bound last: `host:port`, or `unix:path`. */
  get address(): string {
    return this.#address;
  }

  /** How many exchanges are not processed. */
  get inFlight(): number {
    return this.#live.size;
  }

  /**
   * Takes no more exchanges. Resolves when the last is processed, which `drain` bounds, and the
   * streams have ended: their peers may still have late messages to be answered, for a moment.
   */
  async drain(): Promise<void> {
    this.refusal = DRAINING;
    // The machine bounds each exchange; the connections are let go of a little later.
    const { drain, settle } = this.config.deadlines;
    this.#endpoint.drain(drain === 0 ? Infinity : drain + settle);
    for (const processing of this.#live) processing.drain(false);
    await this.#allProcessed();
    await this.#allEnded(PARTING_MS);
    for (const { call } of this.#open) call.end();
    await this.#endpoint.finish(PARTING_MS);
  }

  /** Ends what is still in flight as if the drain deadline had come: each is recorded. */
  cut(): void {
    for (const processing of this.#live) processing.drain(true);
  }

  /** Cuts what is left, and lets go of every stream. */
  async close(): Promise<void> {
    this.#endpoint.close();
    await this.#allProcessed();
    this.routes.close();
    this.#audits.close();
  }

  forget(processing: Processing): void {
    this.#live.delete(processing);
    if (this.#live.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  /** A stream is an exchange from its first message on. */
  #serve(call: Call): void {
    // gRPC's own faults, such as a message that is too large, are told to the peer by gRPC.
    call.on('error', () => {});
    const details = this.#admits(call);
    if (details !== undefined) {
      call.emit('error', { code: Code.PERMISSION_DENIED, details });
      return;
    }
    const stream: OpenStream = { call, rosterPlace: -1 };
    this.#open.add(stream);
    call.once('close', () => this.#ended(stream));
    call.once('data', (first: ProcessingRequest) => {
      const processing = new Processing(this, `${this.#boot}-${this.#count++}`, call, first);
      this.#live.add(processing);
      call.on('data', (message: ProcessingRequest) => processing.receive(message));
      // Before our own end, which nothing can be answered after.
      call.prependListener('end', () => processing.closed());
      // However a stream ends, this is told, and it is told last.
      call.on('close', () => processing.closed());
      if (this.refusal !== undefined) processing.drain(false);
      processing.receive(first);
    });
    call.on('end', () => call.end());
  }

  #ended(stream: OpenStream): void {
    this.#open.delete(stream);
    if (this.#open.size === 0) this.#parted?.();
  }

  /** Resolves when no stream is open, and at the latest after so long. */
  async #allEnded(ms: number): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#parted = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #allProcessed(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}

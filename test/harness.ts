/**
 * A gateway between a raw client and the scripted upstream, on real sockets, with its real ledger.
 *
 * `close()` shuts all of it and holds every recorded trace against the machine, so each test that
 * uses the harness also claims that what it did was a run of the machine, with one record each.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { Ledger } from '../src/accounting/ledger.js';
import { checkConfig } from '../src/adapters/http/config.js';
import { HttpGateway } from '../src/adapters/http/server.js';
import type { Telemetry } from '../src/observe/telemetry.js';
import type { Watch } from '../src/observe/watch.js';
import { start, step, table } from '../src/step.js';
import type { TraceRecord, TraceSink } from '../src/trace.js';
import { eventOf, wordOf } from '../src/trace.js';
import type { Upstream, UpstreamOptions } from '../src/upstream/index.js';
import { startUpstream } from '../src/upstream/index.js';

export interface WorldOptions {
  /** What the YAML file would say, but for `upstreams`. */
  readonly config?: Record<string, unknown>;
  /** Upstreams in place of the scripted one. */
  readonly upstreams?: readonly { id: string; url: string }[];
  readonly upstream?: UpstreamOptions;
  /** A larger file of usage records than a test's own: a path that the ledger is to use. */
  readonly ledgerPath?: string;
  /** Gets every record too, once the harness has noted it. */
  readonly trace?: TraceSink;
  readonly telemetry?: Telemetry;
  readonly watch?: Watch;
}

export class World {
  readonly traces: TraceRecord[] = [];
  readonly warnings: string[] = [];
  readonly #waiting: { ready: () => boolean; resolve: () => void }[] = [];

  private constructor(
    readonly gateway: HttpGateway,
    readonly upstream: Upstream,
    readonly ledger: Ledger,
    readonly ledgerPath: string,
    readonly folder: string,
  ) {}

  static async start(options: WorldOptions = {}): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
    const ledgerPath = options.ledgerPath ?? join(folder, 'usage.ndjson');
    const upstream = await startUpstream(options.upstream);
    const ledger = await Ledger.open(ledgerPath);
    const upstreams = options.upstreams ?? [{ id: 'scripted', url: upstream.url }];
    const config = checkConfig({ upstreams, ...options.config }, 'the test');
    const gateway = new HttpGateway({
      config,
      ledger,
      trace: (record) => {
        world.#traced(record);
        options.trace?.(record);
      },
      warn: (message) => {
        world.warnings.push(message);
        world.#wake();
      },
      telemetry: options.telemetry,
      watch: options.watch,
    });
    const world = new World(gateway, upstream, ledger, ledgerPath, folder);
    await gateway.listen('127.0.0.1', 0);
    return world;
  }

  get url(): string {
    return this.gateway.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The usage records that were written, in their order. */
  get records(): UsageRecord[] {
    const lines = readFileSync(this.ledgerPath, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as UsageRecord);
  }

  /** Resolves once `count` exchanges are recorded, with all records. */
  async recorded(count = 1): Promise<UsageRecord[]> {
    await this.until(() => this.#told('usage.recorded') >= count);
    return this.records;
  }

  /** Resolves once a trace, or a warning, makes `ready` true. It waits for events, not for time. */
  until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ ready, resolve }));
  }

  /** Resolves once this event was taken `count` times, by its text: `response.body(false)`. */
  event(text: string, count = 1): Promise<void> {
    return this.until(() => this.#told(text) >= count);
  }

  /** Closes everything, and holds every trace against the machine. */
  async close(): Promise<void> {
    await this.gateway.close();
    await this.upstream.close();
    await this.ledger.close();
    rmSync(this.folder, { recursive: true, force: true });
    expectRuns(this.traces);
  }

  #told(text: string): number {
    return this.traces.filter((record) => record.event === text).length;
  }

  #traced(record: TraceRecord): void {
    this.traces.push(record);
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiting.slice()) {
      if (!waiter.ready()) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve();
    }
  }
}

/** Each exchange of a trace is a run of the machine, and ends processed, recorded exactly once. */
export function expectRuns(traces: readonly TraceRecord[]): void {
  for (const records of exchangesOf(traces).values()) {
    let state = start();
    for (const record of records) {
      const taken = step(state, eventOf(record.event)!);
      state = taken.state;
      const ordered = taken.commands.map(wordOf);
      // By hand: there are suites with a million of these.
      const isRun = record.state === table.states[state] && `${record.commands}` === `${ordered}`;
      if (!isRun) expect(record).toMatchObject({ state: table.states[state], commands: ordered });
    }
    const orders = records.flatMap((record) => record.commands);
    const recorded = orders.filter((order) => order.startsWith('recordUsage')).length;
    const released = orders.filter((order) => order === 'releaseBuffer').length;
    if (!table.states[state]?.startsWith('processed.') || recorded !== 1 || released !== 1) {
      expect.fail(`not processed and recorded once: ${JSON.stringify(records, null, 1)}`);
    }
  }
}

/** The records of each exchange, by its id. */
export function exchangesOf(traces: readonly TraceRecord[]): Map<string, TraceRecord[]> {
  const exchanges = new Map<string, TraceRecord[]>();
  for (const record of traces) {
    const records = exchanges.get(record.exchange);
    if (records === undefined) exchanges.set(record.exchange, [record]);
    else records.push(record);
  }
  return exchanges;
}

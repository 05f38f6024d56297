/**
 * An ext_proc server and a client that is no more than Envoy's hand, over real gRPC.
 *
 * `close()` shuts both and holds every recorded trace against the machine, so each test that uses
 * the world also claims that what it did was a run of the machine, with one record each.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageRecord } from '../../src/accounting/ledger.js';
import { Ledger } from '../../src/accounting/ledger.js';
import { checkConfig } from '../../src/adapters/ext-proc/config.js';
import { ExtProcServer } from '../../src/adapters/ext-proc/server.js';
import type { ProcessingRequest, ProcessingResponse } from '../../src/adapters/ext-proc/wire.js';
import type { StreamEnd } from '../../src/envoy/stream.js';
import { EnvoyClient } from '../../src/envoy/stream.js';
import type { Telemetry } from '../../src/observe/telemetry.js';
import type { Watch } from '../../src/observe/watch.js';
import type { TraceRecord } from '../../src/trace.js';
import { expectRuns } from '../harness.js';

/** How a stream is left: Envoy says no more, or resets it, or waits for the server to end it. */
export type Leaving = 'halfClose' | 'cancel' | 'wait';

export interface Told {
  readonly answers: readonly ProcessingResponse[];
  readonly end: StreamEnd;
}

export class EnvoyWorld {
  readonly traces: TraceRecord[] = [];
  readonly warnings: string[] = [];
  #waiting: (() => void)[] = [];

  private constructor(
    readonly server: ExtProcServer,
    readonly client: EnvoyClient,
    readonly ledger: Ledger,
    readonly folder: string,
  ) {}

  /** `config` is what the YAML file would say. */
  static async start(
    config: Record<string, unknown> = {},
    telemetry?: Telemetry,
    watch?: Watch,
  ): Promise<EnvoyWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
    const ledger = await Ledger.open(join(folder, 'usage.ndjson'));
    const server = new ExtProcServer({
      config: checkConfig(config, 'the test'),
      ledger,
      trace: (record) => world.#traced(record),
      warn: (message) => {
        world.warnings.push(message);
        world.#wake();
      },
      telemetry,
      watch,
    });
    await server.listen('127.0.0.1:0');
    const world = new EnvoyWorld(server, new EnvoyClient(server.address), ledger, folder);
    return world;
  }

  /** The usage records that were written, in their order. */
  get records(): UsageRecord[] {
    const lines = readFileSync(join(this.folder, 'usage.ndjson'), 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as UsageRecord);
  }

  /** Resolves once `count` exchanges are recorded, with all records. */
  async recorded(count = 1): Promise<UsageRecord[]> {
    await this.event('usage.recorded', count);
    return this.records;
  }

  /** Resolves once this event was taken `count` times, by its text: `response.body(false)`. */
  event(text: string, count = 1): Promise<void> {
    return this.until(() => this.traces.filter(({ event }) => event === text).length >= count);
  }

  /** Resolves once a trace, or a warning, makes `ready` true. It waits for events, not for time. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>((wake) => this.#waiting.push(wake));
  }

  /** Sends messages at once, as Envoy may where it does not wait, leaves, and gives what came. */
  async say(messages: readonly ProcessingRequest[], leaving: Leaving = 'halfClose'): Promise<Told> {
    const stream = this.client.open();
    for (const message of messages) void stream.send(message);
    if (leaving === 'halfClose') stream.halfClose();
    if (leaving === 'cancel') {
      await stream.until(() => stream.answers.length >= messages.length);
      stream.cancel();
    }
    const end = await stream.ended;
    return { answers: stream.answers, end };
  }

  /** Closes everything, and holds every trace against the machine. */
  async close(): Promise<void> {
    this.client.close();
    await this.server.close();
    await this.ledger.close();
    rmSync(this.folder, { recursive: true, force: true });
    expectRuns(this.traces);
  }

  #traced(record: TraceRecord): void {
    this.traces.push(record);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

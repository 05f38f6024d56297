/**
 * The bug, live: the server of the bug and the right one under the same traffic, over real gRPC.
 *
 * Both run in this process, one after the other; all that is told of them was measured.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from '../accounting/ledger.js';
import { checkConfig } from '../adapters/ext-proc/config.js';
import { LegacyServer } from '../adapters/ext-proc/legacy.js';
import { ExtProcServer } from '../adapters/ext-proc/server.js';
import type { TraceRecord } from '../trace.js';
import { drive } from './driver.js';
import type { Counts } from './tally.js';
import { Tally } from './tally.js';
import type { Traffic } from './traffic.js';
import { trafficOf } from './traffic.js';

export type ServerName = 'legacy' | 'interlock';

export interface DemoOptions extends Partial<Traffic> {
  /** Once aborted, everything is closed and the run rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gets every record of every exchange. */
  readonly trace?: ((server: ServerName, record: TraceRecord) => void) | undefined;
}

export type Side = Counts & { readonly ms: number };

export interface DemoReport extends Traffic {
  readonly servers: Readonly<Record<ServerName, Side>>;
}

/** Runs both servers, and leaves nothing behind. */
export async function runDemo(options: DemoOptions = {}): Promise<DemoReport> {
  const traffic = trafficOf(options);
  const folder = mkdtempSync(join(tmpdir(), 'interlock-demo-'));
  try {
    const legacy = await run('legacy', traffic, folder, options);
    const interlock = await run('interlock', traffic, folder, options);
    return { ...traffic, servers: { legacy, interlock } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(
  name: ServerName,
  traffic: Traffic,
  folder: string,
  { signal, trace }: DemoOptions,
): Promise<Side> {
  const tally = new Tally();
  const file = join(folder, `${name}.ndjson`);
  const ledger = await Ledger.open(file);
  const traced = (record: TraceRecord) => {
    tally.traced(record);
    trace?.(name, record);
  };
  const server = serverOf(name, ledger, traced);
  let ms: number;
  try {
    await server.listen('127.0.0.1:0');
    const startedAt = performance.now();
    await drive(server.address, traffic, (planned, play) => tally.played(planned, play), signal);
    ms = performance.now() - startedAt;
  } finally {
    await server.close();
    await ledger.close();
  }
  return { ...tally.close(file), ms };
}

function serverOf(name: ServerName, ledger: Ledger, trace: (record: TraceRecord) => void) {
  if (name === 'legacy') return new LegacyServer({ ledger, trace });
  return new ExtProcServer({ config: checkConfig({}, 'the demo'), ledger, trace });
}

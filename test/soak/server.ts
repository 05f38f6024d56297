/** The server of the soak, in a process of its own, so that its heap can be measured alone. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../../src/accounting/ledger.js';
import { checkConfig } from '../../src/adapters/ext-proc/config.js';
import { ExtProcServer } from '../../src/adapters/ext-proc/server.js';

export interface Hello {
  readonly address: string;
  readonly ledger: string;
}

/** What is held when nothing is in flight, after a garbage collection. */
export interface Sample {
  readonly bytes: number;
  readonly inFlight: number;
  readonly warnings: readonly string[];
}

const CONFIG = {
  upstreams: [
    { id: 'one', endpoint: 'one.test:80' },
    { id: 'two', endpoint: 'two.test:80', headers: { 'x-key': 'secret' } },
  ],
  routes: [
    { path: '/by-model', models: ['model-*'], upstreams: ['one', 'two'] },
    { path: '/', upstreams: ['one'] },
  ],
  streamSse: true,
};

const warnings: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'interlock-soak-'));
const path = join(folder, 'usage.ndjson');
const ledger = await Ledger.open(path);
const server = new ExtProcServer({
  config: checkConfig(CONFIG, 'the soak'),
  ledger,
  warn: (message) => warnings.push(message),
});
await server.listen('127.0.0.1:0');

async function sample(): Promise<Sample> {
  // Envoy may have left before the server has heard of it.
  for (let waits = 0; server.inFlight > 0 && waits < 100; waits++) await sleep(50);
  await sleep(50);
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return { bytes: heapUsed + external, inFlight: server.inFlight, warnings };
}

process.on('message', async (question: 'sample' | 'close') => {
  if (question === 'sample') {
    process.send?.(await sample());
    return;
  }
  await server.close();
  await ledger.close();
  process.send?.('closed');
});
process.on('disconnect', () => process.exit(0));
process.send?.({ address: server.address, ledger: path } satisfies Hello);

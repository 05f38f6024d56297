/** The project's own server, as one under judgement: with its real ledger, in a file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageRecord } from '../../src/accounting/ledger.js';
import { Ledger } from '../../src/accounting/ledger.js';
import { checkConfig } from '../../src/adapters/ext-proc/config.js';
import { ExtProcServer } from '../../src/adapters/ext-proc/server.js';
import type { Judged } from './judge.js';

/** The ledger keeps the order of what it is given: once this is written, so is all before it. */
const MARK: UsageRecord = {
  v: 1,
  exchange: 'mark',
  at: '',
  outcome: '',
  usage: { kind: 'unknown', reason: 'not_started' },
  requestBytes: 0,
  responseBytes: 0,
  durationMs: 0,
};

export async function serveOurs(warnings: string[]): Promise<Judged> {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
  const file = join(folder, 'usage.ndjson');
  const ledger = await Ledger.open(file);
  const server = new ExtProcServer({
    config: checkConfig({}, 'the test'),
    ledger,
    warn: (message) => warnings.push(message),
  });
  await server.listen('127.0.0.1:0');
  return {
    target: server.address,
    records: async () => {
      await ledger.write(MARK);
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
      const records = lines.map((line) => JSON.parse(line) as UsageRecord);
      return records.filter(({ exchange }) => exchange !== MARK.exchange);
    },
    close: async () => {
      await server.close();
      await ledger.close();
      rmSync(folder, { recursive: true });
    },
  };
}

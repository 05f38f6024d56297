import { execFile, execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import {
  appendFile,
  mkdtemp,
  open,
  readFile,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord, Ledger, LedgerError, type UsageRecord } from '../src/accounting/ledger.js';

function record(exchange: string, more: Partial<UsageRecord> = {}): UsageRecord {
  return {
    v: 1,
    exchange,
    at: '2026-01-01T00:00:00.000Z',
    outcome: 'completed',
    usage: { kind: 'final', totalTokens: 5 },
    requestBytes: 1,
    responseBytes: 2,
    durationMs: 3,
    ...more,
  };
}

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  path = join(directory, 'usage.ndjson');
});
afterEach(() => rm(directory, { recursive: true }));

async function lines(): Promise<UsageRecord[]> {
  const text = await readFile(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as UsageRecord);
}

const fault = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as LedgerError,
  );

describe('the ledger', () => {
  it('writes each record as one line, in order, and appends to what is there', async () => {
    for (const names of [['a', 'b'], ['c']]) {
      const ledger = await Ledger.open(path);
      expect(ledger.tornBytes).toBe(0);
      await Promise.all(names.map((name) => ledger.write(record(name))));
      await ledger.close();
    }
    expect((await lines()).map((line) => line.exchange)).toEqual(['a', 'b', 'c']);
  });

  it('has written what was asked when close resolves', async () => {
    const ledger = await Ledger.open(path);
    const writes = Array.from({ length: 5000 }, (_, i) => ledger.write(record(String(i))));
    await ledger.close();
    await ledger.close();
    await Promise.all(writes);
    expect(await lines()).toHaveLength(5000);
    expect((await fault(ledger.write(record('late'))))?.code).toBe('INTERLOCK_LEDGER_CLOSED');
  });

  it('moves a torn last line away at open and says so', async () => {
    const whole = encodeRecord(record('a'));
    for (const torn of ['{"v":1,"exch', 'x'.repeat(200_000)]) {
      await writeFile(path, whole + torn);
      await rm(`${path}.torn`, { force: true });
      const ledger = await Ledger.open(path);
      expect(ledger.tornBytes).toBe(torn.length);
      await ledger.write(record('b'));
      await ledger.close();
      expect((await lines()).map((line) => line.exchange)).toEqual(['a', 'b']);
      expect(await readFile(`${path}.torn`, 'utf8')).toBe(`${torn}\n`);
    }
  });

  it('moves a file that is one torn line, and adds to the torn lines of before', async () => {
    await writeFile(path, '{"v"');
    await (await Ledger.open(path)).close();
    expect(await readFile(path, 'utf8')).toBe('');
    await writeFile(path, '{"w"');
    await (await Ledger.open(path)).close();
    expect(await readFile(`${path}.torn`, 'utf8')).toBe('{"v"\n{"w"\n');
  });

  it('keeps the lines of two writers whole', async () => {
    const ledgers = [await Ledger.open(path), await Ledger.open(path)];
    const text = 'x'.repeat(200);
    for (let round = 0; round < 50; round++) {
      const names = Array.from({ length: 20 }, (_, i) => `${round}.${i}.${text}`);
      await Promise.all(
        ledgers.flatMap((ledger) => names.map((name) => ledger.write(record(name)))),
      );
    }
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    expect(await lines()).toHaveLength(2000);
  });

  it('rejects at open where there is no directory, and says what to do', async () => {
    const error = await fault(Ledger.open(join(directory, 'none', 'x')));
    expect(error).toBeInstanceOf(LedgerError);
    expect(error).toMatchObject({ code: 'INTERLOCK_LEDGER_OPEN', cause: { code: 'ENOENT' } });
    expect(error?.message).toContain('Check the path');
    expect((await fault(Ledger.open(directory)))?.cause).toMatchObject({ code: 'EISDIR' });
  });

  it('rejects the records that a full disk refuses, and works again when it recovers', async () => {
    await symlink('/dev/full', path);
    const ledger = await Ledger.open(path);
    const errors = await Promise.all([1, 2].map(() => fault(ledger.write(record('lost')))));
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'INTERLOCK_LEDGER_WRITE', cause: { code: 'ENOSPC' } });
    }
    await unlink(path);
    await ledger.write(record('kept'));
    await ledger.close();
    expect((await lines()).map((line) => line.exchange)).toEqual(['kept']);
  });

  it('does not glue a record to a line that the failure tore', async () => {
    await symlink('/dev/full', path);
    const ledger = await Ledger.open(path);
    await fault(ledger.write(record('lost')));
    await unlink(path);
    await writeFile(path, `${encodeRecord(record('a'))}{"torn"`);
    await ledger.write(record('b'));
    await ledger.close();
    expect(ledger.tornBytes).toBe(7);
    expect((await lines()).map((line) => line.exchange)).toEqual(['a', 'b']);
  });

  it('does not wait for ever, at its end, for a pipe that nobody reads, and says what it lost', async () => {
    execFileSync('mkfifo', [path]);
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const ledger = await Ledger.open(path);
    // More than a pipe holds, and then one that is not even begun.
    const big = record('x', { anomalies: Object.fromEntries(range(20_000)) });
    const begun = fault(ledger.write(big));
    // Before there is anything to read, a read of such a pipe is an error.
    const heard = () => reader.read(Buffer.alloc(1)).catch(() => undefined);
    while ((await heard()) === undefined);
    const writes = [begun, fault(ledger.write(record('y')))];
    expect(ledger.failing).toBe(false);
    await expect.poll(() => ledger.failing, { timeout: 10_000 }).toBe(true);
    const stuck = {
      code: 'INTERLOCK_LEDGER_STUCK',
      message: expect.stringMatching(/last 2 records/),
    };
    expect(await fault(ledger.close(50))).toMatchObject(stuck);
    expect(await Promise.all(writes)).toMatchObject([stuck, stuck]);
    await reader.close();
  });

  it('is waited for at its end as long as whoever reads it goes on, however slowly', async () => {
    execFileSync('mkfifo', [path]);
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const ledger = await Ledger.open(path);
    const big = record('x', { anomalies: Object.fromEntries(range(50_000)) });
    // Each is a write of its own, and all of them take longer than what one may.
    const writes = Promise.all(Array.from({ length: 8 }, () => fault(ledger.write(big))));
    let closed = false;
    const closing = ledger.close(500).finally(() => {
      closed = true;
    });
    const piece = Buffer.alloc(1024 * 1024);
    while (!closed) {
      await reader.read(piece).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await closing;
    expect(await writes).toEqual(Array(8).fill(undefined));
    await reader.close();
  });

  it('takes no more than its queue holds', async () => {
    const ledger = await Ledger.open(path);
    const big = record('x', { anomalies: Object.fromEntries(range(20_000)) });
    const results = await Promise.all(Array.from({ length: 100 }, () => fault(ledger.write(big))));
    const refused = results.filter((error) => error !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map((error) => error.code))).toEqual(new Set(['INTERLOCK_LEDGER_FULL']));
    await Promise.all(results.slice(refused.length).map(() => ledger.write(big)));
    await ledger.close();
    expect(await lines()).toHaveLength(2 * (100 - refused.length));
  });
});

function range(count: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`anomaly.${i}`, i]);
}

describe('stdout', () => {
  const script = `
    import { Ledger } from './src/accounting/ledger.ts';
    const ledger = await Ledger.open('-');
    const results = [];
    for (let i = 0; i < 200; i++) {
      const record = { v: 1, exchange: String(i), path: 'x'.repeat(250), usage: {} };
      await ledger.write(record).then(() => {}, (error) => results.push(error.cause.code));
    }
    await ledger.close();
    process.stderr.write(JSON.stringify([...new Set(results)]));
  `;
  const run = (shell: string) =>
    new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
      const env = { ...process.env, SCRIPT: script, NODE: process.execPath, NODE_NO_WARNINGS: '1' };
      execFile('bash', ['-c', shell], { env }, (error, stdout, stderr) => {
        resolve({ failed: error !== null, stdout, stderr });
      });
    });
  const node = '"$NODE" --import ./src/typescript.js --import "data:text/javascript,0"';
  const evaluate = `${node} --input-type=module -e "$SCRIPT"`;

  it('takes the records as lines', async () => {
    const { failed, stdout, stderr } = await run(evaluate);
    expect([failed, stderr]).toEqual([false, '[]']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(200);
  });

  it('whose reader went away rejects with EPIPE and does not end the process', async () => {
    const { stderr } = await run(`set -o pipefail; ${evaluate} | true`);
    expect(stderr).toContain('EPIPE');
    expect(stderr.trim()).toMatch(/^\["EPIPE"/);
  });
});

describe('the text of a record', () => {
  it('SEC-22 is one line without control characters, with peers cut short', () => {
    const evil = 'a\u001b[2J\n{"level":"fatal"\u2028\u2029\u0085\u009b\u007f\ud800';
    const text = encodeRecord(record('x', { model: evil, path: 'p'.repeat(5000) }));
    expect(text.trimEnd()).toMatch(/^[\u0020-\u007e]*$/);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    const read = JSON.parse(text) as UsageRecord;
    expect(read.model).toBe(evil);
    expect(read.path).toHaveLength(256);
  });

  it('survives a line that was torn while it was written by another', async () => {
    const ledger = await Ledger.open(path);
    await ledger.write(record('a'));
    await appendFile(path, '{"torn"');
    await ledger.close();
    const next = await Ledger.open(path);
    expect(next.tornBytes).toBe(7);
    await next.close();
    expect(await lines()).toHaveLength(1);
  });
});

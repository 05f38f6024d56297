/** `interlock validate` as a process: its exit codes, its input, and what it says where. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { events } from '../machines/events.js';
import { textOf, traceOf } from './logs.js';
import { compiled } from './running.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'interlock-validate-'));
const MAPPINGS = 'src/check/validate/mappings';
let main: string;

beforeAll(() => {
  const built = compiled('validate');
  cpSync(join(root, MAPPINGS), join(built, MAPPINGS), { recursive: true });
  main = join(built, 'src/cli/main.js');
  writeFileSync(join(folder, 'good.ndjson'), good);
  writeFileSync(join(folder, 'good.ndjson.gz'), gzipSync(good));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = textOf(traceOf([events.requestHeaders, events.requestEnd, events.requestRouted]));
const legacy = join(root, 'test/traces/legacy-late-end.ndjson');
const logs = join(root, 'test/logs');

function validate(args: readonly string[], input?: string | Buffer) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, 'validate', ...args],
    // An empty stdin where none is given, so that nothing waits for a terminal.
    { cwd: folder, encoding: 'utf8', input: input ?? '' },
  );
  return { status, stdout, stderr };
}

describe('interlock validate', () => {
  it('exits with 0 for a valid log: a file, gzip, or stdin', () => {
    const said =
      '3 records of 1 exchange in 3 lines: none diverges\n  1 exchange without an outcome\n';
    expect(validate(['good.ndjson'])).toEqual({ status: 0, stdout: said, stderr: '' });
    expect(validate(['good.ndjson.gz'])).toEqual({ status: 0, stdout: said, stderr: '' });
    expect(validate(['-'], gzipSync(good))).toEqual({ status: 0, stdout: said, stderr: '' });
  });

  it('exits with 1 for the trace of the bug, and with 0 if it is held against that machine', () => {
    const { status, stdout } = validate([legacy]);
    expect(status).toBe(1);
    expect(stdout).toContain('legacy-late-end.ndjson:1: exchange "legacy", record 0');
    expect(stdout).toContain('5 records of 1 exchange in 5 lines: 1 diverging');
    expect(stdout).toContain('--machine legacy');
    expect(validate([legacy, '--machine', 'legacy']).status).toBe(0);
  });

  it('exits with 2 for a log that breaks off, and names the line', () => {
    const torn = validate(['-'], good.slice(0, -9));
    expect([torn.status, torn.stdout]).toEqual([
      2,
      expect.stringMatching(/^stdin:3: the log ends in the middle of this line: /),
    ]);
  });

  it('exits with 2 for a log that is none, and says which', () => {
    expect(validate(['nowhere.ndjson'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('LOG nowhere.ndjson: ENOENT'),
    });
    expect(validate([folder]).status).toBe(2);
    expect(validate([]).status).toBe(2);
  });

  it('exits with 2 for a log of nothing', () => {
    expect(validate(['-'], '')).toMatchObject({
      status: 2,
      stdout: '0 records of 0 exchanges in 0 lines: there is nothing to judge\n',
    });
  });

  it('exits with 2 for a flag that says nothing of use', () => {
    expect(validate(['good.ndjson', '--map', 'mine']).stderr).toMatch(
      /^interlock: --map: ENOENT.*accepted/,
    );
    expect(validate(['good.ndjson', '--environment', 'nobody']).status).toBe(2);
  });

  it('exits with 2 for a log that another mapping reads, and names the place', () => {
    const foreign = validate([join(logs, 'go-gateway.txt')]);
    expect(foreign).toMatchObject({ status: 2, stdout: expect.stringContaining('--map') });
    const wrong = validate(['good.ndjson', '--map', 'go-gateway']);
    expect([wrong.status, wrong.stdout]).toEqual([2, expect.stringContaining('good.ndjson:1: ')]);
  });

  it('shows what a terminal would obey, and does not send it there', () => {
    const hostile = validate(['-'], 'x\x1b[31mred\x07\n');
    expect(hostile.stdout).toContain('\\u001b[31mred\\u0007');
    for (const obeyed of ['\x1b', '\x07']) expect(hostile.stdout).not.toContain(obeyed);
  });

  it('takes a mapping of ours by its name, or any by its file', () => {
    const log = join(logs, 'go-gateway.txt');
    expect(validate([log, '--map', 'go-gateway']).status).toBe(0);
    expect(validate([log, '--map', join(root, MAPPINGS, 'go-gateway.yaml')]).status).toBe(0);
    expect(validate([log, '--map', 'go-gateway', '--strict']).status).toBe(1);
    const access = join(logs, 'envoy-access-unrouted.ndjson');
    expect(validate([access, '--map', 'envoy-access-log']).status).toBe(1);
  });

  it('prints one JSON object for --json, with as many reports as are asked for', () => {
    const trace = readFileSync(legacy, 'utf8');
    const more = trace + trace.replaceAll('"exchange":"legacy"', '"exchange":"other"');
    const { status, stdout } = validate(['-', '--json', '--max-reports', '1'], more);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      log: 'stdin',
      diverging: 2,
      divergences: [{ exchange: 'legacy', line: 1, index: 0, why: 'state' }],
    });
  });

  it('says in its help how a mapping is written', () => {
    const { status, stdout } = validate(['--help']);
    expect(status).toBe(0);
    for (const key of ['pattern:', 'id:', 'unseen:', 'ignore:', 'otherwise:', 'go-gateway']) {
      expect(stdout).toContain(key);
    }
  });
});

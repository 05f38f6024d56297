/** The demo: what it measures of the server of the bug and of ours, and what it prints. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { demoCommand } from '../src/cli/demo.js';
import type { DemoOptions, DemoReport, ServerName } from '../src/demo/demo.js';
import { runDemo } from '../src/demo/demo.js';
import { plannedOf } from '../src/demo/driver.js';
import { textOf } from '../src/demo/report.js';
import type { Content } from '../src/envoy/plan.js';
import type { TraceRecord } from '../src/trace.js';
import { exchangesOf, expectRuns } from './harness.js';
import { compiled, Running } from './running.js';

const TRAFFIC = { exchanges: 120, lateEnds: 0.3, seed: 7, concurrency: 16 };
const FIELD_TEXT = 'unexpected end of JSON input';
const planned = (traffic = TRAFFIC) =>
  Array.from({ length: traffic.exchanges }, (_, number) => plannedOf(number, traffic));
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);

/** Where all temporary folders of this file are made, those of its processes too. */
const home = mkdtempSync(join(tmpdir(), 'interlock-demos-'));
const tmpdirBefore = process.env.TMPDIR;
beforeAll(() => {
  process.env.TMPDIR = home;
});
afterAll(() => {
  if (tmpdirBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tmpdirBefore;
  rmSync(home, { recursive: true, force: true });
});
const folders = () => readdirSync(home).filter((name) => name.startsWith('interlock-demo-'));

async function traced(options: DemoOptions) {
  const traces: Record<ServerName, TraceRecord[]> = { legacy: [], interlock: [] };
  const report = await runDemo({ ...options, trace: (name, record) => traces[name].push(record) });
  return { report, traces };
}

/** The report without what no seed can fix. */
const timeless = ({ servers: { legacy, interlock }, ...traffic }: DemoReport) => ({
  ...traffic,
  legacy: { ...legacy, ms: 0 },
  interlock: { ...interlock, ms: 0 },
});

describe('the server of the bug', () => {
  it('fails on just the exchanges that get a late end, with the text of the field', async () => {
    const late = planned().filter(({ lateEnd }) => lateEnd !== undefined);
    const empty = late.filter(({ lateEnd }) => lateEnd === 'empty').length;
    const { report, traces } = await traced(TRAFFIC);
    const { legacy } = report.servers;
    expect(late.length).toBeGreaterThan(20);
    expect(legacy.lateEnds).toEqual({ empty, repeated: late.length - empty });
    expect(legacy.failed).toEqual({ withLateEnd: late.length, withoutLateEnd: 0 });
    expect(legacy.wrong500s[FIELD_TEXT]).toBeGreaterThanOrEqual(empty);
    // What is no 500 was billed twice: its last bytes were all of them, and so could be parsed.
    expect(sum(legacy.wrong500s) + legacy.usage.doubled).toBe(late.length);
    expect({ ...legacy.usage, doubled: 0 }).toEqual({ lost: 0, doubled: 0, wrong: 0 });
    expect(legacy.otherFaults).toEqual({});
    expect(legacy.anomalies).toEqual({});
    expect(exchangesOf(traces.legacy).size).toBe(TRAFFIC.exchanges);
  });

  it('fails on none without late ends, and on each where all have one', async () => {
    const [none, each] = [
      await runDemo({ ...TRAFFIC, exchanges: 40, lateEnds: 0 }),
      await runDemo({ ...TRAFFIC, exchanges: 40, lateEnds: 1 }),
    ];
    expect(none.servers.legacy.failed).toEqual({ withLateEnd: 0, withoutLateEnd: 0 });
    expect(each.servers.legacy.failed).toEqual({ withLateEnd: 40, withoutLateEnd: 0 });
    for (const { servers } of [none, each]) {
      expect(servers.interlock.failed).toEqual({ withLateEnd: 0, withoutLateEnd: 0 });
    }
    expect(textOf(none)).toContain('failed on none: without late ends it does well');
    expect(textOf(each)).toContain('failed on 40 of 40 exchanges: on each that got a late end');
  });
});

describe('ours, under the same traffic', () => {
  it('fails on none, counts each late end, and each exchange is a run of the machine', async () => {
    const { report, traces } = await traced(TRAFFIC);
    const { legacy, interlock } = report.servers;
    expect(interlock.lateEnds).toEqual(legacy.lateEnds);
    expect(interlock).toMatchObject({
      exchanges: TRAFFIC.exchanges,
      wrong500s: {},
      otherFaults: {},
      usage: { lost: 0, doubled: 0, wrong: 0 },
      failed: { withLateEnd: 0, withoutLateEnd: 0 },
    });
    expect(interlock.anomalies.lateEnd).toBe(sum(interlock.lateEnds));
    expect(exchangesOf(traces.interlock).size).toBe(TRAFFIC.exchanges);
    expectRuns(traces.interlock);
  });
});

describe('a run', () => {
  it('has the same report for the same seed, however much is done at once', async () => {
    const one = timeless(await runDemo(TRAFFIC));
    const other = timeless(await runDemo({ ...TRAFFIC, concurrency: 3 }));
    expect({ ...other, concurrency: TRAFFIC.concurrency }).toEqual(one);
    expect(planned()).toEqual(planned());
    expect(planned({ ...TRAFFIC, seed: 8 })).not.toEqual(planned());
  });

  it('that is stopped rejects with the reason, and leaves no folder behind', async () => {
    const stop = new AbortController();
    const trace = () => stop.abort(new Error('enough'));
    await expect(runDemo({ ...TRAFFIC, signal: stop.signal, trace })).rejects.toThrow('enough');
    expect(folders()).toEqual([]);
  });

  it('splits bodies anywhere, and each piece is some of it', () => {
    for (const { plan, body } of planned()) {
      const chunks = (plan.response as Content).chunks as readonly Buffer[];
      expect(Buffer.concat(chunks)).toEqual(body);
      expect(chunks.every(({ length }) => length > 0)).toBe(true);
    }
  });
});

describe('the command', () => {
  const told = async (...args: string[]) => {
    let text = '';
    const add = (more: string) => {
      text += more;
    };
    const command = demoCommand().exitOverride();
    command.configureOutput({ writeOut: add, writeErr: add });
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow();
    return text;
  };

  it('names a bad value with what is accepted', async () => {
    for (const value of ['2', '-0.1', 'some', '15%', '1.5', '']) {
      expect(await told('--late-ends', value)).toMatch(/--late-ends .*Accepted: a share from 0/);
    }
    expect(await told('--exchanges', '0')).toMatch(/--exchanges .*Accepted: a count from 1/);
    expect(await told('--seed', 'x')).toMatch(/--seed .*Accepted: a count/);
  });

  it('says in its help what each flag is, and what late ends are', async () => {
    const help = await told('--help');
    for (const flag of ['--exchanges <n>', '--late-ends <0..1>', '--seed <n>', '--json']) {
      expect(help).toContain(flag);
    }
    expect(help).toContain('(default: 0.15)');
    expect(help).toContain('A late end is a second end_of_stream');
  });
});

describe('the command with --json', () => {
  it('prints one object with all that was measured', async () => {
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((text) => printed.push(text));
    try {
      await demoCommand().parseAsync(['--exchanges', '20', '--json'], { from: 'user' });
    } finally {
      log.mockRestore();
    }
    expect(printed).toHaveLength(1);
    const report = JSON.parse(printed[0] as string) as DemoReport;
    expect(timeless(report)).toEqual(timeless(await runDemo({ exchanges: 20 })));
  });
});

describe('the process', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const running: Running[] = [];
  let built: string;
  beforeAll(() => {
    built = compiled('demo');
  }, 60_000);
  const run = (...args: string[]) => {
    running.push(new Running([join(built, 'src/cli/main.js'), 'demo', ...args], root));
    return running.at(-1) as Running;
  };
  afterEach(async () => {
    for (const command of running) command.signal('SIGKILL');
    await Promise.all(running.splice(0).map(({ ended }) => ended));
  });

  it('prints the seed, the rate, both servers and the verdict, and ends with 0', async () => {
    const command = run('--exchanges', '40', '--late-ends', '.5');
    expect(await command.ended).toEqual([0, null]);
    const { servers } = await runDemo({ exchanges: 40, lateEnds: 0.5 });
    const row = `${String(sum(servers.legacy.wrong500s)).padStart(46)}          0`;
    for (const text of [
      '40 exchanges, 32 at once',
      '50 % of the responses',
      'Seed 1. For other traffic: --exchanges <n> --late-ends <0..1> --seed <n>',
      `wrong 500s${row}\n`,
      `failed on ${sum(servers.legacy.lateEnds)} of 40 exchanges: on each that got a late end, and`,
      'Interlock, under the same traffic, failed on none.\n',
    ]) {
      expect(command.stdout).toContain(text);
    }
    expect(command.stderr).toBe('');
  }, 60_000);

  it('ends at Ctrl-C at once, and leaves no folder behind', async () => {
    const command = run('--exchanges', '1000000');
    await command.until(() => command.stdout.includes('Seed 1'));
    command.signal('SIGINT');
    expect(await command.ended).toEqual([130, null]);
    expect(command.stderr).toBe('interlock: stopped before the end, so there is nothing to tell\n');
    expect(folders()).toEqual([]);
  }, 60_000);
});

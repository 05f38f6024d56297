/** `--html` and `--out` of the commands that check, each as a process of its own. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compiled, Running } from './running.js';

let built: string;
const folder = mkdtempSync(join(tmpdir(), 'interlock-reports-cli-'));
const place = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(place(name), 'utf8');
beforeAll(() => {
  built = compiled('reports');
  mkdirSync(place('folder'));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let running: Running[] = [];
afterEach(async () => {
  for (const command of running) command.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});
function run(...args: string[]): Running {
  const command = new Running([join(built, 'src/cli/main.js'), ...args], folder);
  running.push(command);
  return command;
}
async function ended(code: number, ...args: string[]): Promise<Running> {
  const command = run(...args);
  expect(await command.ended, command.stderr).toEqual([code, null]);
  return command;
}

const BUG = ['check', '--machine', 'legacy', '--property', 'firstTerminalWins'];
const BAG = ['suite', '--method', 'bag', '--bag', 'request.headers,response.end,response.end'];

describe('--html', { timeout: 60_000 }, () => {
  it.each([
    [1, BUG, 'Broken: 2 of 3 claims'],
    [0, BAG, 'bag: 3 scenarios, 9 events'],
    [0, ['simulate', '--exchanges', '100'], '100 exchanges of any traffic, seed 1: none is wrong.'],
    [0, ['simulate', '--schedules'], 'None of 3 races goes wrong.'],
  ])(
    'writes a page beside the text, and changes no exit code: %i of %j',
    async (code, args, says) => {
      const { stdout } = await ended(code, ...args, '--html', 'page.html');
      expect(stdout).not.toContain('<html');
      expect(stdout.length).toBeGreaterThan(100);
      const page = read('page.html');
      expect(page).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
      expect(page).toContain(`<p class="verdict">${says}`);
    },
  );

  it('puts the whole page in place of what was in the file', async () => {
    writeFileSync(place('old.html'), 'x'.repeat(1_000_000));
    await ended(0, ...BAG, '--html', 'old.html');
    expect(read('old.html')).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
  });

  it('writes what is known when it is stopped', async () => {
    const command = run(
      'simulate',
      '--exchanges',
      '900000',
      '--log',
      'log',
      '--html',
      'stopped.html',
    );
    const begun = () => existsSync(place('log')) && read('log').length > 0;
    await expect.poll(begun, { timeout: 20_000 }).toBe(true);
    command.signal('SIGINT');
    expect(await command.ended).toEqual([130, null]);
    expect(read('stopped.html')).toContain('Stopped early: ');
  });
});

describe('a place that cannot be had', { timeout: 60_000 }, () => {
  const WORK = [
    ['check'],
    ['suite', '--method', 'hsi', '--k', '1'],
    ['simulate', '--exchanges', '900000'],
    ['simulate', '--schedules'],
  ];
  it.each(
    WORK.flatMap((args) => [
      [args, ['--html', 'folder'], 'Accepted: a file that can be written'],
      [args, ['--html', 'nowhere/page.html'], 'in a folder that is there'],
      [args, ['--html', '-'], 'Accepted: a file. The standard output is for the text.'],
    ]) as [string[], string[], string][],
  )('is told before the work, with its flag: %j %j', async (args, flags, accepted) => {
    const { stdout, stderr } = await ended(2, ...args, ...flags);
    expect(stdout).toBe('');
    expect(stderr).toContain('--html');
    expect(stderr).toContain(flags[1]);
    expect(stderr).toContain(accepted);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it.each([
    [['check', '--out', '/dev/null/x'], '--out /dev/null/x: ENOTDIR'],
    // Whoever we are, nothing can be made there.
    [['check', '--out', '/proc/self'], '--out /proc/self: '],
    [['suite', '--out', 'folder'], '--out folder: EISDIR'],
    [['suite', '--out', 'nowhere/suite.json'], '--out nowhere/suite.json: ENOENT'],
  ])('is told of %j too', async (args, says) => {
    const { stdout, stderr } = await ended(2, ...args);
    expect(stdout).toBe('');
    expect(stderr).toContain(says);
    expect(stderr).toContain('. Accepted: a f');
  });

  it.each([
    [[...BAG, '--out', 'one', '--html', './one']],
    [['simulate', '--log', 'one', '--html', 'one']],
  ])('is one that is asked for twice: %j', async (args) => {
    const { stderr } = await ended(2, ...args);
    expect(stderr).toMatch(/--(out|log) and --html name the same file/);
    expect(existsSync(place('one'))).toBe(false);
  });
});

describe('check --out', { timeout: 60_000 }, () => {
  it('writes each counterexample as a sequence diagram too, and leaves nothing else', async () => {
    await ended(1, ...BUG, '--environment', 'anyone', '--out', 'out', '--html', 'out/page.html');
    const kinds = readdirSync(place('out')).map((name) => name.replace(/^.*firstTerminalWins/, ''));
    expect(kinds.sort()).toEqual(
      ['.envoy.json', '.events.json', '.mmd', '.ndjson', '.test.ts', '.txt', 'page.html'].sort(),
    );
    const diagram = read('out/legacy-anyone-firstTerminalWins.mmd');
    expect(diagram).toMatch(/^sequenceDiagram\n/);
    expect(diagram.match(/upstream->>gateway: response\.end\n/g)).toHaveLength(2);
    expect(diagram).toMatch(/Note over .*: Broken by event 5, "response\.end": No exchange has /);
  });
});

describe('the modules that make pages', () => {
  it('load no Graphviz, since it is not installed with the package', () => {
    const reports = join(built, 'visualizations/report');
    const names = readdirSync(reports).filter((name) => name.endsWith('.js'));
    const wanted = [
      ...names.map((name) => join(reports, name)),
      join(built, 'visualizations/sequence.js'),
    ];
    for (const file of wanted) {
      const text = readFileSync(file, 'utf8');
      expect(text, file).not.toContain("'@viz-js");
      for (const [, name = ''] of text.matchAll(/^(?:import|export)\b[^']*'(\.[^']+)'/gm)) {
        const path = join(dirname(file), name);
        if (!wanted.includes(path)) wanted.push(path);
      }
    }
    expect(wanted.length).toBeGreaterThan(20);
  });
});

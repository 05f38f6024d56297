/** `interlock simulate`, as a process of its own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compiled, Running } from './running.js';

let built: string;
const folder = mkdtempSync(join(tmpdir(), 'interlock-simulate-'));
beforeAll(() => {
  built = compiled('simulate');
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
const simulate = (...args: string[]) => run('simulate', ...args);

describe('interlock simulate', { timeout: 60_000 }, () => {
  it('says that none is wrong, and what was reached', async () => {
    const command = simulate('--seed', '1', '--exchanges', '500');
    expect(await command.ended).toEqual([0, null]);
    expect(command.stdout).toMatch(/^500 exchanges of any traffic, seed 1: none is wrong\.\n/);
    expect(command.stdout).toMatch(/\ntransitions: [\d,]+ of [\d,]+ reached\n/);
    expect(command.stdout).toMatch(/\nfault positions: \d+ of \d+ reached\n/);
    expect(command.stdout).toMatch(/\n {2}response\.end( +\d+){9}\n/);
    expect(command.stdout).toMatch(/\nin \d+\.\d s\n$/);
  });

  it('says of the gateway of the bug that it fails on late ends alone', async () => {
    const command = simulate('--handler', 'legacy', '--exchanges', '500');
    expect(await command.ended).toEqual([0, null]);
    expect(command.stdout).toContain('on each that got a late or repeated end, and on no other');
    const [, replay = ''] = /The first: interlock (simulate .*)\n/.exec(command.stdout) ?? [];
    const again = run(...replay.split(' '));
    expect(await again.ended).toEqual([0, null]);
    expect(again.stdout).toMatch(/\nWrong: .*\((wrong500|usageDoubled)\)\n/);
    expect(again.stdout).toContain('Faults met: lateEnd response.');
  });

  it('exits with 1 where that is not so', async () => {
    const command = simulate('--handler', 'legacy', '--traffic', 'any', '--exchanges', '200');
    expect(await command.ended).toEqual([1, null]);
  });

  it('writes the log of a seed, always the same, and validate takes it', async () => {
    const args = ['--seed', '7', '--exchanges', '200', '--log'];
    const file = simulate(...args, 'log.ndjson');
    const output = simulate(...args, '-');
    expect([await file.ended, await output.ended]).toEqual([
      [0, null],
      [0, null],
    ]);
    const log = readFileSync(join(folder, 'log.ndjson'), 'utf8');
    expect(log.length).toBeGreaterThan(100_000);
    expect(output.stdout === log).toBe(true);
    // What is for people does not stand in what is for programs.
    expect(output.stderr).toContain('none is wrong');
    const validated = run('validate', 'log.ndjson');
    expect(await validated.ended).toEqual([0, null]);
  });

  it('plays one exchange alone, and tells its story', async () => {
    const command = simulate('--seed', '1', '--exchange', '3');
    expect(await command.ended).toEqual([0, null]);
    expect(command.stdout).toMatch(/^Exchange 3 \(1-3\): /);
    expect(command.stdout).toMatch(/\nAgain: interlock simulate --seed 1 --exchange 3\n$/);
  });

  it('gives everything as JSON', async () => {
    const command = simulate('--exchanges', '200', '--json');
    expect(await command.ended).toEqual([0, null]);
    const report = JSON.parse(command.stdout);
    expect(report).toMatchObject({ seed: 1, exchanges: 200, right: true, stopped: false });
    const sum = report.transitions.reduce(
      (total: number, [, , times]: number[]) => total + times!,
      0,
    );
    expect(sum).toBe(report.steps);
  });

  it('plays races in every order', async () => {
    const command = simulate('--schedules');
    expect(await command.ended).toEqual([0, null]);
    expect(command.stdout).toMatch(/^endAndClose: /);
    expect(command.stdout).toContain('1,260 orders, all there are: none is wrong.');
    expect(command.stdout).toMatch(/orders, all with up to 3 preemptions: none is wrong\./);
  });

  it('prints what is known when it is stopped, says so, and exits as a shell has it', async () => {
    const command = simulate('--exchanges', '900000', '--log', 'long.ndjson');
    await expect
      .poll(() => readFileSync(join(folder, 'long.ndjson'), 'utf8').length, { timeout: 20_000 })
      .toBeGreaterThan(0);
    command.signal('SIGINT');
    expect(await command.ended).toEqual([130, null]);
    expect(command.stdout).toMatch(/none is wrong\. Stopped early: [\d,]+ were not played\.\n/);
  });

  it.each([
    [['--faults', 'gremlin'], '--faults must be a list with commas of split, delay'],
    [['--late-ends', '2'], 'Accepted: a share from 0 to 1.'],
    [['--handler', 'legacy', '--world', 'http'], 'Accepted with it: --world ext-proc.'],
    [['--schedules', '--faults', 'none'], 'Accepted with it: --json.'],
    [['--log', 'nowhere/log'], '--log nowhere/log: ENOENT'],
  ])('refuses %s, and says what is accepted', async (args, message) => {
    const command = simulate(...args);
    expect(await command.ended).toEqual([2, null]);
    expect(command.stderr).toContain(message);
  });
});

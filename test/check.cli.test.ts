/** `interlock check`, as a process of its own and as the library below it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { environments } from '../machines/environments.js';
import { eventualities, properties } from '../machines/properties.js';
import { allProperties } from '../src/check/claims.js';
import { brokenIn, jsonOf, runCheck, textOfReport } from '../src/check/report.js';
import { progressOn } from '../src/cli/progress.js';
import { table } from '../src/step.js';
import { compiled, Running } from './running.js';

let built: string;
const folder = mkdtempSync(join(tmpdir(), 'interlock-check-'));
beforeAll(() => {
  built = compiled('check');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let running: Running[] = [];
afterEach(async () => {
  for (const command of running) command.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});
function run(...args: string[]): Running {
  const command = new Running([join(built, 'src/cli/main.js'), 'check', ...args], folder);
  running.push(command);
  return command;
}
async function ended(code: number, ...args: string[]): Promise<Running> {
  const command = run(...args);
  expect(await command.ended, command.stderr).toEqual([code, null]);
  return command;
}

describe('interlock check', () => {
  it('finds all as claimed, in a table of properties and environments, and exits with 0', async () => {
    const { stdout, stderr } = await ended(0);
    expect(stdout).toMatch(/^machine: exchange +anyone +states +wellBehaved +states +observed/);
    for (const { name } of [...allProperties, ...eventualities]) {
      expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
    }
    expect(stdout).toMatch(/^transitions +5889 +2690 +30918$/m);
    expect(stdout).toMatch(/^depth +8 +10 +11$/m);
    expect(stdout).toMatch(/^nobodyIsRefused +\(broken in 1\) +\d+ +holds +\d+ +holds/m);
    expect(stdout).toMatch(
      /\nAll \d+ claims are kept; a claim is a property in an environment\.\n$/,
    );
    // Nobody watches, so there is no progress line.
    expect(stderr).toBe('');
  }, 60_000);

  it('says nothing of a reader that goes before the end', () => {
    const main = join(built, 'src/cli/main.js');
    const line = '"$0" "$1" check --property recordedOnce | :';
    const { stderr } = spawnSync('sh', ['-c', line, process.execPath, main], { encoding: 'utf8' });
    expect(stderr).toBe('');
  });

  it('convicts the gateway of the bug, tells the story, and exits with 1', async () => {
    const { stdout } = await ended(1, '--machine', 'legacy', '--property', 'firstTerminalWins');
    expect(stdout).toMatch(/^firstTerminalWins +BROKEN in 5 +\d+ +holds +\d+ +BROKEN in 5/m);
    expect(stdout).toContain('Broken: 2 of 3 claims; a claim is a property in an environment.');
    expect(stdout).toContain(
      '5. response.end\n     orders: openBuffer, readUsage, answer(unknown)',
    );
    expect(stdout).toContain('Broken by event 5, "response.end": No exchange has two outcomes.');
  });

  it('writes what it found where --out says', async () => {
    const place = join(folder, 'out');
    const flags = ['--environment', 'anyone', '--property', 'firstTerminalWins', '--out', place];
    const { stderr } = await ended(1, '--machine', 'legacy', ...flags);
    expect(stderr).toContain(`counterexamples in ${place}: 1`);
    const slug = 'legacy-anyone-firstTerminalWins';
    expect(readdirSync(place).sort()).toEqual(
      ['envoy.json', 'events.json', 'mmd', 'ndjson', 'test.ts', 'txt'].map(
        (kind) => `${slug}.${kind}`,
      ),
    );
    const kept = new URL('./traces/legacy-late-end.ndjson', import.meta.url);
    expect(readFileSync(join(place, `${slug}.ndjson`), 'utf8')).toBe(readFileSync(kept, 'utf8'));
  });

  it('says the same as JSON', async () => {
    const flags = ['--machine', 'legacy', '--property', 'lateEndDoesNothing', '--json'];
    const { stdout } = await ended(1, ...flags);
    const { complete, asked, broken, environments: worlds, results } = JSON.parse(stdout);
    expect({ complete, asked, broken }).toEqual({ complete: true, asked: 3, broken: 2 });
    expect(worlds[0]).toMatchObject({ name: 'anyone', states: 5, transitions: 195, depth: 3 });
    expect(results[0]).toMatchObject({
      property: 'lateEndDoesNothing',
      environment: 'anyone',
      holds: false,
      claimed: true,
      events: ['request.headers', 'response.headers(success)', 'response.end', 'response.end'],
    });
  });

  it('scores mutants', async () => {
    const { stdout } = await ended(0, '--mutants', '--sample', '80', '--json');
    const { complete, total, survivors } = JSON.parse(stdout);
    expect({ complete, survivors }).toEqual({ complete: true, survivors: [] });
    expect(total).toMatchObject({ mutants: 80, either: 80 });
  }, 60_000);

  it('leaves what it has at Ctrl-C, says that it is partial, and exits with 130', async () => {
    const command = run('--mutants');
    await command.until(() => command.stdout.includes('all mutants'));
    command.signal('SIGINT');
    expect(await command.ended).toEqual([130, null]);
    expect(command.stdout).toMatch(/^Stopped: this is partial, of \d+ mutants\.$/m);
  }, 60_000);
});

describe('bad input', () => {
  it('is named with what is accepted, and exits with 2', async () => {
    const refused = async (args: string[], ...says: RegExp[]) => {
      const { stderr } = await ended(2, ...args);
      for (const text of says) expect(stderr).toMatch(text);
      expect(stderr).not.toMatch(/\n {4}at /);
    };
    await Promise.all([
      refused(['--machine', 'toaster'], /--machine/, /exchange, legacy/),
      refused(['--environment', 'no'], /No such environment/, /anyone, wellBehaved, observed/),
      refused(['--property', 'no'], /No such property/, /recordedOnce, .* in all: interlock check/),
      refused(['--environment', 'obseved'], /did you mean observed\? Accepted: anyone, wellB/),
      refused(
        ['--property', 'firstTerminalWin'],
        /did you mean firstTerminalWins\? [^\n]{0,120}\n/,
      ),
      refused(['--sample', '5'], /--sample is for --mutants/),
      refused(['--mutants', '--sample', '0'], /--sample 0/, /from 1/),
      refused(['--mutants', '--machine', 'legacy'], /legacy/, /Accepted: exchange/),
      refused(['--mutants', '--property', 'recordedOnce'], /--property/),
      refused(['--property', 'recordedOnce', '--out', '/dev/null/x'], /\/dev\/null\/x/),
    ]);
  }, 60_000);
});

describe('the progress line', () => {
  const watched = (isTTY: boolean) => {
    const written: string[] = [];
    const stream = { isTTY, columns: 20, write: (text: string) => written.push(text) };
    return { written, progress: progressOn(stream as unknown as NodeJS.WriteStream) };
  };

  it('is written over itself, never wraps, comes at most ten times a second, and goes', () => {
    const { written, progress } = watched(true);
    for (const number of [1, 2, 3]) progress.show(`${number} of 3 and a name that is too long`);
    progress.clear();
    expect(written).toEqual(['\r\u001b[K1 of 3 and a name t', '\r\u001b[K']);
  });

  it('is silent where nobody watches', () => {
    const { written, progress } = watched(false);
    progress.show('1 of 3');
    progress.clear();
    expect(written).toEqual([]);
  });
});

describe('a check that is stopped', () => {
  it('has the rows that are done, and says what is not known', async () => {
    const stopping = new AbortController();
    const report = await runCheck({
      table,
      environments,
      properties: properties.slice(0, 5),
      signal: stopping.signal,
      onProgress: (done) => {
        if (done === 3) stopping.abort();
      },
    });
    expect(report).toMatchObject({ stopped: true, asked: 15 });
    expect(report.rows).toHaveLength(3);
    expect(textOfReport(report)).toContain('Stopped: this is partial, 3 of 15.');
    expect(jsonOf(report)).toMatchObject({ complete: false, asked: 15 });
    expect(brokenIn(report)).toEqual([]);
  });
});

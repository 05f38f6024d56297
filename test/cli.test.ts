/** The command line, as a process of its own: what it prints, records, refuses and leaves behind. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../src/adapters/http/config.js';
import { FAULTS } from '../src/upstream/index.js';
import { compiled, Running } from './running.js';

const root = fileURLToPath(new URL('..', import.meta.url));
let built: string;
const folder = mkdtempSync(join(tmpdir(), 'interlock-cli-'));
const CHAT = '/v1/chat/completions';

let files = 0;
const aFile = () => join(folder, `usage-${files++}.ndjson`);

beforeAll(() => {
  built = compiled('cli');
}, 60_000);

let running: Running[] = [];
function run(...args: string[]): Running {
  const command = new Running([join(built, 'src/cli/main.js'), ...args], folder);
  running.push(command);
  return command;
}

afterEach(async () => {
  for (const command of running) command.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recordsIn = (text: string) =>
  text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));

function ask(url: string, more: object = {}): Promise<Response> {
  const messages = [{ role: 'user', content: 'Tell me about order.' }];
  const body = JSON.stringify({ model: 'interlock-small', stream: true, messages, ...more });
  return fetch(url + CHAT, { method: 'POST', body });
}

/** What a gateway says at a signal that comes before the last record is written. */
const STILL_SETTLING = /^interlock: \d+ in flight may end; a second signal cuts them\n/;

async function stop(command: Running): Promise<void> {
  command.signal('SIGTERM');
  expect(await command.ended).toEqual([0, null]);
}

const noCurl = spawnSync('curl', ['--version']).error !== undefined && process.env.CI !== 'true';

describe('interlock gateway', () => {
  it('prints its address first, streams from the embedded upstream, and records it once', async () => {
    const file = aFile();
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', file);
    const url = await gateway.url();
    expect(gateway.stdout).toMatch(/^interlock gateway listens on http:\/\/127\.0\.0\.1:\d+\n/);
    const chunks: string[] = [];
    const decoder = new TextDecoder();
    for await (const chunk of (await ask(url)).body ?? []) {
      chunks.push(decoder.decode(chunk as Uint8Array));
    }
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.join('')).toMatch(/data: \[DONE\]\n\n$/);
    await stop(gateway);
    expect(recordsIn(readFileSync(file, 'utf8'))).toMatchObject([
      { outcome: 'completed', status: 200, model: 'interlock-small' },
    ]);
    expect(gateway.stderr.replace(STILL_SETTLING, '')).toBe('');
  });

  it.skipIf(noCurl)('prints a curl line that works as it is (skipped: no curl here)', async () => {
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', aFile());
    await gateway.url();
    await gateway.until(() => gateway.stdout.includes('fault:F03'));
    const line = /curl -N [\s\S]*?-d '.*'/.exec(gateway.stdout)?.[0] as string;
    const printed = await new Promise<string>((resolve, reject) => {
      execFile('sh', ['-c', line], (error, stdout) => (error ? reject(error) : resolve(stdout)));
    });
    expect(printed).toMatch(/^data: \{.*"usage":\{"prompt_tokens":4,/ms);
    expect(printed).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('writes the records to stdout for --usage -', async () => {
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', '-');
    const url = await gateway.url();
    await (await ask(url, { stream: false })).json();
    await stop(gateway);
    expect(gateway.stdout).toMatch(/^\{.*\}\n$/);
    expect(recordsIn(gateway.stdout)).toMatchObject([
      { outcome: 'completed', usage: { kind: 'final' } },
    ]);
  });

  it('drains at SIGTERM: what is in flight ends well, and all is recorded', async () => {
    const file = aFile();
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', file);
    const url = await gateway.url();
    const streams = await Promise.all([ask(url), ask(url), ask(url)]);
    gateway.signal('SIGTERM');
    for (const text of await Promise.all(streams.map((stream) => stream.text()))) {
      expect(text).toMatch(/data: \[DONE\]\n\n$/);
    }
    expect(await gateway.ended).toEqual([0, null]);
    const outcomes = recordsIn(readFileSync(file, 'utf8')).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['completed', 'completed', 'completed']);
    await expect(ask(url)).rejects.toThrow();
  });

  it('cuts what is left at a second SIGTERM, and records it', async () => {
    const file = aFile();
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', file);
    const url = await gateway.url();
    const stream = await ask(url, { model: 'fault:F15' });
    gateway.signal('SIGTERM');
    // The first was taken when nobody can connect any more.
    while (
      await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      await turn();
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual([0, null]);
    await expect(stream.text()).rejects.toThrow();
    const outcomes = recordsIn(readFileSync(file, 'utf8')).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['drained']);
  });

  it('ends in spite of a pipe that nobody reads, and says what is not recorded', async () => {
    const pipe = aFile();
    execFileSync('mkfifo', [pipe]);
    const reader = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', pipe);
    const url = await gateway.url();
    // As much as a pipe holds, and more.
    const asked = Array.from({ length: 300 }, () => fetch(`${url}/v1/models`));
    for (const { status } of await Promise.all(asked)) expect(status).toBe(200);
    gateway.signal('SIGTERM');
    await gateway.until(() => gateway.stderr.includes('a second signal cuts them'));
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual([null, 'SIGKILL']);
    expect(gateway.stderr).toMatch(
      /^interlock: The ledger .* took nothing for 3000 ms: .* not in it/m,
    );
    await reader.close();
  });

  it('repairs a usage file with a torn last line, and says so', async () => {
    const file = aFile();
    writeFileSync(file, '{"v":1,"exchange":"before"}\n{"v":1,"exch');
    const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', file);
    const url = await gateway.url();
    expect(gateway.stderr).toContain(`${file} ended in a torn line of 12 bytes`);
    await (await ask(url, { stream: false })).json();
    await stop(gateway);
    expect(recordsIn(readFileSync(file, 'utf8'))).toMatchObject([
      { exchange: 'before' },
      { outcome: 'completed' },
    ]);
    expect(readFileSync(`${file}.torn`, 'utf8')).toBe('{"v":1,"exch\n');
  });

  it('takes its upstream from a file, and from a flag', async () => {
    const upstream = run('upstream', '--listen', '127.0.0.1:0', '--token-delay', '0');
    const url = await upstream.url();
    const config = join(folder, 'good.yaml');
    writeFileSync(config, `upstreams:\n  - id: main\n    url: ${url}\n`);
    for (const flags of [
      ['--config', config],
      ['--upstream', url],
    ]) {
      const gateway = run('gateway', '--listen', '127.0.0.1:0', '--usage', aFile(), ...flags);
      expect(await (await ask(await gateway.url())).text()).toMatch(/data: \[DONE\]\n\n$/);
      await stop(gateway);
    }
    await stop(upstream);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('interlock upstream', () => {
  it('prints its address, serves, and breaks as it is asked to', async () => {
    const upstream = run('upstream', '--listen', '127.0.0.1:0', '--token-delay', '0');
    const url = await upstream.url();
    expect(await (await ask(url)).text()).toMatch(/data: \[DONE\]\n\n$/);
    const broken = ask(url, { model: 'fault:F03' }).then((response) => response.text());
    await expect(broken).rejects.toThrow();
    await stop(upstream);
  });
});

describe('bad input', () => {
  /** Bad input ends the command with 2; each of `says` is in what it prints. */
  async function refused(args: string[], ...says: (string | RegExp)[]): Promise<void> {
    const command = run(...args);
    expect(await command.ended).toEqual([2, null]);
    for (const text of says) expect(command.stderr).toMatch(text);
    expect(command.stderr).not.toMatch(/\n {4}at /);
  }

  it('in a flag is named with what is accepted', async () => {
    await Promise.all([
      refused(['gateway', '--listen', 'here'], '--listen', "'here'", 'Accepted: HOST:PORT'),
      refused(['gateway', '--upstream', 'ftp://a'], '--upstream', '"ftp://a"', 'http://'),
      refused(['gateway', '--upstream', 'http://a', '--config', 'b'], '--upstream', '--config'),
      refused(['upstream', '--seed', 'x'], '--seed', "'x'", 'Accepted: a count'),
      refused(['upstream', '--token-delay', '-1'], '--token-delay', "'-1'", 'Accepted: a count'),
    ]);
  });

  it('of a name that nothing has is named with those that there are', async () => {
    await Promise.all([
      refused(['frobnicate'], "'frobnicate'", 'accepted: gateway, ext-proc, upstream'),
      refused(['gateway', '--frobnicate'], "'--frobnicate'", '--help'),
      refused(
        ['suite', '--method', 'bag', '--bag', 'response.ends'],
        '--bag must be a list of events; found "response.ends"; did you mean response.end? ',
      ),
      refused(['suite', '--k', '3'], 'a smaller --k or list in --events, or a higher --limit'),
    ]);
  });

  it('in a file is named with the key, what was found and what is accepted', async () => {
    const bad = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return ['gateway', '--config', join(folder, name), '--usage', aFile()];
    };
    const upstreams = 'upstreams: [{ id: a, url: "http://a" }]\n';
    await Promise.all([
      refused(
        ['gateway', '--config', join(folder, 'none.yaml')],
        '--config',
        'none.yaml',
        'ENOENT',
      ),
      refused(bad('torn.yaml', 'upstreams: [\n  - id'), '--config', 'torn.yaml', 'line 2'),
      refused(bad('typo.yaml', `${upstreams}deadline: {}`), 'deadline: no such key'),
      refused(
        bad('type.yaml', `${upstreams}deadlines: { idle: soon }`),
        'deadlines.idle: found "soon"',
      ),
    ]);
  });

  it('of a place that cannot be had is named with what is accepted', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const nowhere = join(folder, 'no', 'such', 'folder');
    await Promise.all([
      refused(['gateway', '--listen', taken, '--usage', aFile()], `--listen ${taken}`, 'Accepted'),
      refused(['upstream', '--listen', taken], `--listen ${taken}`, 'Accepted'),
      refused(['gateway', '--usage', nowhere], '--usage', nowhere, 'Check the path'),
    ]);
    server.close();
  });
});

describe('help', () => {
  const printed = async (...args: string[]) => {
    const command = run(...args);
    expect(await command.ended).toEqual([0, null]);
    return command.stdout;
  };

  it('of the gateway names each flag, and each key of a file with its default', async () => {
    const help = await printed('gateway', '--help');
    for (const flag of ['--listen', '--upstream', '--config', '--usage'])
      expect(help).toContain(flag);
    const config = checkConfig({ upstreams: [{ id: 'a', url: 'http://a' }] }, 'the test');
    for (const key of Object.keys(config)) expect(help).toContain(key);
    for (const [key, value] of Object.entries({ ...config.deadlines, ...config.limits })) {
      expect(help).toMatch(new RegExp(`^ +${key}: ${value}\\b`, 'm'));
    }
  });

  it('of the upstream names each flag and each fault', async () => {
    const help = await printed('upstream', '--help');
    for (const text of [
      '--listen',
      '--seed',
      '--token-delay',
      'fault:',
      ...FAULTS.map(({ id }) => id),
    ]) {
      expect(help).toContain(text);
    }
  });

  it('of the program names its commands, and --version the version', async () => {
    const help = await printed('--help');
    for (const text of ['gateway', 'upstream', '--version']) expect(help).toContain(text);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await printed('--version')).toBe(`${version}\n`);
  });
});

/** `--metrics`, `--otlp` and `--log` of both servers, as processes: what they open, refuse and let go of. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chat } from './faults.js';
import { samplesIn, sumOf } from './observing.js';
import { compiled, Running } from './running.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'interlock-observe-'));
let built: string;
let files = 0;

beforeAll(() => {
  built = compiled('observe-cli');
}, 60_000);

let running: Running[] = [];
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  for (const command of running) command.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command on free ports, with a file of records of its own. */
function run(command: 'gateway' | 'ext-proc', ...args: string[]): Running {
  const more = ['--listen', '127.0.0.1:0', '--usage', join(folder, `${files++}.ndjson`)];
  const made = new Running([join(built, 'src/cli/main.js'), command, ...more, ...args], folder);
  running.push(made);
  return made;
}

async function metricsUrlOf(command: Running): Promise<string> {
  const found = () => /metrics: (http\S+)\n/.exec(command.stdout)?.[1];
  await command.until(() => found() !== undefined);
  return found() as string;
}

async function stop(command: Running): Promise<void> {
  command.signal('SIGTERM');
  expect(await command.ended).toEqual([0, null]);
}

const ask = (url: string, body = chat('interlock-small')) =>
  fetch(`${url}/v1/chat/completions`, { method: 'POST', body }).then((reply) => reply.text());

describe.each(['gateway', 'ext-proc'] as const)('interlock %s', (command) => {
  it('has /metrics where --metrics says, and lets go of it at the end', async () => {
    const server = run(command, '--metrics', '127.0.0.1:0');
    const url = await metricsUrlOf(server);
    const { status, headers } = await fetch(url);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    await stop(server);
    await expect(fetch(url)).rejects.toThrow();
    expect(server.stderr).toBe('');
  });

  it('says which flag has a port that is taken, and what is accepted', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    closing.push(() => taken.close());
    const at = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const server = run(command, '--metrics', at);
    expect(await server.ended).toEqual([2, null]);
    expect(server.stderr).toMatch(
      new RegExp(`^interlock: --metrics ${at}: .*EADDRINUSE.*\\. Accepted: an address of this`),
    );
    expect(server.stdout).toBe('');
  });

  it.each([
    ['--metrics', 'nonsense', 'Accepted: HOST:PORT'],
    ['--otlp', 'collector:4317', 'found "collector:4317"; accepted: the http:// or https:// URL'],
    ['--otlp', 'http://user:secret@collector', 'found "http://***@collector"; accepted: the http'],
    ['--otlp', 'http://:secret@collector', 'found "http://***@collector"; accepted: the http'],
    ['--otlp', 'http://collector:4318#secret', 'found "http://collector:4318#***"; accepted: the'],
    ['--otlp', 'http://collector:4318?', 'found "http://collector:4318?"; accepted: the http://'],
    ['--log', 'loud', 'Allowed choices are info, warn'],
  ])('refuses %s %s, and says what is accepted', async (flag, value, accepted) => {
    const server = run(command, flag, value);
    expect(await server.ended).toEqual([2, null]);
    expect(server.stderr).toContain(accepted);
    expect(server.stderr).not.toContain('secret');
  });

  it('teaches the flags', async () => {
    const help = run(command, '--help');
    expect(await help.ended).toEqual([0, null]);
    for (const flag of ['--metrics [host:port]', '--otlp <url>', '--log [level]']) {
      expect(help.stdout).toContain(flag);
    }
  });
});

describe('interlock gateway', () => {
  it('counts, logs and exports an exchange, each where it was asked for', async () => {
    const paths: string[] = [];
    const collector = createServer((request, response) => {
      request.resume().on('end', () => {
        paths.push(request.url as string);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    closing.push(() => collector.close());
    const otlp = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const gateway = run('gateway', '--metrics', '127.0.0.1:0', '--otlp', otlp, '--log');
    const url = await gateway.url();
    await gateway.until(() => gateway.stdout.includes(`  metrics to ${otlp}/v1/metrics\n`));
    expect(gateway.stdout).toContain(`  traces to ${otlp}/v1/traces\n`);
    await ask(url);
    await gateway.until(() => gateway.stderr.includes('\n'));
    const samples = samplesIn(await (await fetch(await metricsUrlOf(gateway))).text());
    expect(sumOf(samples, 'interlock_outcomes_total', { outcome: 'completed' })).toBe(1);
    await stop(gateway);
    expect(paths.sort()).toEqual(['/v1/metrics', '/v1/traces']);
    const [line] = gateway.stderr.split('\n');
    const told = JSON.parse(line as string) as Record<string, unknown>;
    expect(told).toMatchObject({ level: 'info', outcome: 'completed' });
    expect(told.trace).toMatch(/^[0-9a-f]{32}$/);
  });

  it('tells models by name where a route does, and its warnings to the log', async () => {
    const config = join(folder, 'models.yaml');
    writeFileSync(
      config,
      `upstreams: [{ id: gone, url: 'http://127.0.0.1:1' }]
routes: [{ models: [named, 'other-*'], upstreams: [gone] }]
`,
    );
    const gateway = run('gateway', '--config', config, '--metrics', '127.0.0.1:0', '--log', 'warn');
    const url = await gateway.url();
    await ask(url, chat('named'));
    await ask(url, chat('other-1'));
    await gateway.until(() => gateway.stderr.split('\n').length > 2);
    const samples = samplesIn(await (await fetch(await metricsUrlOf(gateway))).text());
    const models = samples
      .filter(({ name }) => name === 'gen_ai_server_request_duration_seconds_count')
      .map(({ labels }) => labels.gen_ai_request_model);
    expect(models).toEqual(['named', 'other']);
    await stop(gateway);
  });

  it('opens nothing and loads nothing of it unless it is asked', async () => {
    const gateway = run('gateway');
    await ask(await gateway.url());
    expect(gateway.stdout).not.toContain('metrics:');
    await stop(gateway);
    for (const file of ['observe/telemetry.js', 'adapters/http/server.js', 'cli/gateway.js']) {
      const text = readFileSync(join(built, 'src', file), 'utf8');
      expect(text).not.toMatch(/^import .*(pino|@opentelemetry\/(sdk|exporter))/m);
    }
  });

  it('npm start has /metrics', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(scripts.start).toMatch(/ gateway --metrics$/);
  });
});

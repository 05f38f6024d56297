/** `interlock ext-proc`, as a process: what it prints, records, refuses and leaves behind. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status as Code, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../src/adapters/ext-proc/config.js';
import { HEALTH_NAMES } from '../src/adapters/ext-proc/endpoint.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { Authority } from './certificates.js';
import { begin, finish } from './envoy/flight.js';
import { answerKind, JSON_BODY, RH, SB, SH } from './envoy/messages.js';
import { DRAINING, Probe, SERVING } from './envoy/probe.js';
import { compiled, Running } from './running.js';

const folder = mkdtempSync(join(tmpdir(), 'interlock-ext-proc-'));
let built: string;
beforeAll(() => {
  built = compiled('ext-proc');
}, 60_000);

let files = 0;
const aFile = (name = 'usage.ndjson') => join(folder, `${files++}-${name}`);
const written = (name: string, text: string) => {
  const file = aFile(name);
  writeFileSync(file, text);
  return file;
};

const running: Running[] = [];
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  for (const command of running) command.signal('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): Running {
  const command = new Running([join(built, 'src/cli/main.js'), 'ext-proc', ...args], folder);
  running.push(command);
  return command;
}

/** A server on a free port, with a ledger of its own. */
function serve(...args: string[]): Running {
  return run('--listen', '127.0.0.1:0', ...args);
}

function clientOf(...args: ConstructorParameters<typeof EnvoyClient>): EnvoyClient {
  const client = new EnvoyClient(...args);
  closing.push(() => client.close());
  return client;
}

function probeOf(address: string): Probe {
  const probe = new Probe(address);
  closing.push(() => probe.close());
  return probe;
}

const exchange = async (client: EnvoyClient) => finish(await begin(client, RH({}, true)));

const recordsIn = (text: string) =>
  text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
const recordsOf = (file: string) => recordsIn(readFileSync(file, 'utf8'));

async function stop(command: Running): Promise<void> {
  command.signal('SIGTERM');
  expect(await command.ended).toEqual([0, null]);
}

describe('interlock ext-proc', () => {
  it('prints where it is and how Envoy gets there, answers, and records once', async () => {
    const file = aFile();
    const command = serve('--usage', file);
    const address = await command.url();
    await exchange(clientOf(address));
    await stop(command);
    const [first, usage, envoy, example] = command.stdout.split('\n');
    expect(first).toBe(`interlock ext-proc listens on ${address}`);
    expect(usage).toBe(`  usage records: ${file}`);
    expect(envoy).toContain(`a cluster of ${address}, over HTTP/2`);
    expect(example).toMatch(/ an example for routes by model: .*envoy\.yaml, with /);
    expect(example).toContain(`, with ${address} in the place of 127.0.0.1:9002`);
    expect(recordsOf(file)).toMatchObject([{ outcome: 'completed', usage: { kind: 'final' } }]);
    expect(command.stderr).toBe('');
  });

  it('names an example that is there', async () => {
    // From the sources, beside which the example is; a copy of the build is elsewhere.
    const { protoFile } = await import('../src/adapters/ext-proc/wire.js');
    expect(existsSync(join(protoFile, '..', 'deploy', 'envoy.yaml'))).toBe(true);
  });

  it('writes the records to stdout for --usage -', async () => {
    const command = serve('--usage', '-');
    await exchange(clientOf(await command.url()));
    await stop(command);
    expect(command.stdout).toMatch(/^\{.*\}\n$/);
    expect(recordsIn(command.stdout)).toMatchObject([{ outcome: 'completed' }]);
  });

  it('routes as its file says', async () => {
    const config = written(
      'good.yaml',
      `upstreams: [{ id: a, endpoint: '10.0.0.7:80', headers: { authorization: '\${KEY_OF_TEST}' } }]`,
    );
    process.env.KEY_OF_TEST = 'Bearer secret';
    const command = serve('--usage', aFile(), '--config', config);
    const stream = await begin(clientOf(await command.url()), RH({}, true));
    const { response } = stream.answers[0]?.requestHeaders ?? {};
    const told = response?.headerMutation?.setHeaders?.map(({ header }) => [
      header.key,
      Buffer.from(header.rawValue ?? []).toString(),
    ]);
    expect(told).toEqual([
      ['x-gateway-destination-endpoint', '10.0.0.7:80'],
      ['authorization', 'Bearer secret'],
    ]);
    await finish(stream);
    await stop(command);
    expect(command.stdout + command.stderr).not.toContain('secret');
  });

  it.skipIf(process.platform === 'win32')('listens on a socket too (POSIX alone)', async () => {
    const place = `unix:${aFile('socket')}`;
    const command = run('--listen', place, '--usage', aFile());
    expect(await command.url()).toBe(place);
    await exchange(clientOf(place));
    await stop(command);
    expect(existsSync(place.slice('unix:'.length))).toBe(false);
  });

  it('serves the handler of the bug for --legacy', async () => {
    const command = serve('--usage', aFile(), '--legacy');
    const messages = [RH({}, true), SH(), SB(JSON_BODY, true), SB('', true)];
    const stream = await begin(clientOf(await command.url()), ...messages);
    expect(stream.answers.map(answerKind)).toEqual([
      'requestHeaders',
      'responseHeaders',
      'responseBody',
      'immediateResponse',
    ]);
    expect(stream.answers[3]).toMatchObject({ immediateResponse: { status: { code: 500 } } });
    stream.halfClose();
    await stream.ended;
    await stop(command);
  });

  it('hears only whom its certificates name', async () => {
    const authority = new Authority('ours');
    const server = authority.issue({ names: ['DNS:localhost'] });
    const ca = Buffer.from(authority.cert);
    const flags = Object.entries({
      'tls-cert': written('server.crt', server.cert),
      'tls-key': written('server.key', server.key),
      'tls-client-ca': written('ca.crt', authority.cert),
      'tls-client-name': 'envoy.test',
      usage: aFile(),
    }).map(([name, value]) => `--${name}=${value}`);
    const command = serve('--tls-client-name=other.test', ...flags);
    const address = await command.url();
    const ends = ['envoy.test', 'other.test', 'third.test'].map(async (name) => {
      const { cert, key } = authority.issue({ names: [`DNS:${name}`] });
      const ssl = credentials.createSsl(ca, Buffer.from(key), Buffer.from(cert));
      const override = { 'grpc.ssl_target_name_override': 'localhost' };
      const stream = await begin(clientOf(address, ssl, override), RH({}, true));
      stream.halfClose();
      return (await stream.ended).code;
    });
    expect(await Promise.all(ends)).toEqual([Code.OK, Code.OK, Code.PERMISSION_DENIED]);
    expect(command.stdout).toContain('over HTTP/2 with TLS');
    // A peer that never finishes its handshake does not keep the process.
    const idle = connect(Number(address.split(':')[1]), '127.0.0.1').on('error', () => {});
    closing.push(() => idle.destroy());
    await once(idle, 'connect');
    await stop(command);
  });
});

describe('SIGTERM', () => {
  it('lets what is in flight end well, refuses the rest, and tells whoever asks', async () => {
    const file = aFile();
    const command = serve('--usage', file, '--health', '127.0.0.1:0');
    const address = await command.url();
    const healthAt = () => /health checks, there and on: (\S+)/.exec(command.stdout)?.[1];
    await command.until(() => healthAt() !== undefined);
    const probe = probeOf(healthAt() as string);
    expect(await probe.all()).toEqual(SERVING);
    const told = probe.watch('readiness');
    expect((await told.next()).value).toBe('SERVING');
    const streams = [];
    for (let count = 0; count < 3; count++) {
      streams.push(await begin(clientOf(address), RH({}, true)));
    }
    command.signal('SIGTERM');
    expect((await told.next()).value).toBe('NOT_SERVING');
    expect(await probe.all()).toEqual(DRAINING);
    expect(await probeOf(address).all()).toEqual(DRAINING);
    const late = await begin(clientOf(address), RH());
    expect(late.answers).toMatchObject([{ immediateResponse: { status: { code: 503 } } }]);
    for (const stream of streams) await finish(stream);
    expect(await command.ended).toEqual([0, null]);
    const outcomes = recordsOf(file).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['completed', 'completed', 'completed', 'rejected']);
    expect(command.stderr).toBe('interlock: 3 in flight may end; a second signal cuts them\n');
  });

  it('leaves what is in flight after the drain deadline', async () => {
    const file = aFile();
    const config = written('short.yaml', 'deadlines: { drain: 100 }');
    const command = serve('--usage', file, '--config', config);
    const stream = await begin(clientOf(await command.url()), RH({}, true));
    await stop(command);
    expect(await stream.ended).toMatchObject({ code: Code.OK });
    expect(recordsOf(file)).toMatchObject([{ outcome: 'drained', cause: 'deadline_drain' }]);
  });

  it('that comes twice cuts what is left, and it is recorded', async () => {
    const file = aFile();
    const command = serve('--usage', file);
    await begin(clientOf(await command.url()), RH({}, true));
    command.signal('SIGTERM');
    await command.until(() => command.stderr.includes('a second signal cuts them'));
    await stop(command);
    expect(recordsOf(file)).toMatchObject([{ outcome: 'drained' }]);
  });
});

describe('bad input', () => {
  async function refused(args: string[], ...says: string[]): Promise<void> {
    const command = run(...args);
    expect(await command.ended).toEqual([2, null]);
    for (const text of says) expect(command.stderr).toContain(text);
    expect(command.stderr).not.toMatch(/\n {4}at /);
  }

  it('in a flag is named with what is accepted', async () => {
    await Promise.all([
      refused(['--listen', 'here'], '--listen', "'here'", 'Accepted: HOST:PORT', 'unix:PATH'),
      refused(['--listen', 'unix:'], '--listen', "'unix:'", 'unix:PATH'),
      refused(['--listen', '0.0.0.0:0'], '--listen 0.0.0.0:0', '--tls-cert', '--plaintext'),
      refused(['--tls-cert', 'a.crt'], 'in part', '--tls-key'),
      refused(['--tls-client-ca', 'a.crt'], 'in part', '--tls-key'),
      refused(['--tls-cert', 'a.crt', '--tls-key', 'b'], '--tls-cert a.crt', 'ENOENT'),
      refused(['--plaintext', '--tls-key', 'b'], '--plaintext', '--tls-key'),
      refused(['--legacy', '--config', 'a.yaml'], '--legacy', '--config'),
      refused(['--inspect', 'x'], '--inspect', "'x'", 'a port'),
    ]);
  });

  it('in a file is named with the key, what was found and what is accepted', async () => {
    const bad = (text: string) => ['--usage', aFile(), '--config', written('bad.yaml', text)];
    await Promise.all([
      refused(['--config', 'none.yaml'], '--config', 'none.yaml', 'ENOENT', 'ext-proc --help'),
      refused(bad('limit: {}'), 'limit: no such key', 'limits'),
      refused(bad('upstreams: [{ id: a, endpoint: here }]'), 'found "here"', 'host:port'),
      refused(bad('modes: { requestBody: ALL }'), 'modes.requestBody', 'FULL_DUPLEX_STREAMED'),
    ]);
  });

  it('of a place that cannot be had is named with what is accepted', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    closing.push(() => server.close());
    await once(server, 'listening');
    const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const usage = ['--usage', aFile()];
    await Promise.all([
      refused(['--listen', taken, ...usage], `--listen ${taken}: listen EADDRINUSE`, 'Accepted'),
      refused(
        ['--listen', '127.0.0.1:0', '--health', taken, '--usage', aFile()],
        `--health ${taken}`,
        'Accepted',
      ),
      refused(['--usage', join(folder, 'no', 'such')], '--usage', 'Check the path'),
    ]);
  });
});

describe('help', () => {
  it('names each flag, each key of a file with its default, and each name of health', async () => {
    const command = run('--help');
    expect(await command.ended).toEqual([0, null]);
    const help = command.stdout;
    for (const flag of ['listen', 'health', 'config', 'usage', 'plaintext', 'inspect', 'legacy'])
      expect(help).toContain(`--${flag}`);
    for (const flag of ['cert', 'key', 'client-ca', 'client-name'])
      expect(help).toContain(`--tls-${flag}`);
    const config = checkConfig({}, 'the test');
    for (const key of Object.keys(config)) expect(help).toMatch(new RegExp(`^ +${key}:`, 'm'));
    const { destinationHeader, metadataNamespace, streamSse } = config;
    const own = { destinationHeader, metadataNamespace, streamSse };
    for (const [key, value] of Object.entries({ ...own, ...config.deadlines, ...config.limits })) {
      expect(help).toMatch(new RegExp(`^ +${key}: ${value}\\b`, 'm'));
    }
    for (const name of HEALTH_NAMES) expect(help).toContain(`"${name}"`);
  });
});

/**
 * The whole way with a real Envoy: a client, Envoy as `deploy/envoy.yaml` sets it up, the ext_proc
 * server beside it, and the scripted upstreams. It runs where there is an `envoy` on the PATH, or
 * where ENVOY_BIN names one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Upstream } from '../src/upstream/index.js';
import { startUpstream } from '../src/upstream/index.js';
import { EnvoyWorld } from './envoy/world.js';
import { Running } from './running.js';

const { ENVOY_BIN } = process.env;
const found = spawnSync('envoy', ['--version']).error === undefined ? 'envoy' : undefined;
const program = ENVOY_BIN ?? found;
const why = program === undefined ? ' (skipped: no envoy on the PATH, and no ENVOY_BIN)' : '';

const deployed = (name: string) => {
  const place = new URL(`../src/adapters/ext-proc/deploy/${name}`, import.meta.url);
  return parse(readFileSync(fileURLToPath(place), 'utf8'));
};

/** The bootstrap with ports of this run: its own are free ones, which it tells on its admin port. */
function bootstrapFor(world: EnvoyWorld): string {
  const bootstrap = deployed('envoy.yaml');
  const { listeners, clusters } = bootstrap.static_resources;
  bootstrap.admin.address.socket_address.port_value = 0;
  listeners[0].address.socket_address.port_value = 0;
  const [{ lb_endpoints: endpoints }] = clusters[0].load_assignment.endpoints;
  endpoints[0].endpoint.address.socket_address.port_value = Number(
    world.server.address.split(':')[1],
  );
  return JSON.stringify(bootstrap);
}

describe.skipIf(program === undefined)(`a real Envoy${why}`, () => {
  let folder: string;
  let upstreams: Upstream[] = [];
  let world: EnvoyWorld;
  let envoy: Running;
  let url: string;
  let exchanges = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'interlock-envoy-'));
    upstreams = await Promise.all([startUpstream(), startUpstream()]);
    const config = deployed('extproc.yaml');
    for (const [at, upstream] of upstreams.entries()) {
      config.upstreams[at].endpoint = `127.0.0.1:${upstream.port}`;
    }
    world = await EnvoyWorld.start(config);
    writeFileSync(join(folder, 'envoy.json'), bootstrapFor(world));
    const options = '-c envoy.json --disable-hot-restart --concurrency 1 --log-level info';
    const admin = ['--admin-address-path', 'admin.txt', '--file-flush-interval-msec', '50'];
    envoy = new Running([...options.split(' '), ...admin], folder, program);
    await envoy.until(() => envoy.stderr.includes('starting workers'));
    const at = readFileSync(join(folder, 'admin.txt'), 'utf8').trim();
    const told = await (await fetch(`http://${at}/listeners?format=json`)).json();
    const [{ local_address: local }] = (told as Told).listener_statuses;
    url = `http://127.0.0.1:${local.socket_address.port_value}`;
  }, 60_000);

  interface Told {
    listener_statuses: [{ local_address: { socket_address: { port_value: number } } }];
  }

  afterAll(async () => {
    envoy?.signal('SIGKILL');
    await envoy?.ended;
    await world?.close();
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  function ask(body: object, path = '/v1/chat/completions', headers = {}): Promise<Response> {
    const messages = [{ role: 'user', content: 'Tell me about order.' }];
    return fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages, ...body }),
    });
  }

  /** The record of the exchange that was the last, which is the only one that is new. */
  async function recorded() {
    const records = await world.recorded(++exchanges);
    expect(records).toHaveLength(exchanges);
    return records.at(-1);
  }

  it('passes a JSON exchange, to the upstream of its model, and it is recorded once', async () => {
    const [large, small] = upstreams as [Upstream, Upstream];
    const response = await ask({ model: 'large-1' });
    const { usage } = (await response.json()) as { usage: { completion_tokens: number } };
    const destination = `127.0.0.1:${large.port}`;
    expect(large.requests).toHaveLength(1);
    expect(large.requests[0]?.headers).toMatchObject({
      'x-gateway-destination-endpoint': destination,
    });
    expect(small.requests).toHaveLength(0);
    expect(await recorded()).toMatchObject({
      outcome: 'completed',
      status: 200,
      upstream: 'large',
      usage: { kind: 'final', outputTokens: usage.completion_tokens },
    });
  });

  it('passes a stream in the pieces it came in, and it is recorded once', async () => {
    const response = await ask({
      model: 'small-1',
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
    expect(await recorded()).toMatchObject({
      outcome: 'completed',
      status: 200,
      usage: { kind: 'final' },
    });
    // The usage has reached Envoy too, as metadata of the exchange.
    await envoy.until(() => /"output_tokens":\d/.test(envoy.stdout));
  });

  it('goes nowhere that a client has chosen', async () => {
    const before = upstreams.map(({ connections }) => connections.length);
    const forged = { 'x-gateway-destination-endpoint': `127.0.0.1:${upstreams[0]?.port}` };
    const response = await ask({ model: 'none-1' }, '/elsewhere', forged);
    expect(response.status).toBe(404);
    expect(upstreams.map(({ connections }) => connections.length)).toEqual(before);
    await recorded();
  });

  it('hands on the 503 of a server that drains', async () => {
    await world.server.drain();
    const response = await ask({ model: 'large-1' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ error: { code: 'draining' } });
    expect(await recorded()).toMatchObject({ outcome: 'rejected', status: 503 });
  });
});

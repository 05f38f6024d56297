/** A collector: what it is sent, and that none of its faults reaches an exchange. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { endpointsOf } from '../src/observe/endpoints.js';
import { METRICS } from '../src/observe/metrics.js';
import { ask, chat } from './faults.js';
import { World } from './harness.js';
import { heldBytes } from './memory.js';
import { Observed } from './observing.js';
import { TRACES } from './otlp.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).reverse()) await close();
});
// What is told is looked at as JSON; that protobuf is what is sent otherwise has a test of its own.
beforeEach(() => vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json'));

/** A collector, which keeps what it is sent and answers as it is told to. */
class Collector {
  readonly bodies: { readonly path: string; readonly body: unknown }[] = [];
  readonly #server: Server;
  #heard: (() => void)[] = [];

  private constructor(answer: (response: ServerResponse) => void) {
    this.#server = createServer((request, response) => {
      void this.#take(request).then(() => answer(response));
    });
  }

  static async start(answer: (response: ServerResponse) => void): Promise<Collector> {
    const collector = new Collector(answer);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    closing.push(() => collector.close());
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once something was sent to this path. */
  async sent(path: string): Promise<unknown> {
    for (;;) {
      const found = this.bodies.find((item) => item.path === path);
      if (found !== undefined) return found.body;
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const json = request.headers['content-type'] === 'application/json';
    const body: unknown = json ? JSON.parse(bytes.toString()) : bytes;
    this.bodies.push({ path: request.url as string, body });
    for (const wake of this.#heard.splice(0)) wake();
  }
}

const timeOf = ({ timeUnixNano }: { timeUnixNano: string }) => timeUnixNano;

/** A gateway with a collector at this URL, and a few exchanges with it, which must all be well. */
async function exchanged(url: string, count = 3): Promise<{ world: World; seen: Observed }> {
  const seen = await Observed.open({ metrics: undefined, endpoints: endpointsOf(url) });
  const world = await World.start({ telemetry: seen.telemetry });
  closing.push(() => world.close());
  for (let at = 0; at < count; at++) await ask(world.port, { body: chat('interlock-small') });
  const records = await world.recorded(count);
  expect(records.map(({ outcome }) => outcome)).toEqual(records.map(() => 'completed'));
  expect(world.warnings).toEqual([]);
  return { world, seen };
}

describe('a collector', () => {
  it('gets a span per exchange and every metric, the last of them at the end', async () => {
    const collector = await Collector.start((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    );
    const { seen } = await exchanged(`${collector.url}/`);
    await seen.close();
    const spans = JSON.stringify(await collector.sent('/v1/traces'));
    expect(spans.match(/"interlock\.outcome"/g)).toHaveLength(3);
    const metrics = JSON.stringify(await collector.sent('/v1/metrics'));
    for (const { name, kind, unit } of Object.values(METRICS)) {
      // A histogram of which nothing was recorded is not sent.
      if (kind === 'histogram' && !/duration$/.test(name)) continue;
      expect(metrics).toContain(`"name":"${name}"`);
      expect(metrics).toContain(`"unit":"${unit}"`);
    }
    expect(metrics).toContain('{"key":"service.name","value":{"stringValue":"interlock"}}');
    expect(seen.warnings).toEqual([]);
  });

  it('gets protobuf unless it is to be JSON', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', '');
    const collector = await Collector.start((response) => response.end());
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    const spans = TRACES.decode((await collector.sent('/v1/traces')) as Buffer).toJSON();
    const [{ name, startTimeUnixNano, endTimeUnixNano, events }] =
      spans.resourceSpans[0].scopeSpans[0].spans;
    expect(name).toBe('chat interlock-small');
    const times = [startTimeUnixNano, ...events.map(timeOf), endTimeUnixNano].map(BigInt);
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    expect(Math.abs(Number(times[0]) / 1e6 - Date.now())).toBeLessThan(60_000);
    expect(String(await collector.sent('/v1/metrics'))).toContain(METRICS.duration.name);
    expect(seen.warnings).toEqual([]);
  });

  it('gets no more spans than the sampler wants, and every exchange in the metrics', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', '0');
    const collector = await Collector.start((response) => response.end('{}'));
    const { seen } = await exchanged(collector.url);
    await seen.close();
    const metrics = JSON.stringify(await collector.sent('/v1/metrics'));
    expect(metrics).toMatch(/"name":"interlock\.exchange\.duration".*?"count":3/);
    expect(collector.bodies.map(({ path }) => path)).not.toContain('/v1/traces');
  });

  it.each([
    ['OTEL_TRACES_SAMPLER', 'sometimes', 'one of always_on, always_off, traceidratio'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%', 'a share from 0 to 1'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'a share from 0 to 1'],
  ])('%s=%s is refused with what is accepted, as nothing would say so later', async (...row) => {
    const [name, value, accepted] = row;
    vi.stubEnv(name, value);
    await expect(
      Observed.open({ metrics: undefined, endpoints: endpointsOf('http://127.0.0.1:1', {}) }),
    ).rejects.toThrow(new RegExp(`${name}.*${value.replace('.', '\\.')}.*${accepted}`));
  });

  it.each([
    ['answers errors', 500, 'Internal\u001b[2J Error'],
    ['refuses', 401, 'No'],
    ['is too busy', 503, 'Busy'],
  ])('that %s is told of once a minute, and exchanges go on', async (_, status, message) => {
    const collector = await Collector.start((response) => {
      const reason = message.replace(/[^ -~]/g, '');
      response.writeHead(status, reason, { 'retry-after': '60' }).end('\u001b[2J'.repeat(1_000));
    });
    const { seen } = await exchanged(collector.url);
    await seen.close();
    const paths = seen.warnings.map((line) => /^OTLP (\S+): not taken: .*/.exec(line)?.[1]);
    expect(paths.sort()).toEqual([`${collector.url}/v1/metrics`, `${collector.url}/v1/traces`]);
    for (const line of seen.warnings) {
      expect(line).toMatch(/; exchanges go on$/);
      expect(line).not.toContain('\u001b');
      expect(line.length).toBeLessThan(400);
    }
  });

  it('that is gone is told of, and exchanges go on', async () => {
    const collector = await Collector.start(() => {});
    const { url } = collector;
    collector.close();
    const { seen } = await exchanged(url);
    await seen.close();
    expect(seen.warnings.join('\n')).toContain('ECONNREFUSED');
  });

  it('that hangs holds up no exchange, no end for long, and no memory without bound', async () => {
    const collector = await Collector.start(() => {});
    const { seen } = await exchanged(collector.url);
    const before = heldBytes();
    for (let at = 0; at < 30_000; at++) {
      const observation = seen.telemetry.begin(`exchange-${at}`, () => undefined);
      observation.recorded(record(), { streams: false, requestModel: undefined });
      seen.telemetry.over(observation);
      if (at % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await collector.sent('/v1/traces');
    expect(heldBytes() - before).toBeLessThan(128 * 1024 * 1024);
    // The time that it has is the close's own: were it not bounded, this test would not end.
    await seen.close();
  });
});

describe('where telemetry is sent', () => {
  const url = 'http://collector:4318';

  it('is what the flag says, or what the environment does', () => {
    const protocol = 'http/protobuf';
    const traces = { url: `${url}/v1/traces`, protocol };
    const both = { traces, metrics: { url: `${url}/v1/metrics`, protocol } };
    expect(endpointsOf(undefined, {})).toEqual({});
    expect(endpointsOf(url, {})).toEqual(both);
    expect(endpointsOf(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/` })).toEqual(both);
    expect(
      endpointsOf(undefined, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/spans' }),
    ).toEqual({ traces: { url: 'https://other/spans', protocol } });
    expect(
      endpointsOf(undefined, {
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_METRICS_EXPORTER: 'none',
      }),
    ).toEqual({ traces });
    expect(
      endpointsOf(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' }),
    ).toEqual({});
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'no url'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'file:///etc/passwd'],
  ])('by %s=%s is an error that names it', (name, value) => {
    expect(() => endpointsOf(undefined, { [name]: value })).toThrow(
      `${name}: found "${value}"; accepted: the http:// or https:// URL of a collector`,
    );
  });

  it('is encoded as the environment says, for each signal', () => {
    const env = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
    };
    const { traces, metrics } = endpointsOf(url, env);
    expect([traces?.protocol, metrics?.protocol]).toEqual(['http/json', 'http/protobuf']);
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http'],
  ])('over %s=%s is an error that says what is spoken', (name, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, [name]: value };
    expect(() => endpointsOf(undefined, env)).toThrow(
      `${name}: found "${value}"; accepted: http/protobuf, http/json`,
    );
  });
});

function record(): UsageRecord {
  return {
    v: 1,
    exchange: 'a',
    at: '',
    outcome: 'completed',
    usage: { kind: 'unknown', reason: 'no_usage' },
    requestBytes: 1,
    responseBytes: 1,
    durationMs: 1,
  };
}

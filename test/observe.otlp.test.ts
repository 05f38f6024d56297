/** A collector: what it is sent, and that none of its faults reaches an exchange. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ClientRequest, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { endpointsOf, PROTOCOLS } from '../src/observe/endpoints.js';
import { METRICS } from '../src/observe/metrics.js';
import { Authority } from './certificates.js';
import { Collector } from './collector.js';
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
async function started(...how: Parameters<typeof Collector.start>): Promise<Collector> {
  const collector = await Collector.start(...how);
  closing.push(() => collector.close());
  return collector;
}

function* endless() {
  for (;;) yield 'x'.repeat(16_384);
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

describe('a collector, over http/json', () => {
  beforeEach(() => vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json'));

  it('gets a span per exchange and every metric, the last of them at the end', async () => {
    const collector = await started((response) =>
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

  it('gets no more spans than the sampler wants, and every exchange in the metrics', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', '0');
    const collector = await started((response) => response.end('{}'));
    const { seen } = await exchanged(collector.url);
    await seen.close();
    const metrics = JSON.stringify(await collector.sent('/v1/metrics'));
    expect(metrics).toMatch(/"name":"interlock\.exchange\.duration".*?"count":3/);
    expect(collector.bodies.map(({ path }) => path)).not.toContain('/v1/traces');
  });
});

describe('a collector, if nothing else is said', () => {
  it('gets protobuf', async () => {
    const collector = await started((response) => response.end());
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

  it('that is too busy for a moment gets what it did not take, once more', async () => {
    let refused = 0;
    const collector = await started((response) => {
      if (refused++ < 2) response.writeHead(503, { 'retry-after': '0' });
      response.end();
    });
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    expect(seen.warnings).toEqual([]);
    expect(collector.spanNames.length).toBeGreaterThan(1);
    expect(new Set(collector.spanNames)).toEqual(new Set(['chat interlock-small']));
  });

  it('that is too busy for good, and wants it at once, is not asked more often for that', async () => {
    const collector = await started((response) =>
      response.writeHead(503, { 'retry-after': '0' }).end(),
    );
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    const attempts = collector.spanNames.length;
    expect(attempts).toBeGreaterThan(1);
    expect(attempts).toBeLessThan(5);
  });

  it('gets it compressed if the environment says so', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_COMPRESSION', 'gzip');
    const collector = await started((response) => response.end());
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    expect(collector.spanNames).toEqual(['chat interlock-small']);
    expect(seen.warnings).toEqual([]);
  });

  it.each([
    ['answers without end', (response: ServerResponse) => Readable.from(endless()).pipe(response)],
    ['does not end its answer', (response: ServerResponse) => response.write('x')],
    ['breaks off', (response: ServerResponse) => response.write('x', () => response.destroy())],
  ])('that %s has taken what it was sent, and gets it once', async (_, answer) => {
    const collector = await started(answer);
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    expect(collector.spanNames).toEqual(['chat interlock-small']);
    expect(seen.warnings).toEqual([]);
  });
});

describe.each(PROTOCOLS)('a collector, over %s,', (protocol) => {
  beforeEach(() => vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', protocol));

  /** The first request of Node's own client has all compiled code of its servers thrown away. */
  it("is sent nothing by Node's own client", async () => {
    const collector = await started((response) => response.end());
    const sentTo: unknown[] = [];
    const told = (message: unknown) => {
      sentTo.push((message as { request: ClientRequest }).request.getHeader('host'));
    };
    subscribe('http.client.request.start', told);
    closing.push(() => unsubscribe('http.client.request.start', told));
    const { seen } = await exchanged(collector.url, 1);
    await seen.close();
    expect(collector.bodies.map(({ path }) => path).sort()).toEqual(['/v1/metrics', '/v1/traces']);
    expect(sentTo).not.toContain(collector.url.slice('http://'.length));
  });

  it.each([
    ['answers errors', 500, 'Internal\u001b[2J Error'],
    ['refuses', 401, 'No'],
    ['is too busy', 503, 'Busy'],
  ])('that %s is told of once a minute, and exchanges go on', async (_, status, message) => {
    const collector = await started((response) => {
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
    const collector = await started(() => {});
    const { url } = collector;
    collector.close();
    const { seen } = await exchanged(url);
    await seen.close();
    expect(seen.warnings.join('\n')).toContain('ECONNREFUSED');
  });

  it('that hangs holds up no exchange, no end for long, and no memory without bound', async () => {
    const collector = await started(() => {});
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

  it('is trusted, and trusts us, by the certificates that the environment names', async () => {
    const authority = new Authority('a collector’s');
    const directory = mkdtempSync(join(tmpdir(), 'interlock-otlp-'));
    closing.push(() => rmSync(directory, { recursive: true }));
    const client = authority.issue();
    const files = { CERTIFICATE: authority.cert, CLIENT_CERTIFICATE: client.cert };
    for (const [name, text] of Object.entries({ ...files, CLIENT_KEY: client.key })) {
      const file = join(directory, name);
      writeFileSync(file, text);
      vi.stubEnv(`OTEL_EXPORTER_OTLP_${name}`, file);
    }
    const secure = { ...authority.issue({ names: ['DNS:localhost'] }), ca: authority.cert };
    const collector = await started((response) => response.end(), secure);
    const { seen } = await exchanged(`https://localhost:${collector.port}`, 1);
    await seen.close();
    expect(seen.warnings).toEqual([]);
    expect(collector.bodies.map(({ path }) => path).sort()).toEqual(['/v1/metrics', '/v1/traces']);
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

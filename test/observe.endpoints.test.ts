/** Where telemetry is sent, and how much of it: what the environment says, and what is refused. */
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { endpointsOf } from '../src/observe/endpoints.js';
import { Collector } from './collector.js';
import { Observed } from './observing.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a sampler', () => {
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

  it('is nowhere for a signal that the environment has for others', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: 'otlp, none' };
    expect(Object.keys(endpointsOf(undefined, env))).toEqual(['traces', 'metrics']);
    const other = { ...env, OTEL_METRICS_EXPORTER: 'prometheus' };
    expect(() => endpointsOf(undefined, other)).toThrow(
      'OTEL_METRICS_EXPORTER: found "prometheus"; accepted: otlp, or none',
    );
  });

  it('tells no password of a URL that is refused', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:secret@collector:4318' };
    expect(() => endpointsOf(undefined, env)).toThrow(
      'found "http://***@collector:4318"; accepted: the http:// or https:// URL of a collector, without user, query or hash',
    );
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zip', 'gzip, or none'],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'x', 'milliseconds, from 1'],
    ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', '0', 'milliseconds, from 1'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', 'abc', 'a whole number, from 1'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '1.5', 'a whole number, from 1'],
    ['OTEL_BSP_SCHEDULE_DELAY', '-1', 'a whole number, from 0'],
    ['OTEL_BSP_EXPORT_TIMEOUT', 'never', 'a whole number, from 0'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '5', 'milliseconds, from 100'],
    ['OTEL_METRIC_EXPORT_TIMEOUT', 'abc', 'milliseconds, from 1'],
    ['OTEL_METRIC_EXPORT_TIMEOUT', '0', 'milliseconds, from 1'],
  ])('by %s=%s is an error that says what is accepted', async (name, value, accepted) => {
    vi.stubEnv(name, value);
    await expect(Observed.open({ endpoints: endpointsOf(url, {}) })).rejects.toThrow(
      `${name}: found "${value}"; accepted: ${accepted}`,
    );
  });

  describe.each([
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  ])('by %s', (name) => {
    it.each([
      ['collector:4317'],
      ['no url'],
      ['file:///etc/passwd'],
      ['http:collector:4318'],
      ['http://'],
      ['http://collector:65536'],
      // Whatever were put behind these would be no path.
      ['http://collector:4318?'],
      ['http://collector:4318#'],
      ['http://collector:4318/?key=secret', 'http://collector:4318/?***'],
      ['http://collector:4318#secret', 'http://collector:4318#***'],
      ['http://@collector', 'http://***@collector'],
      ['http://:@collector', 'http://***@collector'],
      [' http://collector:4318'],
      ['http://collector:4318 '],
    ])('=%j is an error that names it, and tells no key', (value, shown = value) => {
      expect(() => endpointsOf(undefined, { [name]: value })).toThrow(
        `${name}: found "${shown}"; accepted: the http:// or https:// URL of a collector, without user, query or hash`,
      );
    });

    it.each([
      ['http://collector'],
      ['HTTPS://collector:4318/'],
      ['http://[::1]:4318'],
      ['http://127.0.0.1:4318/at/@home'],
    ])('=%s is there', (value) => {
      expect(Object.keys(endpointsOf(undefined, { [name]: value })).length).toBeGreaterThan(0);
    });
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

/** The specification wants the start to go on, and people to be told. */
describe('what is said of telemetry and is of no use', () => {
  const PROPAGATORS = 'tracecontext is how traces are joined and handed on';
  const RESOURCE = 'none of it is told: it is not all name=value, with commas between them';
  it.each([
    ['OTEL_PROPAGATORS', 'b3', [`OTEL_PROPAGATORS: found "b3"; ${PROPAGATORS}`]],
    ['OTEL_PROPAGATORS', 'none', [`OTEL_PROPAGATORS: found "none"; ${PROPAGATORS}`]],
    ['OTEL_PROPAGATORS', 'tracecontext, baggage', []],
    ['OTEL_PROPAGATORS', '', []],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=b,broken', [`OTEL_RESOURCE_ATTRIBUTES: ${RESOURCE}`]],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz', [`OTEL_RESOURCE_ATTRIBUTES: ${RESOURCE}`]],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=b,', []],
    ['OTEL_RESOURCE_ATTRIBUTES', ' ', []],
  ])('%s=%s is told of, or not: %j', async (name, value, told) => {
    const collector = await Collector.start((response) => response.end());
    onTestFinished(() => collector.close());
    for (const service of ['', 'mine']) {
      vi.stubEnv('OTEL_SERVICE_NAME', service);
      vi.stubEnv(name, value);
      const endpoints = endpointsOf(collector.url, {});
      const seen = await Observed.open({ metrics: undefined, endpoints });
      await seen.close();
      expect(seen.warnings).toEqual(told);
    }
  });
});

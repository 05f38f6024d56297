/** The files to deploy the ext_proc server with, against what the server itself takes and says. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { ExtProcConfig } from '../src/adapters/ext-proc/config.js';
import { checkConfig } from '../src/adapters/ext-proc/config.js';
import { HEALTH_NAMES } from '../src/adapters/ext-proc/endpoint.js';
import type { BodyMode } from '../src/adapters/ext-proc/wire.js';
import { BODY_MODES, SERVICE_NAME } from '../src/adapters/ext-proc/wire.js';
import { extProcCommand } from '../src/cli/ext-proc.js';
import { Reader } from './envoy/protos.js';

// biome-ignore lint/suspicious/noExplicitAny: what a file of YAML holds has no type.
type Yaml = any;

const textOf = (name: string) =>
  readFileSync(
    fileURLToPath(new URL(`../src/adapters/ext-proc/deploy/${name}`, import.meta.url)),
    'utf8',
  );
const defaults = checkConfig({}, 'the defaults');
const config = checkConfig(parse(textOf('extproc.yaml')), 'extproc.yaml', {});
const { port: defaultPort, host: defaultHost } = placeOf(
  extProcCommand().options.find(({ long }) => long === '--listen')?.defaultValue,
);

function placeOf(text: string): { host: string; port: number } {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
}

/** How the bodies are shown, and whether the trailers of their halves are. */
interface Shown {
  readonly request: readonly [BodyMode, trailers: boolean];
  readonly response: readonly [BodyMode, trailers: boolean];
  readonly override: boolean;
}

/** What the server needs of any Envoy, however it is told. */
function expectFits(shown: Shown, { routes, streamSse, modes }: ExtProcConfig): void {
  const { request, response, override } = shown;
  for (const [mode, trailers] of [request, response]) {
    expect(BODY_MODES).toContain(mode);
    if (mode === 'FULL_DUPLEX_STREAMED') expect(trailers).toBe(true);
  }
  if (routes.some(({ models }) => models !== undefined)) {
    expect(['BUFFERED', 'FULL_DUPLEX_STREAMED']).toContain(request[0]);
  }
  expect(response[0]).not.toBe('NONE');
  expect(override).toBe(streamSse);
  expect(modes).toEqual({ requestBody: request[0], responseBody: response[0] });
}

describe('extproc.yaml', () => {
  it('is of the names that the other files are written for', () => {
    expect(config.destinationHeader).toBe(defaults.destinationHeader);
    expect(config.metadataNamespace).toBe(defaults.metadataNamespace);
    expect(config.upstreams.length).toBeGreaterThan(1);
  });

  it('names endpoints that the cluster of the original destination can reach', () => {
    for (const { endpoint } of config.upstreams) expect(endpoint).toMatch(/^[\d.]+:\d+$/);
  });
});

describe('envoy.yaml', () => {
  const envoy: Yaml = parse(textOf('envoy.yaml'));
  const { listeners, clusters } = envoy.static_resources;
  const manager = listeners[0].filter_chains[0].filters[0].typed_config;
  const filters: Yaml[] = manager.http_filters;
  const filter = (name: string) =>
    filters.find((item) => item.name === `envoy.filters.http.${name}`);
  const extProc = filter('ext_proc').typed_config;
  const cluster = (name: string) => clusters.find((item: Yaml) => item.name === name);
  const asked = cluster(extProc.grpc_service.envoy_grpc.cluster_name);

  it('is read by Envoy, as far as its own files tell', () => {
    const reader = new Reader([
      'envoy/config/bootstrap/v3/bootstrap.proto',
      'envoy/extensions/access_loggers/stream/v3/stream.proto',
      'envoy/extensions/filters/http/ext_proc/v3/ext_proc.proto',
      'envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto',
      'envoy/extensions/filters/http/router/v3/router.proto',
      'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
      'envoy/extensions/transport_sockets/tls/v3/tls.proto',
      'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
    ]);
    // Its example of TLS is a comment, and has to be right all the same.
    const text = textOf('envoy.yaml').replace(/^( +)# (?=transport_socket:| {2})/gm, '$1');
    const withTls = parse(text);
    expect(withTls.static_resources.clusters[0]).toHaveProperty(
      'transport_socket.typed_config.sni',
    );
    expect(reader.faultsOf('envoy.config.bootstrap.v3.Bootstrap', withTls)).toEqual([]);
    expect(reader.faultsOf('envoy.config.bootstrap.v3.Bootstrap', envoy)).toEqual([]);
    expect(reader.faultsOf('envoy.config.bootstrap.v3.Bootstrap', { admin: { a: 1 } })).toEqual([
      'envoy.config.bootstrap.v3.Bootstrap.admin.a: no such field of envoy.config.bootstrap.v3.Admin',
    ]);
  });

  it('asks the server where it listens, over HTTP/2', () => {
    const { socket_address: at } =
      asked.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address;
    expect(at).toEqual({ address: defaultHost, port_value: defaultPort });
    const [options] = Object.values<Yaml>(asked.typed_extension_protocol_options);
    expect(options.explicit_http_config).toHaveProperty('http2_protocol_options');
  });

  it('shows what the server needs, and lets through what it says', () => {
    const { processing_mode: mode, metadata_options: metadata } = extProc;
    expect([mode.request_header_mode, mode.response_header_mode]).toEqual(['SEND', 'SEND']);
    expectFits(
      {
        request: [mode.request_body_mode, mode.request_trailer_mode === 'SEND'],
        response: [mode.response_body_mode, mode.response_trailer_mode === 'SEND'],
        override: extProc.allow_mode_override === true,
      },
      config,
    );
    expect(metadata.receiving_namespaces.untyped).toEqual([config.metadataNamespace]);
    expect(extProc.failure_mode_allow).toBe(false);
    expect(extProc.grpc_service).not.toHaveProperty('timeout');
  });

  it('goes where the server says, and nowhere where a client says', () => {
    const [route] = manager.route_config.virtual_hosts[0].routes;
    const { original_dst_lb_config: original } = cluster(route.route.cluster);
    const { request_mutations: before } = filter('header_mutation').typed_config.mutations;
    expect(original).toMatchObject({ use_http_header: true });
    expect([original.http_header_name, route.match.headers[0].name, before[0].remove]).toEqual(
      Array(3).fill(config.destinationHeader),
    );
    const order = filters.map(({ name }) => name.split('.').pop());
    expect(order).toEqual(['header_mutation', 'ext_proc', 'router']);
  });

  it('has no smaller limits than the server, and no larger messages', () => {
    const { streamsMax, messageBytesMax } = config.limits;
    const [limits] = asked.circuit_breakers.thresholds;
    expect(limits.max_requests).toBeGreaterThanOrEqual(streamsMax);
    const room = messageBytesMax - listeners[0].per_connection_buffer_limit_bytes;
    expect(room).toBeGreaterThan(64 * 1024);
  });

  it('checks the health of the service', () => {
    expect(asked.health_checks[0].grpc_health_check.service_name).toBe(SERVICE_NAME);
  });
});

describe('kubernetes.yaml', () => {
  const documents: Yaml[] = parseAllDocuments(textOf('kubernetes.yaml')).map((item) => item.toJS());
  const ofKind = (kind: string): Yaml => documents.find((item) => item.kind === kind);
  const { spec: pod } = ofKind('Deployment').spec.template;
  const [container] = pod.containers;
  const flags = new Map<string, string>(
    container.args.slice(1).map((arg: string) => arg.split(/=(.*)/s, 2)),
  );
  const ports = new Map(container.ports.map((item: Yaml) => [item.name, item.containerPort]));
  const [extProc] = ofKind('EnvoyExtensionPolicy').spec.extProc;

  it('runs the command, with flags that it has', () => {
    const command = extProcCommand();
    expect(container.args[0]).toBe(command.name());
    const known = command.options.map(({ long }) => long);
    expect([...flags.keys()].filter((flag) => !known.includes(flag))).toEqual([]);
    expect(flags.get('--config')?.split('/').pop()).toBe('extproc.yaml');
  });

  it('mounts every file that a flag names', () => {
    const mounted = container.volumeMounts.map((item: Yaml) => `${item.mountPath}/`);
    for (const value of flags.values()) {
      if (!value.startsWith('/')) continue;
      expect(mounted).toContain(value.replace(/[^/]*$/, ''));
    }
    const names = container.volumeMounts.map((item: Yaml) => item.name);
    expect(names).toEqual(pod.volumes.map((item: Yaml) => item.name));
  });

  it('hears and is heard on the ports of the flags', () => {
    expect(placeOf(flags.get('--listen')!).port).toBe(defaultPort);
    expect(ports.get('grpc')).toBe(defaultPort);
    expect(ports.get('health')).toBe(placeOf(flags.get('--health')!).port);
    const [port] = ofKind('Service').spec.ports;
    expect([port.port, port.targetPort]).toEqual([defaultPort, 'grpc']);
    expect(extProc.backendRefs).toEqual([
      { name: ofKind('Service').metadata.name, port: defaultPort },
    ]);
  });

  it('is no plaintext beyond the machine, and asks clients who they are', () => {
    expect(flags.has('--plaintext')).toBe(false);
    for (const flag of ['--tls-cert', '--tls-key', '--tls-client-ca', '--tls-client-name']) {
      expect(flags.has(flag), flag).toBe(true);
    }
    const { targetRefs } = ofKind('BackendTLSPolicy').spec;
    expect(targetRefs[0].name).toBe(ofKind('Service').metadata.name);
  });

  it('probes by the names of health, each for what it tells', () => {
    for (const name of ['liveness', 'readiness'] as const) {
      const { grpc } = container[`${name}Probe`];
      expect(grpc).toEqual({ port: ports.get('health'), service: name });
      expect(HEALTH_NAMES).toContain(grpc.service);
    }
  });

  it('gives the pod longer to end than the server takes', () => {
    const { drain, settle } = config.deadlines;
    const needsMs = container.lifecycle.preStop.sleep.seconds * 1000 + drain + settle;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(needsMs);
  });

  it('shows what the server needs, and lets through what it says', () => {
    const { request, response, allowModeOverride = false } = extProc.processingMode;
    const modeOf = (body: string) =>
      body.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toUpperCase() as BodyMode;
    // Envoy Gateway sends headers of halves that are there, and trailers with FullDuplexStreamed.
    const shown = ({ body }: { body: string }) =>
      [modeOf(body), body === 'FullDuplexStreamed'] as const;
    const override = allowModeOverride;
    expectFits({ request: shown(request), response: shown(response), override }, config);
    expect(extProc.metadata.writableNamespaces).toEqual([config.metadataNamespace]);
    expect(extProc.failOpen).toBe(false);
    const { maxParallelRequests } = extProc.backendSettings.circuitBreaker;
    expect(maxParallelRequests).toBeGreaterThanOrEqual(config.limits.streamsMax);
  });

  it('has a rule for each endpoint, and one to start from', () => {
    const { rules } = ofKind('HTTPRoute').spec;
    const matches = rules.map(({ matches: [match] = [] }: Yaml) => match?.headers);
    const rule = ({ endpoint }: { endpoint: string }) => [
      { name: config.destinationHeader, value: endpoint },
    ];
    expect(matches).toEqual([...config.upstreams.map(rule), undefined]);
    const { targetRefs } = ofKind('EnvoyExtensionPolicy').spec;
    expect(targetRefs[0]).toMatchObject({
      kind: 'HTTPRoute',
      name: ofKind('HTTPRoute').metadata.name,
    });
  });
});

/** What the environment has sent along to a collector: what cannot be sent, or read, is refused. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { endpointsOf } from '../src/observe/endpoints.js';
import { Authority } from './certificates.js';
import { Collector } from './collector.js';
import { Observed } from './observing.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

let collector: Collector;
beforeAll(async () => {
  collector = await Collector.start((response) => response.end());
});
afterAll(() => collector.close());

/** The message that it is refused with; empty where it is accepted, and a collector takes it. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const endpoints = endpointsOf(collector.url, {});
    const seen = await Observed.open({ metrics: undefined, endpoints });
    await seen.close();
    return seen.warnings.join('\n');
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each([
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
])('%s', (name) => {
  it.each([
    ['no pair', 'a=b,secret'],
    ['no name', '=secret'],
    ['a name that is none', 'a b=secret'],
    ['a name that is none when it is decoded', 'a%20b=secret'],
    ['no value', 'api-key='],
    ['what would be left out', 'api-key=secret;more'],
    ['what cannot be decoded', 'api-key=secret%zz'],
    ['half of a character', 'api-key=secret%ff'],
    ['a line', 'api-key=secret\nx'],
    ['a line that is encoded', 'api-key=secret%0d%0ax: y'],
    ['a character that HTTP has not', 'api-key=secret%E2%82%AC'],
  ])('with %s is an error that does not tell it', async (_, value) => {
    expect(await refusal({ [name]: value })).toBe(
      `${name}: found "***"; accepted: name=value, with commas between them; each a header that HTTP can carry, with %25, %2C and %3B for a %, a comma and a semicolon`,
    );
  });

  it.each([
    'connection',
    'Content-Encoding',
    'content-length',
    'Content-Type',
    'expect',
    'Host',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'Transfer-Encoding',
    'upgrade',
  ])('with a %s of its own is an error that names it', async (header) => {
    expect(await refusal({ [name]: `a=b,${header}=secret` })).toBe(
      `${name}: found "${header.toLowerCase()}"; accepted: headers that are not the connection's, nor of the body`,
    );
  });

  it.each([
    'api-key=secret',
    ' Authorization = Basic dXNlcjpzZWNyZXQ= , x-scope=a%2Cb ,',
    'x-name=caf%C3%A9',
  ])('=%s is accepted', async (value) => {
    expect(await refusal({ [name]: value })).toBe('');
  });
});

it('what is said of both signals is refused where one of them has its own, too', async () => {
  const [of, both] = ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_EXPORTER_OTLP_HEADERS'];
  expect(await refusal({ [of]: 'a=b', [both]: 'c' })).toContain(`${both}: found "***"`);
});

describe('certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-credentials-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const authority = new Authority('a collector’s');
  const [own, other] = [authority.issue(), authority.issue()];
  const CERT = file('cert.pem', own.cert);
  const KEY = file('key.pem', own.key);
  const OTHER = file('other.pem', other.key);
  const NONE = file('none.pem', 'no PEM');
  const EMPTY = file('empty.pem', '');
  const BROKEN = file('broken.pem', `${authority.cert}\n${authority.cert.replace(/M/g, 'A')}`);
  const DER = file('cert.der', new X509Certificate(own.cert).raw);

  const cipher = { cipher: 'aes-256-cbc', passphrase: 'secret' };
  const locked = createPrivateKey(own.key).export({ type: 'pkcs8', format: 'pem', ...cipher });
  const LOCKED = file('locked.pem', locked);

  it.each([
    [
      'CERTIFICATE',
      'certificates in PEM, which this is not (ENOENT)',
      { CERTIFICATE: '/no/such.pem' },
    ],
    ['CERTIFICATE', 'certificates in PEM, which this is not', { CERTIFICATE: NONE }],
    ['CERTIFICATE', 'certificates in PEM, which this is not', { CERTIFICATE: EMPTY }],
    ['CERTIFICATE', 'certificates in PEM, which this is not', { CERTIFICATE: KEY }],
    ['CERTIFICATE', 'certificates in PEM, which this is not', { CERTIFICATE: DER }],
    ['CERTIFICATE', 'certificates in PEM, which this is not', { CERTIFICATE: BROKEN }],
    ['CLIENT_CERTIFICATE', 'certificates in PEM', { CLIENT_CERTIFICATE: NONE, CLIENT_KEY: KEY }],
    [
      'CLIENT_KEY',
      'a key in PEM, without a password',
      { CLIENT_CERTIFICATE: CERT, CLIENT_KEY: NONE },
    ],
    [
      'CLIENT_KEY',
      'a key in PEM, without a password',
      { CLIENT_CERTIFICATE: CERT, CLIENT_KEY: CERT },
    ],
    [
      'CLIENT_KEY',
      'a key in PEM, without a password',
      { CLIENT_CERTIFICATE: CERT, CLIENT_KEY: LOCKED },
    ],
    [
      'CLIENT_KEY',
      'the key of the certificate in',
      { CLIENT_CERTIFICATE: CERT, CLIENT_KEY: OTHER },
    ],
    ['CLIENT_KEY', 'one with OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE', { CLIENT_KEY: KEY }],
    ['CLIENT_CERTIFICATE', 'one with OTEL_EXPORTER_OTLP_CLIENT_KEY', { CLIENT_CERTIFICATE: CERT }],
  ])('by %s are refused where it is not %s', async (name, accepted, files) => {
    const env = Object.entries(files).map(([of, path]) => [`OTEL_EXPORTER_OTLP_${of}`, path]);
    const message = await refusal(Object.fromEntries(env));
    const path = (files as Record<string, string>)[name];
    expect(message).toContain(`OTEL_EXPORTER_OTLP_${name}: found "${path}"; accepted: `);
    expect(message).toContain(accepted);
  });

  it('may be in one file with their key', async () => {
    const both = file('pair.pem', own.cert + own.key);
    const env = {
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: both,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: both,
    };
    expect(await refusal(env)).toBe('');
  });

  it('may be several in a file, and of a signal where the key is of both', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_CERTIFICATE: file('both.pem', `of a\n${authority.cert}and\n${own.cert}`),
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: CERT,
      OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: CERT,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: KEY,
    };
    expect(await refusal(env)).toBe('');
  });
});

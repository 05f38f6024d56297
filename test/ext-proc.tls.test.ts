/** Who may speak with the ext_proc server, over TLS and in plaintext (SEC-25). */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { status as Code, credentials as clientCredentials } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Ledger } from '../src/accounting/ledger.js';
import { checkConfig } from '../src/adapters/ext-proc/config.js';
import type { TlsFiles } from '../src/adapters/ext-proc/credentials.js';
import { entriesOf, isLocal, plaintextAt, tlsOf } from '../src/adapters/ext-proc/credentials.js';
import { ExtProcServer } from '../src/adapters/ext-proc/server.js';
import { service } from '../src/adapters/ext-proc/wire.js';
import type { StreamEnd } from '../src/envoy/stream.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import type { Pair } from './certificates.js';
import { Authority } from './certificates.js';
import { answerKind, RH } from './envoy/messages.js';

const folder = mkdtempSync(join(tmpdir(), 'interlock-tls-'));
const ours = new Authority('ours');
const theirs = new Authority('theirs');
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const server = ours.issue({ names: ['DNS:localhost'] });
const cert = file('server.crt', server.cert);
const key = file('server.key', server.key);
const clientCa = file('ca.crt', ours.cert);

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function listen(files: Partial<TlsFiles> = {}): Promise<ExtProcServer> {
  const ledger = await Ledger.open(join(folder, 'usage.ndjson'));
  closing.push(() => ledger.close());
  const { credentials, admits } = tlsOf({ cert, key, ...files });
  const config = checkConfig({}, 'the test');
  const extProc = new ExtProcServer({ config, ledger, admits });
  closing.push(() => extProc.close());
  await extProc.listen('127.0.0.1:0', credentials);
  return extProc;
}

/** What a client with this certificate is answered to its first message. */
async function ask({ address }: ExtProcServer, pair?: Pair, ca = ours.cert) {
  const [root, privateKey, chain] = [ca, pair?.key, pair?.cert].map((text) =>
    text === undefined ? null : Buffer.from(text),
  );
  const credentials = clientCredentials.createSsl(root, privateKey, chain);
  return await say(
    new EnvoyClient(address, credentials, { 'grpc.ssl_target_name_override': 'localhost' }),
  );
}

async function say(client: EnvoyClient): Promise<{ answers: string[]; end: StreamEnd }> {
  closing.push(() => client.close());
  const stream = client.open();
  void stream.send(RH({}, true));
  stream.halfClose();
  const end = await stream.ended;
  return { answers: stream.answers.map(answerKind), end };
}

const ANSWERED = { answers: ['requestHeaders'], end: { code: Code.OK } };
const NO_CONNECTION = { answers: [], end: { code: Code.UNAVAILABLE } };
const DENIED = { answers: [], end: { code: Code.PERMISSION_DENIED } };

describe('TLS', () => {
  it('hears whoever trusts the server', async () => {
    const extProc = await listen();
    expect(await ask(extProc)).toMatchObject(ANSWERED);
    expect(await ask(extProc, undefined, theirs.cert)).toMatchObject(NO_CONNECTION);
  });

  it('answers no plaintext', async () => {
    const extProc = await listen();
    expect(await say(new EnvoyClient(extProc.address))).toMatchObject(NO_CONNECTION);
  });

  it('does not wait for a handshake when it is told to end', async () => {
    const extProc = await listen();
    const socket = connect(Number(extProc.address.split(':')[1]), '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    // The server has taken the connection when another one, that came later, is answered.
    await ask(extProc);
    await extProc.close();
    await closed;
  });
});

describe('mTLS', () => {
  it('hears a client with a certificate of the authority', async () => {
    expect(await ask(await listen({ clientCa }), ours.issue())).toMatchObject(ANSWERED);
  });

  it.each([
    ['none', undefined],
    ["another authority's", theirs.issue()],
    ['one that has expired', ours.issue({ endsInMs: -86_400_000 })],
  ])('never answers one with %s', async (_, pair) => {
    const extProc = await listen({ clientCa });
    expect(await ask(extProc, pair)).toMatchObject(NO_CONNECTION);
    expect(extProc.inFlight).toBe(0);
  });
});

describe('a pinned name', () => {
  const clientNames = ['envoy.test', 'spiffe://mesh.test/envoy'];

  it.each([
    ['that is the certificate’s only one', ['DNS:envoy.test']],
    ['among others', ['DNS:a.test', 'DNS:envoy.test', 'DNS:b.test']],
    ['that is a URI', ['URI:spiffe://mesh.test/envoy']],
    ['beside one that is not what it seems', ['DNS:x.test\0', 'DNS:envoy.test']],
  ])('%s is admitted', async (_, names) => {
    const extProc = await listen({ clientCa, clientNames });
    expect(await ask(extProc, ours.issue({ names }))).toMatchObject(ANSWERED);
  });

  it.each([
    ['no name at all', []],
    ['another name', ['DNS:other.test']],
    ['a longer name', ['DNS:envoy.test.evil.test']],
    ['a wildcard', ['DNS:*.test']],
    ['the name as another kind', ['URI:envoy.test', 'DNS:spiffe://mesh.test/envoy']],
    ['a NUL after the name', ['DNS:envoy.test\0.evil.test']],
    ['a NUL before the name', ['DNS:evil.test\0envoy.test']],
    ['a list that is one name', ['DNS:evil.test, DNS:envoy.test, DNS:evil.test']],
    ['a quote that is in a name', ['DNS:"evil.test", DNS:envoy.test', 'DNS:"']],
    ['an end that is in a name', ['DNS:evil.test\\", DNS:envoy.test, DNS:\\"']],
  ])('is not found in a certificate with %s', async (_, names) => {
    const extProc = await listen({ clientCa, clientNames });
    expect(await ask(extProc, ours.issue({ names }))).toMatchObject(DENIED);
    expect(extProc.inFlight).toBe(0);
  });

  it.each([
    ['with the name is admitted', 'DNS:envoy.test', String(Code.OK)],
    ['without it is not', 'DNS:other.test', String(Code.PERMISSION_DENIED)],
  ])('in a session that is resumed, as Envoy does, %s', async (_, name, code) => {
    const { address } = await listen({ clientCa, clientNames });
    const pair = { ...ours.issue({ names: [name] }), ca: ours.cert, servername: 'localhost' };
    const first = connectHttp2(`https://${address}`, pair);
    closing.push(() => first.destroy());
    const [ticket] = await once(first.socket as TLSSocket, 'session');
    const again = connectHttp2(`https://${address}`, { ...pair, session: ticket });
    closing.push(() => again.destroy());
    const call = again.request({
      ':method': 'POST',
      ':path': service.Process!.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.end();
    const [told] = await once(call, 'response');
    const [trailers] = 'grpc-status' in told ? [told] : await once(call.resume(), 'trailers');
    expect(trailers['grpc-status']).toBe(code);
    expect((again.socket as TLSSocket).isSessionReused()).toBe(true);
  });

  it('is looked for in entries as Node writes them', () => {
    const names = ['DNS:a.test', 'DNS:"b", DNS:c.test\0', 'URI:spiffe://d/e'];
    const { subjectAltName = '' } = new X509Certificate(ours.issue({ names }).cert);
    expect(entriesOf(subjectAltName)).toEqual(['DNS:a.test', 'URI:spiffe://d/e']);
    expect(entriesOf('')).toEqual(['']);
  });
});

describe('plaintext', () => {
  it.each(['127.0.0.1:1', '127.8.8.8:1', '[::1]:1', 'localhost:1', 'unix:/a', 'unix:b'])(
    'is for this machine: %s',
    (address) => {
      expect(isLocal(address)).toBe(true);
      plaintextAt(address);
    },
  );

  it.each(['0.0.0.0:1', '[::]:1', '10.0.0.1:1', 'localhost.test:1', '127.0.0.1.test:1'])(
    'is not for others, unless somebody says so: %s',
    (address) => {
      expect(() => plaintextAt(address)).toThrow(`--listen ${address}: whoever reaches it`);
      plaintextAt(address, true);
    },
  );
});

describe('a file that will not do', () => {
  const other = file('other.key', ours.issue().key);
  const nothing = file('nothing.pem', 'nothing\n');
  it.each([
    ['is not there', { cert: 'nowhere.crt' }, '--tls-cert nowhere.crt: ENOENT'],
    ['is no certificate', { cert: nothing }, `--tls-cert ${nothing}: `],
    ['is no key', { key: nothing }, `--tls-key ${nothing}: `],
    ['is the key of another', { key: other }, `--tls-key ${other}: it is not the key of`],
    ['is no authority', { clientCa: nothing }, `--tls-client-ca ${nothing}: `],
    ['holds no name', { clientCa, clientNames: ['a b'] }, '--tls-client-name a b: it is neither'],
    ['nobody vouches for', { clientNames: ['a'] }, '--tls-client-name: it needs --tls-client-ca'],
  ] as const)('since it %s is named', (_, files, says) => {
    expect(() => tlsOf({ cert, key, ...files })).toThrow(says);
  });
});

/**
 * Who may speak with the ext_proc server. It sees every prompt and every answer, writes the keys of
 * upstreams into requests and says where they go; so plaintext is for this machine alone, unless
 * the caller says that something else keeps others away (SEC-25).
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { InterlockError } from '../../errors.js';
import type { Call } from './conversation.js';

/** The files are PEM, and are read once: who renews a certificate starts the server anew. */
export interface TlsFiles {
  /** The server's certificate, with those between it and its authority. */
  readonly cert: string;
  readonly key: string;
  /** Whose certificates a client must have. Without it any client is taken. */
  readonly clientCa?: string | undefined;
  /** One of these must be in the client's certificate: DNS names, and URIs such as SPIFFE's. */
  readonly clientNames?: readonly string[] | undefined;
}

export interface Security {
  readonly credentials: ServerCredentials;
  /** For `ExtProcServer`: why a stream is not taken. */
  readonly admits?: (call: Call) => string | undefined;
}

/**
 * TLS with these files. Throws `INTERLOCK_BAD_OPTION` naming the flag and the file.
 */
export function tlsOf({ cert, key, clientCa, clientNames }: TlsFiles): Security {
  const certificate = read('--tls-cert', cert, (pem) => new X509Certificate(pem));
  const privateKey = read('--tls-key', key, (pem) => createPrivateKey(pem));
  if (!certificate.value.checkPrivateKey(privateKey.value)) {
    throw bad(`--tls-key ${key}`, `it is not the key of the certificate in --tls-cert ${cert}`);
  }
  const ca =
    clientCa === undefined
      ? undefined
      : read('--tls-client-ca', clientCa, (pem) => new X509Certificate(pem));
  const pair = { cert_chain: certificate.pem, private_key: privateKey.pem };
  // Whatever else is wrong in the files would be told to nobody, and end every connection.
  read('--tls-cert', cert, (pem) => createSecureContext({ cert: pem, key: privateKey.pem }));
  const credentials = ServerCredentials.createSsl(ca?.pem ?? null, [pair], ca !== undefined);
  if (clientNames === undefined) return { credentials };
  if (ca !== undefined) return { credentials, admits: only(clientNames) };
  throw bad(
    '--tls-client-name',
    'it needs --tls-client-ca, which says whose word for a name counts',
  );
}

/**
 * Plaintext. Throws `INTERLOCK_BAD_OPTION` for an address that others than this machine reach, if
 * it is not to be `anywhere`.
 */
export function plaintextAt(address: string, anywhere = false): Security {
  if (anywhere || isLocal(address)) return { credentials: ServerCredentials.createInsecure() };
  throw new InterlockError(
    'INTERLOCK_BAD_OPTION',
    `--listen ${address}: whoever reaches it could read what passes, and could speak as Envoy. ` +
      'Accepted: a loopback address, localhost or unix:PATH; or --tls-cert with --tls-key, best ' +
      'with --tls-client-ca; or --plaintext, where something else keeps others away.',
  );
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address, as far as the address itself says. */
export function isLocal(address: string): boolean {
  if (address.startsWith('unix:')) return true;
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

const NOT_ADMITTED = 'the certificate of this client holds none of the accepted names';

function only(clientNames: readonly string[]): (call: Call) => string | undefined {
  const accepted = new Set(clientNames.map(entryOf));
  return (call) => {
    const names = call.getAuthContext().sslPeerCertificate?.subjectaltname ?? '';
    return entriesOf(names).some((entry) => accepted.has(entry)) ? undefined : NOT_ADMITTED;
  };
}

/** A name as the entry of a certificate that holds it, as Node writes one. */
function entryOf(name: string): string {
  if (/^[A-Za-z0-9*_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)) return `DNS:${name}`;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/.test(name) && !/["',\\]/.test(name)) {
    return `URI:${name}`;
  }
  throw bad(`--tls-client-name ${name}`, 'it is neither a DNS name nor a URI');
}

/**
 * The entries of a certificate's alternative names, but for those that Node had to quote: what
 * holds a comma, a NUL or another such character is meant to be read as something that it is not
 * (CVE-2021-44532, CVE-2026-47778).
 */
export function entriesOf(subjectAltName: string): string[] {
  const marked = subjectAltName.replace(/"(?:[^"\\]|\\.)*"/g, '"');
  return marked.split(', ').filter((entry) => !entry.includes('"'));
}

interface Read<T> {
  readonly pem: Buffer;
  readonly value: T;
}

function read<T>(flag: string, file: string, parse: (pem: Buffer) => T): Read<T> {
  try {
    const pem = readFileSync(file);
    return { pem, value: parse(pem) };
  } catch (cause) {
    throw bad(`${flag} ${file}`, (cause as Error).message, cause);
  }
}

function bad(what: string, why: string, cause?: unknown): InterlockError {
  const accepted = 'Accepted: PEM files; one key, not encrypted; DNS names and URIs.';
  return new InterlockError('INTERLOCK_BAD_OPTION', `${what}: ${why}. ${accepted}`, { cause });
}

/** Whom an exporter trusts, and who it is, as the environment says (OTLP exporter specification). */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Environment, Signal } from './endpoints.js';
import { bad, variableOf } from './endpoints.js';

/** In PEM. */
export interface Certificates {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

interface Found {
  /** The variable, and the file that it names. */
  readonly name: string;
  readonly value: string;
  readonly pem: Buffer;
}

const CERTIFICATES = 'a file of certificates in PEM';
const KEY = 'a file of a key in PEM, without a password';

/**
 * Throws `INTERLOCK_BAD_OPTION` for a file that cannot be read, or is of no use: the SDK and TLS go on
 * without it, and then no collector takes anything.
 */
export function certificatesOf(signal: Signal, env: Environment): Certificates {
  const ca = fileOf(signal, 'CERTIFICATE', env, CERTIFICATES, certificatesIn);
  const cert = fileOf(signal, 'CLIENT_CERTIFICATE', env, CERTIFICATES, certificatesIn);
  const key = fileOf(signal, 'CLIENT_KEY', env, KEY, createPrivateKey);
  checkPair(cert, key);
  return {
    ...(ca && { ca: ca.pem }),
    ...(cert && { cert: cert.pem }),
    ...(key && { key: key.pem }),
  };
}

function fileOf(
  signal: Signal,
  of: string,
  env: Environment,
  accepted: string,
  read: (pem: Buffer) => unknown,
): Found | undefined {
  const variable = variableOf(signal, of, env);
  if (variable === undefined) return undefined;
  try {
    const pem = readFileSync(variable.value);
    read(pem);
    return { ...variable, pem };
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw bad(variable.name, variable.value, `${accepted}, which this is not (${code})`);
  }
}

/** There may be more in the file, such as the key. */
const BLOCK = /-----BEGIN (?:\w+ )?CERTIFICATE-----.+?-----END (?:\w+ )?CERTIFICATE-----/gs;

/** TLS takes what is no certificate for none at all, if nobody looks. */
function certificatesIn(pem: Buffer): X509Certificate[] {
  const found = pem.toString('latin1').match(BLOCK);
  return (found ?? ['']).map((text) => new X509Certificate(text));
}

function checkPair(cert: Found | undefined, key: Found | undefined): void {
  const lone = cert === undefined ? key : key === undefined ? cert : undefined;
  if (lone !== undefined) {
    const other = /^(.*_CLIENT_)(KEY|CERTIFICATE)$/.exec(lone.name) ?? [];
    const missing = `${other[1]}${other[2] === 'KEY' ? 'CERTIFICATE' : 'KEY'}`;
    throw bad(lone.name, lone.value, `one with ${missing} beside it`);
  }
  if (cert === undefined || key === undefined) return;
  if (certificatesIn(cert.pem)[0]?.checkPrivateKey(createPrivateKey(key.pem))) return;
  throw bad(key.name, key.value, `the key of the certificate in ${cert.name}`);
}

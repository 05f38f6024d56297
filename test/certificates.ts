/**
 * Certificates that are made for one test: an authority, and what it signs. Node can read and sign
 * but not write them, and files of them would expire; so this writes the little DER that is needed,
 * also the kind that no honest authority would sign.
 */
import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  /** `DNS:name` and `URI:name`; the name is taken as it is, byte for byte. */
  readonly names?: readonly string[];
  /** When it ends, from now on. Default: tomorrow. */
  readonly endsInMs?: number;
}

export class Authority {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #name: string;
  /** Its own certificate, as PEM. */
  readonly cert: string;

  constructor(name: string) {
    this.#name = name;
    const isAuthority = extension([2, 5, 29, 19], sequence(tlv(0x01, Buffer.from([0xff]))));
    this.cert = this.#signed(name, this.#keys.publicKey, DAY_MS, [isAuthority]);
  }

  issue({ names = [], endsInMs = DAY_MS }: Wish = {}): Pair {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const entries = names.map((text) => {
      const tag = text.startsWith('URI:') ? 0x86 : 0x82;
      return tlv(tag, Buffer.from(text.slice(4), 'latin1'));
    });
    const extensions = names.length > 0 ? [extension([2, 5, 29, 17], sequence(...entries))] : [];
    return {
      cert: this.#signed('a peer', publicKey, endsInMs, extensions),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  #signed(subject: string, key: KeyObject, endsInMs: number, extensions: Buffer[]): string {
    const now = Date.now();
    const version3 = tlv(0xa0, tlv(0x02, Buffer.from([2])));
    const body = sequence(
      version3,
      tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_WITH_SHA256,
      nameOf(this.#name),
      sequence(time(now - 2 * DAY_MS), time(now + endsInMs)),
      nameOf(subject),
      key.export({ type: 'spki', format: 'der' }),
      ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
    );
    const signature = bits(sign('sha256', body, this.#keys.privateKey));
    return pem(sequence(body, ECDSA_WITH_SHA256, signature));
  }
}

const ECDSA_WITH_SHA256 = sequence(oid([1, 2, 840, 10045, 4, 3, 2]));

function nameOf(common: string): Buffer {
  return sequence(tlv(0x31, sequence(oid([2, 5, 4, 3]), tlv(0x0c, Buffer.from(common)))));
}

function extension(id: number[], value: Buffer): Buffer {
  return sequence(oid(id), tlv(0x04, value));
}

function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(text));
}

function bits(content: Buffer): Buffer {
  return tlv(0x03, Buffer.concat([Buffer.from([0]), content]));
}

function oid([first = 0, second = 0, ...rest]: number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function tlv(tag: number, content: Buffer): Buffer {
  const length = content.length;
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

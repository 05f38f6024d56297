/**
 * Who may come in at a port for people on this machine: an inspector's, or the viewer's.
 *
 * A request must name this host (no DNS rebinding), come from our page or from no page at all (no
 * other site's requests), and carry the token of this run.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

const ASKING_MS = 5_000;

/** How long one may take to ask. Node looks at whoever is late every half minute, if nothing is said. */
export const PATIENCE = {
  requestTimeout: ASKING_MS,
  headersTimeout: ASKING_MS,
  connectionsCheckingInterval: 1_000,
} as const;

export class Door {
  readonly token = randomBytes(16).toString('hex');
  #names: readonly string[] = [];

  /** Tells it where it is, which is known once the port is. */
  opened({ address, family, port }: AddressInfo): void {
    const host = family === 'IPv6' ? `[${address}]` : address;
    this.#names = [`${host}:${port}`, `localhost:${port}`];
  }

  /** Host and port, as they stand in an address. */
  get name(): string {
    return this.#names[0] as string;
  }

  /** Whether this request may come in with this token. */
  admits({ headers: { host = '', origin } }: IncomingMessage, token: string): boolean {
    const [given, expected] = [Buffer.from(token), Buffer.from(this.token)];
    const known = given.length === expected.length && timingSafeEqual(given, expected);
    const fromUs = origin === undefined || this.#names.some((name) => origin === `http://${name}`);
    return known && fromUs && this.#names.includes(host);
  }
}

/** Headers of every answer: its address holds the token, which is nobody else's business. */
export const DISCREET: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

/** The policy of an answer that shows nothing. */
export const SHOWS_NOTHING = `default-src 'none'; frame-ancestors 'none'`;

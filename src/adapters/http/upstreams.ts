/** The upstreams: chosen by route and by fewest exchanges in flight, spoken to through undici. */
import type { LookupAddress } from 'node:dns';
import { lookup as resolveName } from 'node:dns';
import type { BlockList, LookupFunction, Socket } from 'node:net';
import { isIP } from 'node:net';
import { buildConnector, errors, Pool } from 'undici';
import type { Baton } from '../../observe/spans.js';
import type { Told } from '../fleet.js';
import { Routes } from '../routes.js';
import type { GatewayConfig, UpstreamConfig } from './config.js';
import { blockListOf } from './config.js';

export class Upstream {
  readonly id: string;
  readonly pool: Pool;
  /** The path that every target is put behind; empty for a URL without one. */
  readonly base: string;
  /** Headers of the upstream's own, name and value in turn, and their names in lower case. */
  readonly headers: readonly string[];
  readonly replaced: readonly string[];
  /** Exchanges that were forwarded and have no outcome yet. */
  inFlight = 0;

  constructor(config: UpstreamConfig, gateway: GatewayConfig, denied: BlockList) {
    const url = new URL(config.url);
    this.id = config.id;
    this.base = url.pathname.replace(/\/+$/, '');
    this.headers = Object.entries(config.headers).flat();
    this.replaced = Object.keys(config.headers).map((name) => name.toLowerCase());
    this.pool = new Pool(url.origin, {
      connections: gateway.limits.connectionsMax,
      pipelining: 1,
      // The machine owns the deadlines; undici's would cut quiet streams that are well.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: connector(denied, gateway.deadlines.connect),
    });
  }

  /**
   * A request's headers as this upstream gets them: its own in place of the client's, and our trace
   * in place of the caller's, which ours is a part of.
   */
  dress(headers: string[], baton?: Baton): string[] {
    const dressed = headers.slice();
    const { replaced = NONE, headers: told = NONE } = baton ?? {};
    for (let at = dressed.length - 2; at >= 0; at -= 2) {
      const name = dressed[at] as string;
      if (isAmong(name, this.replaced) || isAmong(name, replaced)) dressed.splice(at, 2);
    }
    for (let at = 0; at < told.length; at += 2) {
      if (this.replaced.includes(told[at] as string)) continue;
      dressed.push(told[at] as string, told[at + 1] as string);
    }
    // RFC 9110 section 7.6.3: a gateway names itself to the server behind it.
    dressed.push(...this.headers, 'via', '1.1 interlock');
    return dressed;
  }
}

const NONE: readonly string[] = [];

/** Whether a header goes by one of these names, which are in lower case. */
function isAmong(name: string, keys: readonly string[]): boolean {
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] as string;
    // The length tells nearly all others apart, without making a text of their names.
    if (key.length === name.length && name.toLowerCase() === key) return true;
  }
  return false;
}

export class Upstreams {
  readonly all: readonly Upstream[];
  readonly routes: Routes<Upstream>;

  constructor(config: GatewayConfig, told: (what: Told, upstream: string) => void) {
    const denied = blockListOf(config.denyAddresses);
    this.all = config.upstreams.map((item) => new Upstream(item, config, denied));
    this.routes = new Routes(config.routes, this.all, config.ejection, told);
  }

  async close(): Promise<void> {
    this.routes.close();
    await Promise.all(this.all.map(({ pool }) => pool.destroy()));
  }
}

/** Why an upstream failed, as a stable name. */
export function causeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof DeniedAddressError) return 'address_denied';
  if (code === 'ECONNREFUSED') return 'connect_refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'name_not_resolved';
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_)|SELF_SIGNED/.test(code)) return 'tls_failed';
  if (error instanceof errors.HTTPParserError || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return 'protocol_error';
  }
  if (error instanceof errors.ResponseContentLengthMismatchError) return 'response_truncated';
  if (error instanceof errors.SocketError || code === 'ECONNRESET' || code === 'EPIPE') {
    return /^bad (response|upgrade)$/.test((error as Error).message)
      ? 'protocol_error'
      : 'connection_lost';
  }
  return 'upstream_error';
}

class DeniedAddressError extends Error {
  constructor(address: string) {
    super(`the upstream resolves to ${address}, which is denied`);
  }
}

function connector(denied: BlockList, connectMs: number): buildConnector.connector {
  // Reaching the upstream is one of the machine's deadlines, which answers the client. This one is
  // later: it takes the socket back from a peer that never completes a handshake (fault: F13).
  const connect = buildConnector({ timeout: 2 * connectMs, lookup: guardedLookup(denied) });
  return (options, callback) => {
    const { hostname } = options;
    const literal = hostname.replace(/^\[|\]$/g, '');
    const version = isIP(literal);
    if (version !== 0 && denied.check(literal, version === 4 ? 'ipv4' : 'ipv6')) {
      queueMicrotask(() => callback(new DeniedAddressError(literal), null));
      return;
    }
    connect(options, (...result) => {
      if (result[0] === null) tellResets(result[1]);
      callback(...(result as [null, Socket]));
    });
  };
}

/** A name may resolve to anything, also on its second look-up, so each address is checked (SEC-24). */
function guardedLookup(denied: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, found) => {
      const bad = error ?? deniedAmong(found, denied);
      const [first] = found ?? [];
      if (bad !== undefined || first === undefined) callback(bad ?? null, []);
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

function deniedAmong(found: readonly LookupAddress[], denied: BlockList): Error | undefined {
  const bad = found.find(({ address, family }) =>
    denied.check(address, family === 6 ? 'ipv6' : 'ipv4'),
  );
  return bad === undefined ? undefined : new DeniedAddressError(bad.address);
}

/**
 * undici takes a reset for the clean end of a body that ends with its connection; RFC 9112 section 8
 * does not, so undici is told of another error, which it does not know (fault: F08). And Node does
 * not tell a reset that arrives together with bytes: then `end` comes, and the peer has no address
 * any more, which a peer that sent a FIN has.
 */
function tellResets(socket: Socket): void {
  const { push, _destroy } = socket;
  const reset = () => new errors.SocketError('reset by the upstream');
  Object.assign(socket, {
    push(this: Socket, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
      if (chunk !== null || this.remoteAddress !== undefined) {
        return push.call(this, chunk, encoding);
      }
      this.destroy(reset());
      return false;
    },
    _destroy(this: Socket, error: NodeJS.ErrnoException | null, done: () => void): void {
      _destroy.call(this, error?.code === 'ECONNRESET' ? reset() : error, done);
    },
  });
}

/**
 * The HTTP gateway: a server that clients of OpenAI-compatible APIs talk to as if it were the
 * upstream. It owns sockets, admission and shutdown; each exchange is a `Relay`.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Ledger } from '../../accounting/ledger.js';
import type { AccountingLimits } from '../../accounting/usage.js';
import { Roster } from '../../roster.js';
import type { Refusal } from '../answers.js';
import { ownAnswer } from '../answers.js';
import { Audits, accountsOf, driftOf } from '../audits.js';
import { Clock } from '../deadlines.js';
import { TOLD } from '../fleet.js';
import type { Observers } from '../observers.js';
import { Sizers } from '../routes.js';
import { guarded, seldom, warnOnStderr } from '../warnings.js';
import type { GatewayConfig } from './config.js';
import type { Gateway } from './gateway.js';
import type { RequestHead } from './headers.js';
import { badRequest, readHead } from './headers.js';
import { Relay } from './relay.js';
import { Turns } from './turns.js';
import { Upstreams } from './upstreams.js';

/**
 * What chunk sizes and extensions may cost: Node bounds the extensions of one chunk, not of all.
 * The flat part also covers what the socket has read ahead of the body.
 */
const CHUNKING_BYTES_MAX = 128 * 1024;
const CHUNKING_BYTES_PER_BYTE = 16;

const EXTENSIONS_TOO_LARGE: Refusal = {
  status: 413,
  code: 'chunk_extensions',
  message: 'The chunk extensions are too large.',
};

/** The exchange that a connection is serving. */
interface Served {
  readonly relay: Relay;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface GatewayOptions extends Observers {
  readonly config: GatewayConfig;
  /** Where the usage records go. The caller closes it, after the gateway. */
  readonly ledger: Ledger;
  /** Told, for people, what went wrong inside. Default: a line on stderr. */
  readonly warn?: ((message: string) => void) | undefined;
}

export class HttpGateway implements Gateway {
  readonly config: GatewayConfig;
  readonly ledger: Ledger;
  readonly observers: Observers;
  readonly warn: (message: string) => void;
  readonly upstreams: Upstreams;
  readonly accountingLimits: Partial<AccountingLimits>;
  readonly #server: Server;
  readonly clock = new Clock();
  readonly #strip: ReadonlySet<string>;
  readonly #live = new Roster<Relay>();
  readonly #bySocket = new WeakMap<Duplex, Served>();
  readonly #turns = new WeakMap<Duplex, Turns>();
  readonly sizers: Sizers;
  readonly #audits: Audits;
  readonly #boot = randomBytes(6).toString('hex');
  #count = 0;
  #idle: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    const { config, ledger, trace, telemetry, watch, warn = warnOnStderr } = options;
    this.config = config;
    this.ledger = ledger;
    this.warn = warn;
    this.observers = { trace: trace && guarded(trace, warn), telemetry, watch };
    const warnSeldom = seldom(warn);
    this.upstreams = new Upstreams(config, (what, id) => {
      if (what === 'ejection') telemetry?.healed('failingUpstream');
      // Being ejected takes its time; being spared goes as fast as a dead upstream refuses.
      (what === 'spared' ? warnSeldom : warn)(`upstream ${id} ${TOLD[what]}`);
    });
    this.accountingLimits = config.accounting as Partial<AccountingLimits>;
    this.sizers = new Sizers(config.accounting.bufferBudgetBytes);
    const live = () => this.#live;
    const accounts = accountsOf(this.upstreams.all, this.sizers.budget, live);
    this.#audits = new Audits(accounts, config.auditMs, (name, by) => {
      telemetry?.healed('driftedAccounting');
      warn(driftOf(name, by));
    });
    this.#strip = new Set(config.stripHeaders);
    this.#server = this.#createServer();
  }

  /** Binds an address; port 0 takes a free one. Rejects with the system's error. */
  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** `http://host:port`, with the port that was bound. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** How many exchanges are not processed. */
  get inFlight(): number {
    return this.#live.size;
  }

  /** Takes no more exchanges; resolves when the last is processed, which `drain` bounds. */
  async drain(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    for (const relay of this.#live) relay.drain(false);
    await this.#allProcessed();
  }

  /** Ends what is still in flight as if the drain deadline had come: each is told and recorded. */
  cut(): void {
    for (const relay of this.#live) relay.drain(true);
  }

  /** Cuts what is left and lets go of every socket. */
  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.#server.closeAllConnections();
    await this.#allProcessed();
    await this.upstreams.close();
    this.#audits.close();
  }

  forget(relay: Relay): void {
    this.#live.delete(relay);
    if (this.#live.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  #allProcessed(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #createServer(): Server {
    const { limits, onHalfClose } = this.config;
    const server = createServer({
      // Node refuses what reaches the limit, and not only what passes it.
      maxHeaderSize: limits.headerBytesMax + 1,
      headersTimeout: limits.headersMs,
      // Node sets a timer for a second more, and says so of one that is longer than a timer can be.
      keepAliveTimeout: Math.min(limits.keepAliveMs, 2_147_482_647),
      // How long a body may take is one of the machine's deadlines.
      requestTimeout: 0,
      // `readHead` asks for a Host. Node's own refusal would let through what is pipelined behind it.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.headersMs / 4)),
    });
    // Node would drop headers over a count of its own in silence; `readHead` refuses them aloud.
    server.maxHeadersCount = 0;
    Object.assign(server, { httpAllowHalfOpen: onHalfClose === 'tolerate' });
    server.on('request', (request, response) => {
      this.#inTurn(request, response, () => {
        if (!this.#health(request, response)) this.#admit(request, response, undefined);
      });
    });
    server.on('checkContinue', (request, response) => {
      this.#inTurn(request, response, () => {
        if (this.#admit(request, response, undefined)) response.writeContinue();
      });
    });
    server.on('checkExpectation', (request, response) => {
      const message = 'The only expectation that is met is 100-continue.';
      const refusal = { status: 417, code: 'expectation', message };
      this.#inTurn(request, response, () => this.#admit(request, response, refusal));
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuseBytes(error, socket);
    });
    return server;
  }

  #inTurn({ socket }: IncomingMessage, response: ServerResponse, begin: () => void): void {
    let turns = this.#turns.get(socket);
    if (turns === undefined) {
      turns = new Turns(socket);
      this.#turns.set(socket, turns);
    }
    turns.take(response, begin);
  }

  /** Whether the request is taken further. Either way it is an exchange, with a record. */
  #admit(request: IncomingMessage, response: ServerResponse, early: Refusal | undefined): boolean {
    const facts = readHead(request as RequestHead, this.config.limits, this.#strip);
    const refused = 'status' in facts ? facts : (early ?? this.#closing());
    const relay = new Relay(this, `${this.#boot}-${this.#count++}`, request, response, facts);
    this.#live.add(relay);
    this.#bySocket.set(request.socket, { relay, request, response });
    // Nothing is believed that comes behind a head that was refused.
    if (refused !== undefined) response.shouldKeepAlive = false;
    relay.begin(refused);
    if (!('status' in facts) && facts.length === undefined) boundChunking(request, relay);
    return refused === undefined;
  }

  #closing(): Refusal | undefined {
    if (this.#server.listening) return undefined;
    const message = 'The gateway is shutting down.';
    return { status: 503, code: 'shutting_down', message, retryAfterSeconds: 1 };
  }

  /** What the parser refuses is either the body of an exchange, or not yet an exchange at all. */
  #refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
    const served = this.#bySocket.get(socket);
    const refusal = refusalOf(error);
    const turns = this.#turns.get(socket);
    turns?.close();
    if (served !== undefined && turns?.serving) {
      const { relay, request, response } = served;
      if (refusal !== undefined && request.complete) {
        // The bytes belong to a request behind it, which ends the connection and not the exchange.
        response.shouldKeepAlive = false;
        response.once('close', () => socket.end(() => socket.destroy()));
        return;
      }
      if (refusal === undefined) relay.closed();
      else relay.refuse(refusal);
    } else if (refusal !== undefined && socket.writable) {
      const { status, headers, body } = ownAnswer('rejected', { cause: refusal.code, refusal });
      const lines = headers
        .map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`))
        .join('');
      socket.write(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\n${lines}\r\n`);
      socket.write(body);
    }
    socket.end(() => socket.destroy());
  }

  /** Liveness and readiness, for whoever starts and stops the gateway. */
  #health(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url } = request;
    if (method !== 'GET' || (url !== '/healthz' && url !== '/readyz')) return false;
    const facts = readHead(request as RequestHead, this.config.limits, this.#strip);
    // Whoever asks in an odd way, or with a body, is not asking for health.
    if ('status' in facts || facts.hasBody) return false;
    const ready = url === '/healthz' || (this.#server.listening && !this.ledger.failing);
    this.#bySocket.delete(request.socket);
    const why = this.#server.listening ? 'no usage can be recorded\n' : 'shutting down\n';
    const body = ready ? 'ok\n' : why;
    if (!ready) response.shouldKeepAlive = false;
    const headers = { 'content-type': 'text/plain', 'content-length': body.length };
    response.writeHead(ready ? 200 : 503, headers).end(body);
    return true;
  }
}

/** A chunked body may not cost much more than it carries (SEC-02, CVE-2024-22019). */
function boundChunking(request: IncomingMessage, relay: Relay): void {
  const { socket } = request;
  let spare = socket.bytesRead + CHUNKING_BYTES_MAX;
  request.on('data', (chunk: Buffer) => {
    spare += chunk.length * (1 + CHUNKING_BYTES_PER_BYTE);
    if (socket.bytesRead > spare) relay.refuse(EXTENSIONS_TOO_LARGE);
  });
}

/** What a parser error is called; undefined where the client has only gone away. */
function refusalOf({ code = '' }: NodeJS.ErrnoException): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'The headers of the request are too large.';
    return { status: 431, code: 'headers_too_large', message };
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return EXTENSIONS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, code: 'request_timeout', message: 'The request did not come in time.' };
  }
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return undefined;
  return badRequest('malformed_request', 'bytes that are not HTTP/1.1');
}

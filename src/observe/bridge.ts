/**
 * The way from the gateway to a viewer's browser: one page and one WebSocket, on this machine only.
 *
 * `@statelyai/inspect` brings a server of its own (`@statelyai/inspect/server`). It is not used: it
 * listens on every interface, takes any Host and any Origin and asks for no token, so any page in
 * any browser that reaches the port could read every exchange, and write into the viewer; and it
 * opens a browser unasked. Here the port is on 127.0.0.1, and who comes in is for `door.ts` to say.
 * A viewer is only ever told something; what it says is thrown away.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { DISCREET, Door, SHOWS_NOTHING } from './door.js';
import { pageOf } from './page.js';

const HOST = '127.0.0.1';

/** What a frame that is not masked has before its payload, at the most (RFC 6455 section 5.2). */
const FRAME_HEAD_BYTES_MAX = 10;

export interface BridgeOptions {
  /** The class of the package `ws`, which is optional and so is loaded by whoever needs it. */
  readonly WebSocketServer: typeof WebSocketServer;
  readonly port: number;
  /** The page that shows what it is told, in Stately's protocol. */
  readonly inspectorUrl: string;
  /** What a viewer that joins is told first. */
  readonly greeting: () => Iterable<string>;
  readonly warn: (message: string) => void;
  /** A viewer with more bytes than this unread is let go. */
  readonly unreadBytesMax: number;
}

const VIEWERS_MAX = 8;

export class Bridge {
  /** The most bytes that ever waited for one viewer. */
  unreadBytes = 0;
  readonly #options: BridgeOptions;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #door = new Door();

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#sockets = new options.WebSocketServer({
      noServer: true,
      maxPayload: 1_024,
      perMessageDeflate: false,
    });
    this.#server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, this.#serve);
    this.#server.maxConnections = 4 * VIEWERS_MAX;
    this.#server.on('upgrade', this.#upgrade);
    // A viewer is no reason for the gateway to stay.
    this.#server.unref();
  }

  /** Rejects with the system's error, such as a port that is taken. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, HOST, resolve);
    });
    this.#door.opened(this.#server.address() as AddressInfo);
  }

  get token(): string {
    return this.#door.token;
  }

  /** The page, with the token of this run. Whoever has it can watch. */
  get url(): string {
    return `http://${this.#door.name}/?token=${this.token}`;
  }

  /** The WebSocket of it. */
  get socketUrl(): string {
    return `ws://${this.#door.name}/events?token=${this.token}`;
  }

  get viewers(): number {
    return this.#sockets.clients.size;
  }

  /** Tells every viewer. None is waited for: one that does not read is let go. */
  tell(text: string): void {
    for (const viewer of this.#sockets.clients) this.#send(viewer, text);
  }

  async close(): Promise<void> {
    for (const viewer of this.#sockets.clients) viewer.close(1001);
    this.#sockets.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    // One that does not answer the close must not hold up the end of the gateway.
    const late = setTimeout(() => {
      for (const viewer of this.#sockets.clients) viewer.terminate();
    }, 250);
    await closed;
    clearTimeout(late);
  }

  #send(viewer: WebSocket, text: string): void {
    if (viewer.readyState !== viewer.OPEN) return;
    const bytes = Buffer.byteLength(text) + FRAME_HEAD_BYTES_MAX;
    if (viewer.bufferedAmount + bytes > this.#options.unreadBytesMax) {
      this.#options.warn('inspector: a viewer did not read and was let go; reload it to go on');
      viewer.terminate();
      return;
    }
    viewer.send(text);
    this.unreadBytes = Math.max(this.unreadBytes, viewer.bufferedAmount);
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse): void => {
    const status = this.#statusFor(request, '/');
    const inspectorUrl = new URL(this.#options.inspectorUrl);
    const nonce = randomBytes(16).toString('base64url');
    const socket = `ws://${request.headers.host}`;
    response.writeHead(status, {
      'content-type': `text/${status === 200 ? 'html' : 'plain'}; charset=utf-8`,
      ...DISCREET,
      'content-security-policy':
        status === 200
          ? `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
            `connect-src ${socket}; frame-src ${inspectorUrl.origin}; frame-ancestors 'none'; ` +
            `base-uri 'none'; form-action 'none'`
          : SHOWS_NOTHING,
    });
    response.end(status === 200 ? pageOf(inspectorUrl, nonce) : 'no\n');
  };

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const checked = this.#statusFor(request, '/events');
    const status = checked === 200 && this.viewers >= VIEWERS_MAX ? 503 : checked;
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (viewer) => {
      viewer.on('error', () => viewer.terminate());
      for (const text of this.#options.greeting()) this.#send(viewer, text);
    });
  };

  /** 200, or why not. Who may not come in learns nothing else, such as which paths there are. */
  #statusFor(request: IncomingMessage, path: string): number {
    const [asked, query] = (request.url ?? '').split('?', 2);
    const token = new URLSearchParams(query).get('token') ?? '';
    if (!this.#door.admits(request, token)) return 403;
    if (asked !== path) return 404;
    return request.method === 'GET' ? 200 : 405;
  }
}

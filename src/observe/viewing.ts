/** Files for a browser on this machine, and sockets beside them, behind a door. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { DISCREET, Door, PATIENCE, SHOWS_NOTHING } from './door.js';

export interface Viewable {
  /** Its media type; texts are UTF-8. */
  readonly type: string;
  readonly body: string | Readable;
  /** Default: that of all files. */
  readonly policy?: Policy;
}

/** The policy under which a browser shows a file, for the host and port that it asked at. */
export type Policy = (host: string) => string;

/** The file at a path below the token, such as `style.css`; the page is at the empty one. */
export type Find = (path: string) => Viewable | undefined;

export interface Sockets {
  /** An instance of the class of the package `ws`, which is optional, so whoever needs it loads it. */
  readonly server: WebSocketServer;
  /** Who talks over a socket at this path. */
  readonly at: (path: string) => ((socket: WebSocket) => void) | undefined;
}

export interface ViewingOptions {
  readonly host: string;
  readonly port: number;
  readonly policy: Policy;
  readonly find: Find;
  /** Default: there are none. */
  readonly sockets?: Sockets;
}

const SOCKETS_MAX = 8;
/** How long a viewer may take to answer that its socket is closed. */
const PARTING_MS = 250;

export class Viewing {
  readonly #door = new Door();
  readonly #options: ViewingOptions;
  readonly #server: Server;

  constructor(options: ViewingOptions) {
    this.#options = options;
    this.#server = createServer(PATIENCE, this.#serve);
    this.#server.maxConnections = 64;
    this.#server.on('upgrade', this.#upgrade);
  }

  /** Rejects with the system's error, such as a port that is taken. */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    this.#door.opened(this.#server.address() as AddressInfo);
  }

  /** The page. The token is in its path, so that whatever the page names has it too. */
  get url(): string {
    return `http://${this.#door.name}/${this.#door.token}/`;
  }

  async close(): Promise<void> {
    const clients = this.#options.sockets?.server.clients ?? new Set<WebSocket>();
    for (const socket of clients) socket.close(1001);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    // One that does not answer the close must not hold up the end of a gateway.
    const late = setTimeout(() => {
      for (const socket of clients) socket.terminate();
    }, PARTING_MS);
    await closed;
    clearTimeout(late);
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse): void => {
    const [status, found] = this.#answerTo(request, this.#options.find);
    const { policy = found ? this.#options.policy : () => SHOWS_NOTHING } = found ?? {};
    response.writeHead(status, {
      ...DISCREET,
      'content-type': `${found?.type ?? 'text/plain'}; charset=utf-8`,
      'content-security-policy': policy(request.headers.host ?? ''),
    });
    if (found === undefined) response.end('no\n');
    else if (typeof found.body === 'string') response.end(found.body);
    // A file that goes away while it is read ends the answer short, and the page says so.
    else pipeline(found.body, response, () => {});
  };

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const { server, at = () => undefined } = this.#options.sockets ?? {};
    const [status, talk] = this.#answerTo(request, at);
    const full = (server?.clients.size ?? 0) >= SOCKETS_MAX;
    if (server === undefined || talk === undefined || full) {
      const refused = talk === undefined ? status : 503;
      socket.end(`HTTP/1.1 ${refused} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    server.handleUpgrade(request, socket, head, (viewer) => {
      viewer.on('error', () => viewer.terminate());
      talk(viewer);
    });
  };

  /** 200 with what is there, or why not. Who may not come in learns nothing else. */
  #answerTo<T>(request: IncomingMessage, find: (path: string) => T | undefined): [number, T?] {
    const [, token = '', path] = /^\/([^/?]*)(?:\/([^?]*))?/.exec(request.url ?? '') ?? [];
    if (!this.#door.admits(request, token)) return [403];
    if (request.method !== 'GET') return [405];
    const found = path === undefined ? undefined : find(path);
    return found === undefined ? [404] : [200, found];
  }
}

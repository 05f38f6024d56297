/** Files for a browser on this machine, behind a door: read only, and whatever they are. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { DISCREET, Door, SHOWS_NOTHING } from './door.js';

export interface Viewable {
  /** Its media type; texts are UTF-8. */
  readonly type: string;
  readonly body: string | Readable;
}

export interface ViewingOptions {
  readonly host: string;
  readonly port: number;
  /** The policy under which a browser shows the files. */
  readonly policy: string;
  /** The file at a path below the token, such as `style.css`; the page is at the empty one. */
  readonly find: (path: string) => Viewable | undefined;
}

export class Viewing {
  readonly #door = new Door();
  readonly #options: ViewingOptions;
  readonly #server: Server;

  constructor(options: ViewingOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, this.#serve);
    this.#server.maxConnections = 64;
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
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse): void => {
    const [status, found] = this.#answerTo(request);
    response.writeHead(status, {
      ...DISCREET,
      'content-type': `${found?.type ?? 'text/plain'}; charset=utf-8`,
      'content-security-policy': found === undefined ? SHOWS_NOTHING : this.#options.policy,
    });
    if (found === undefined) response.end('no\n');
    else if (typeof found.body === 'string') response.end(found.body);
    // A file that goes away while it is read ends the answer short, and the page says so.
    else pipeline(found.body, response, () => {});
  };

  /** 200 with a file, or why not. Who may not come in learns nothing else. */
  #answerTo(request: IncomingMessage): [status: number, found?: Viewable] {
    const [, token = '', path] = /^\/([^/?]*)(?:\/([^?]*))?/.exec(request.url ?? '') ?? [];
    if (!this.#door.admits(request, token)) return [403];
    if (request.method !== 'GET') return [405];
    const found = path === undefined ? undefined : this.#options.find(path);
    return found === undefined ? [404] : [200, found];
  }
}

/** A collector of telemetry, for tests. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Pair } from './certificates.js';
import { TRACES } from './otlp.js';

/** A collector, which keeps what it is sent and answers as it is told to. */
export class Collector {
  readonly bodies: { readonly path: string; readonly body: unknown }[] = [];
  readonly #server: Server;
  #heard: (() => void)[] = [];

  private constructor(answer: (response: ServerResponse) => void, secure?: Pair & { ca: string }) {
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      void this.#take(request).then(() => answer(response));
    };
    this.#server = secure
      ? createSecureServer({ ...secure, requestCert: true }, listener)
      : createServer(listener);
  }

  /** With `secure` over TLS, for clients of that authority alone. Whoever starts it closes it. */
  static async start(
    answer: (response: ServerResponse) => void,
    secure?: Pair & { ca: string },
  ): Promise<Collector> {
    const collector = new Collector(answer, secure);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves with what was sent to this path, once it is so many times. */
  async sent(path: string, times = 1): Promise<unknown> {
    for (;;) {
      const found = this.bodies.filter((item) => item.path === path)[times - 1];
      if (found !== undefined) return found.body;
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  /** The names of the spans that it was sent, in order, as protobuf. */
  get spanNames(): string[] {
    const sent = this.bodies.filter(({ path }) => path === '/v1/traces');
    return sent.flatMap(({ body }) =>
      TRACES.decode(body as Buffer)
        .toJSON()
        .resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name),
    );
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const sent = Buffer.concat(chunks);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const json = request.headers['content-type'] === 'application/json';
    const body: unknown = json ? JSON.parse(bytes.toString()) : bytes;
    this.bodies.push({ path: request.url as string, body });
    for (const wake of this.#heard.splice(0)) wake();
  }
}

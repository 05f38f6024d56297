/** The two ends of a proxy under test: an upstream that costs little, and clients that count. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { Pool } from 'undici';

const COMPLETION = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'bench',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'word '.repeat(60) },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 12, completion_tokens: 60, total_tokens: 72 },
  }),
);

const DELTA = Buffer.from(
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'bench',
    choices: [
      { index: 0, delta: { content: 'a word or two ' }, logprobs: null, finish_reason: null },
    ],
    obfuscation: 'abcdefghijklmnopqrstuvwxyz',
    usage: null,
  })}\n\n`,
);
const LAST = Buffer.from(
  'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n' +
    'data: [DONE]\n\n',
);

/**
 * `POST /json` answers a completion; `POST /sse/N` streams N events, one a turn of the loop, each
 * in a write of its own; `POST /idle` sends one event and then nothing; `POST /otlp/…` takes what a
 * collector would.
 */
export async function startPeer(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const [, kind, events] = (request.url as string).replace(/^\/v1\/chat/, '').split('/');
      if (kind === 'sse' || kind === 'idle') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        stream(kind === 'idle' ? undefined : Number(events));
      } else if (kind === 'otlp') {
        // An empty message: all was taken.
        response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 });
        response.end();
      } else {
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': COMPLETION.length,
        });
        response.end(COMPLETION);
      }
    });
    function stream(left: number | undefined): void {
      if (left === 0) {
        response.end(LAST);
        return;
      }
      response.write(DELTA);
      if (left !== undefined) setTimeout(stream, 2, left - 1);
    }
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export const REQUEST = JSON.stringify({
  model: 'bench',
  stream: true,
  messages: [{ role: 'user', content: 'Tell me about the order of events. '.repeat(8) }],
});

export interface Requested {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const JSON_REQUEST: Requested = {
  path: '/json',
  headers: { 'content-type': 'application/json' },
  body: REQUEST,
};

const CONNECTIONS = 32;

/**
 * Clients that are always asking: 32 connections, which stay, each with its next request when the
 * last is answered. A dispatch each, as a proxy may be faster than clients that wait on promises.
 */
export class Load {
  readonly #pool: Pool;
  readonly #requested;

  constructor(port: number, requested: Requested) {
    this.#pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
    this.#requested = { method: 'POST', ...requested } as const;
  }

  /** Resolves when all are answered; rejects if one is answered with other than 200. */
  run(requests: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = requests;
      let answered = 0;
      const handler = {
        onRequestStart() {},
        onResponseStart(_: unknown, status: number) {
          if (status !== 200) reject(new Error(`answered with ${status}`));
        },
        onResponseData() {},
        onResponseEnd() {
          if (++answered === requests) resolve();
          next();
        },
        onResponseError: (_: unknown, error: Error) => reject(error),
      };
      const next = () => {
        if (left-- > 0) this.#pool.dispatch(this.#requested, handler);
      };
      for (let connection = 0; connection < CONNECTIONS; connection++) next();
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Opens `count` streams at once and resolves when each has ended (or, idle, has begun). */
export async function streams(
  port: number,
  count: number,
  path: string,
  until: 'begun' | 'ended',
): Promise<() => void> {
  const sockets = await Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect(port, '127.0.0.1');
      const head = `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n`;
      socket.write(`${head}content-length: ${REQUEST.length}\r\n\r\n${REQUEST}`);
      return new Promise<typeof socket>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('data', (chunk) => {
          const mark = until === 'begun' ? 'data:' : '[DONE]';
          if (chunk.includes(mark)) resolve(socket);
        });
      });
    }),
  );
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

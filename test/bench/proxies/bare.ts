/** The least that a proxy can do: `node:http` in front, undici behind, nothing between. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { serve, upstream } from './serve.js';

const pool = new Pool(upstream, { connections: 1024, headersTimeout: 0, bodyTimeout: 0 });
const hop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);

const server = createServer((request, response) => {
  const headers: string[] = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] as string;
    if (!hop.has(name.toLowerCase())) headers.push(name, request.rawHeaders[at + 1] as string);
  }
  const body = request.method === 'POST' ? request : null;
  const method = request.method as 'POST';
  pool.dispatch(
    { method, path: request.url as string, headers, body },
    {
      onRequestStart(controller) {
        response.on('drain', () => controller.resume());
        response.on('close', () => {
          if (!response.writableFinished) controller.abort(new Error('the client has gone'));
        });
      },
      onResponseStart(_controller, status, received) {
        for (const name of hop) delete received[name];
        response.writeHead(status, received);
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
});
server.listen(0, '127.0.0.1', () => serve((server.address() as AddressInfo).port));

import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'httpxy';
import { serve, upstream } from './serve.js';

const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
const proxy = createProxyServer({ target: upstream, agent });
const server = createServer((request, response) => {
  void proxy.web(request, response);
});
server.listen(0, '127.0.0.1', () => serve((server.address() as AddressInfo).port));

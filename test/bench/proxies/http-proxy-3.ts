import { Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from 'http-proxy-3';
import { serve, upstream } from './serve.js';

const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
const server = httpProxy.createProxyServer({ target: upstream, agent });
server.listen(0, '127.0.0.1');
const inner = (server as unknown as { _server: import('node:http').Server })._server;
inner.once('listening', () => serve((inner.address() as AddressInfo).port));

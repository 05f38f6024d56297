import type { AddressInfo } from 'node:net';
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { serve, upstream } from './serve.js';

const app = fastify();
app.register(proxy, { upstream, undici: { connections: 1024, headersTimeout: 0, bodyTimeout: 0 } });
await app.listen({ host: '127.0.0.1', port: 0 });
serve((app.server.address() as AddressInfo).port);

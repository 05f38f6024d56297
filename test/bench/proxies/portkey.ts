/** The gateway is a server of its own, without exports: it is started as its users start it. */
import { createServer } from 'node:net';
import { serve } from './serve.js';

const free = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => free.once('listening', resolve));
const { port } = free.address() as import('node:net').AddressInfo;
await new Promise((resolve) => free.close(resolve));
process.argv.push(`--port=${port}`, '--headless');
// @ts-expect-error It ships no types.
await import('@portkey-ai/gateway/build/start-server.js');
serve(port);

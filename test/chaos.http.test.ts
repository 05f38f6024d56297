/**
 * Chaos on the HTTP gateway: each thing that mends itself goes wrong, alone and together with each
 * other, while clients ask; afterwards all is as if nothing had been, without a restart.
 */
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startUpstream } from '../src/upstream/index.js';
import type { Injection } from './chaos.js';
import { aloneAndInPairs, drift, expectRest, hangOnce, healedBy, underLoad } from './chaos.js';
import { ask, Client, chat } from './faults.js';
import { World } from './harness.js';

const deadlines = {
  requestBody: 150,
  responseHeaders: 0,
  firstByte: 0,
  progress: 0,
  idle: 400,
  linger: 150,
  total: 800,
  settle: 200,
};
const ejection = { failures: 3, forMs: 40, forMsMax: 80 };
const routes = [
  { path: '/v1/', upstreams: ['scripted'] },
  { path: '/flaky', upstreams: ['flaky', 'steady'] },
];

/** Two upstreams that say OK, of which one can be told to fail. */
let status = 200;
const peers = [() => status, () => 200].map((statusNow) =>
  createServer((request, response) => {
    request.resume();
    response.writeHead(statusNow(), { 'content-length': 2 }).end('ok');
  }),
);
beforeAll(() =>
  Promise.all(
    peers.map((peer) => new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve))),
  ),
);
afterAll(() => Promise.all(peers.map((peer) => new Promise((resolve) => peer.close(resolve)))));
const urlOf = (place: number) =>
  `http://127.0.0.1:${((peers[place] as Server).address() as AddressInfo).port}`;

/**
 * Asks the scripted upstream for a fault, until this deadline has ended one: on a machine that stands
 * still for a while, another one may have come first.
 */
const faulty =
  (fault: string, deadline: string): Injection<World> =>
  async (world) => {
    const healed = () => healedBy(world.traces, deadline);
    while (!healed()) {
      const client = await Client.connect(world.port);
      client.ask({ body: chat(`fault:${fault}`) });
      await Promise.race([world.until(healed), client.reply().catch(() => {})]);
      client.socket.destroy();
    }
  };

const warned = (world: World, what: string) =>
  world.warnings.some((warning) => warning.includes(what));

const injections: Readonly<Record<string, Injection<World>>> = {
  'an end that never comes': faulty('F17', 'linger'),
  'an upstream that stalls': faulty('F15', 'idle'),
  'peers that say nothing of use': faulty('F16', 'total'),
  async 'a client that stalls'(world) {
    const client = await Client.connect(world.port);
    client.socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{',
    );
    expect(await client.reply()).toMatchObject({ status: 408, whole: true });
    client.socket.destroy();
  },
  async 'a sink that hangs'(world) {
    await hangOnce(world.ledger, () => world.until(() => healedBy(world.traces, 'settle')));
  },
  async 'counts that drift'(world) {
    const [upstream] = world.gateway.upstreams.all;
    await drift(upstream!, world.gateway.sizers, (ready) => world.until(ready), world.warnings);
  },
  async 'an upstream that fails'(world) {
    const flaky = async () => (await ask(world.port, { method: 'GET', path: '/flaky' })).status;
    status = 503;
    while (!warned(world, 'is left alone')) await flaky();
    status = 200;
    while (!warned(world, 'is taken back')) expect([200, 503]).toContain(await flaky());
  },
};

it.each(aloneAndInPairs(injections))('%s', async (_, inject) => {
  status = 200;
  const upstreams = [
    { id: 'flaky', url: urlOf(0) },
    { id: 'steady', url: urlOf(1) },
  ];
  const scripted = await startUpstream();
  const world = await World.start({
    upstreams: [{ id: 'scripted', url: scripted.url }, ...upstreams],
    config: { deadlines, ejection, routes, auditMs: 10 },
  });
  try {
    const healthy = async () => {
      const body = chat('interlock-small').replace('"stream":true', '"stream":false');
      expect(await ask(world.port, { body })).toMatchObject({ status: 200, whole: true });
    };
    await underLoad(healthy, Promise.all(inject.map((one) => one(world))));
    await healthy();
    await world.gateway.drain();
    expectRest(world.gateway, world.gateway.upstreams.all, world.traces, world.records);
  } finally {
    await world.close();
    await scripted.close();
  }
});

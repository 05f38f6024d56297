/**
 * Chaos on the ext_proc server: what mends itself there goes wrong, alone and together with each
 * other, while an Envoy shows exchanges; afterwards all is as if nothing had been, without a restart.
 */
import { expect, it } from 'vitest';
import type { ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import type { Injection } from './chaos.js';
import { aloneAndInPairs, drift, expectRest, hangOnce, healedBy, underLoad } from './chaos.js';
import { inModes, JSON_BODY, RB, RH, SB, SH, SSE_EVENTS } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';

const ejection = { failures: 3, forMs: 40, forMsMax: 80 };
const DESTINATION = 'x-gateway-destination-endpoint';
const config = {
  upstreams: [
    { id: 'flaky', endpoint: '10.0.0.1:80' },
    { id: 'steady', endpoint: '10.0.0.2:80' },
  ],
  routes: [{ path: '/', upstreams: ['flaky', 'steady'] }],
  deadlines: { total: 600, settle: 200 },
  ejection,
  auditMs: 10,
};

const streamed = (...messages: ProcessingRequest[]) => inModes('STREAMED', 'STREAMED', messages);
const request = [RH(), RB('{"model":"m"}', true)] as const;

/** Begins an exchange, and then shows nothing more, and does not go either. */
const silentAfter =
  (...messages: ProcessingRequest[]): Injection<EnvoyWorld> =>
  async (world) => {
    const stream = world.client.open();
    for (const message of streamed(...request, ...messages)) void stream.send(message);
    await world.until(() => healedBy(world.traces, 'total'));
    stream.cancel();
    await stream.ended;
  };

const warned = (world: EnvoyWorld, what: string) =>
  world.warnings.some((warning) => warning.includes(what));

/** What the one upstream answers with now; the other is well. */
let status = 200;

/** One exchange, whose response has the status of the upstream that it is sent to. */
async function exchange(world: EnvoyWorld): Promise<void> {
  const stream = world.client.open();
  const [first, body] = streamed(...request) as [ProcessingRequest, ProcessingRequest];
  void stream.send(first);
  const answer = await stream.next();
  const headers = answer?.requestHeaders?.response?.headerMutation?.setHeaders ?? [];
  const chosen = headers.find(({ header }) => header?.key === DESTINATION)?.header?.rawValue;
  void stream.send(body);
  void stream.send(SH(String(chosen) === '10.0.0.1:80' ? status : 200));
  void stream.send(SB(JSON_BODY, true));
  stream.halfClose();
  await stream.ended;
  expect(stream.answers).toHaveLength(4);
}

const injections: Readonly<Record<string, Injection<EnvoyWorld>>> = {
  'an end that never comes': silentAfter(
    SH(200, 'text/event-stream'),
    ...SSE_EVENTS.map((event) => SB(event)),
  ),
  'a stream that dies without a word': silentAfter(SH(200, 'text/event-stream'), SB('data: ')),
  async 'a sink that hangs'(world) {
    await hangOnce(world.ledger, () => world.until(() => healedBy(world.traces, 'settle')));
  },
  async 'counts that drift'(world) {
    const { sizers, destinations } = world.server;
    await drift(destinations[1]!, sizers, (ready) => world.until(ready), world.warnings);
  },
  async 'an upstream that fails'(world) {
    status = 503;
    while (!warned(world, 'is left alone')) await exchange(world);
    status = 200;
    while (!warned(world, 'is taken back')) await exchange(world);
  },
};

it.each(aloneAndInPairs(injections))('%s', async (_, inject) => {
  status = 200;
  const world = await EnvoyWorld.start(config);
  try {
    await underLoad(() => exchange(world), Promise.all(inject.map((one) => one(world))));
    await exchange(world);
    await world.server.drain();
    expectRest(world.server, world.server.destinations, world.traces, world.records);
  } finally {
    await world.close();
  }
});

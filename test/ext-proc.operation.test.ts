/** The ext_proc server in operation: health, a drain, and the addresses it is reached at. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status as Code } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { EnvoyClient } from '../src/envoy/stream.js';
import { begin, finish } from './envoy/flight.js';
import { answerKind, RH, SB, SH } from './envoy/messages.js';
import { DRAINING, Probe, SERVING } from './envoy/probe.js';
import { EnvoyWorld } from './envoy/world.js';

let world: EnvoyWorld;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) close();
  await world.close();
});

async function start(config: Record<string, unknown> = {}): Promise<void> {
  world = await EnvoyWorld.start(config);
}

/** A connection of its own. */
function another(): EnvoyClient {
  const client = new EnvoyClient(world.server.address);
  closing.push(() => client.close());
  return client;
}

function probe(address = world.server.address): Probe {
  const made = new Probe(address);
  closing.push(() => made.close());
  return made;
}

describe('health', () => {
  it('is told under four names, where exchanges are heard and elsewhere', async () => {
    await start();
    const elsewhere = probe(await world.server.listenHealth('127.0.0.1:0'));
    expect(await probe().all()).toEqual(SERVING);
    expect(await elsewhere.all()).toEqual(SERVING);
    await expect(elsewhere.check('other')).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('elsewhere is all that is answered there', async () => {
    await start();
    const client = new EnvoyClient(await world.server.listenHealth('127.0.0.1:0'));
    closing.push(() => client.close());
    const stream = client.open();
    void stream.send(RH());
    expect(await stream.ended).toMatchObject({ code: Code.UNIMPLEMENTED });
    expect(stream.answers).toEqual([]);
  });

  it('is told to watchers when it changes, on every connection', async () => {
    await start();
    const elsewhere = await world.server.listenHealth('127.0.0.1:0');
    const stream = await begin(another(), RH({}, true));
    const watching = [probe(), probe(elsewhere)].map((probe) => probe.watch('readiness'));
    const next = () => Promise.all(watching.map(async (told) => (await told.next()).value));
    expect(await next()).toEqual(['SERVING', 'SERVING']);
    const drained = world.server.drain();
    expect(await next()).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    await finish(stream);
    await drained;
  });
});

describe('a drain', () => {
  it('lets what is in flight finish, and refuses what comes: 503, and a time to wait', async () => {
    await start();
    const stream = await begin(another(), RH({}, true));
    const drained = world.server.drain();
    for (const client of [another(), world.client]) {
      const late = client.open();
      void late.send(RH());
      expect(await late.next()).toMatchObject({
        immediateResponse: {
          status: { code: 503 },
          headers: {
            setHeaders: expect.arrayContaining([
              expect.objectContaining({
                header: expect.objectContaining({ key: 'retry-after', rawValue: Buffer.from('1') }),
              }),
            ]),
          },
        },
      });
      expect(await late.ended).toMatchObject({ code: Code.OK });
    }
    await finish(stream);
    await drained;
    expect(stream.answers.map(answerKind)).toEqual([
      'requestHeaders',
      'responseHeaders',
      'responseBody',
    ]);
    expect(await world.recorded(3)).toMatchObject([
      { outcome: 'rejected', cause: 'draining', status: 503 },
      { outcome: 'rejected', cause: 'draining', status: 503 },
      { outcome: 'completed', status: 200 },
    ]);
  });

  it('tells each connection that it is the last: what is next comes on a new one', async () => {
    await start();
    const client = another();
    const [first, second] = [client.open(), client.open()];
    for (const stream of [first, second]) {
      void stream.send(RH({}, true));
      await stream.next();
    }
    const drained = world.server.drain();
    // The client has heard of it once a new stream is refused, which the old connection has not.
    const late = client.open();
    void late.send(RH());
    expect(answerKind((await late.next())!)).toBe('immediateResponse');
    await Promise.all([finish(first), finish(second)]);
    await drained;
    const outcomes = (await world.recorded(3)).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['completed', 'completed', 'rejected']);
  });

  it('is told at once to whoever asks, and the server is still alive', async () => {
    await start();
    const elsewhere = probe(await world.server.listenHealth('127.0.0.1:0'));
    const before = probe();
    expect(await before.all()).toEqual(SERVING);
    const stream = await begin(another(), RH({}, true));
    const drained = world.server.drain();
    for (const one of [before, probe(), elsewhere]) {
      expect(await one.all()).toEqual(DRAINING);
    }
    await finish(stream);
    await drained;
  });

  it.each([
    ['', Code.OK, { streamed: false }],
    [' with an error, where Envoy has handed over a body', Code.UNAVAILABLE, { streamed: true }],
  ])('leaves what is left after its deadline%s', async (_, code, { streamed }) => {
    await start({ deadlines: { drain: 100 } });
    const responseBodyMode = streamed ? 'FULL_DUPLEX_STREAMED' : 'STREAMED';
    const first = { ...RH({}, true), protocolConfig: { responseBodyMode } } as const;
    const stream = await begin(another(), first, SH(), SB('{'));
    await world.server.drain();
    expect(world.server.inFlight).toBe(0);
    expect(await stream.ended).toMatchObject({ code });
    expect(await world.recorded()).toMatchObject([{ outcome: 'drained', cause: 'deadline_drain' }]);
  });

  it('of an unbounded deadline is cut when it is told to', async () => {
    await start({ deadlines: { drain: 0 } });
    const stream = await begin(another(), RH({}, true));
    const drained = world.server.drain();
    world.server.cut();
    await drained;
    expect(await stream.ended).toMatchObject({ code: Code.OK });
    expect(await world.recorded()).toMatchObject([{ outcome: 'drained' }]);
  });

  it('answers what still comes late on a stream whose exchange is over, and ends it cleanly', async () => {
    // field: A1, D22
    await start();
    const stream = another().open();
    for (const message of [RH({}, true), SH(), SB('{}', true)]) await stream.send(message);
    await stream.until(() => stream.answers.length === 3);
    const drained = world.server.drain();
    await stream.send(SB('', true));
    await drained;
    await world.server.close();
    expect((await stream.ended).code).toBe(Code.OK);
    expect(stream.answers.map(answerKind)).toEqual([
      'requestHeaders',
      'responseHeaders',
      'responseBody',
      'responseBody',
    ]);
  });

  it('may be told twice, and with nothing in flight', async () => {
    await start();
    await Promise.all([world.server.drain(), world.server.drain()]);
    await world.server.close();
  });
});

describe('a usage record', () => {
  it('that the ledger refuses is told, and not waited for', async () => {
    await start({ deadlines: { settle: 3_600_000 } });
    await world.ledger.close();
    await finish(await begin(another(), RH({}, true)));
    await world.event('deadline.expired(settle)');
    expect(world.server.inFlight).toBe(0);
    expect(world.warnings).toEqual([expect.stringMatching(/not recorded: .* is closed/)]);
  });
});

describe('an address', () => {
  it('that is taken is refused with the system’s error', async () => {
    await start();
    await expect(world.server.listen(world.server.address)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it.skipIf(process.platform === 'win32')(
    'of a socket is taken from a process that was killed, and from nothing else (POSIX alone)',
    async () => {
      await start();
      const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
      closing.push(() => rmSync(folder, { recursive: true }));
      const path = join(folder, 'socket');
      const killed = createServer().listen(join(folder, 'moved'));
      await once(killed, 'listening');
      renameSync(join(folder, 'moved'), path);
      killed.close();
      await world.server.listen(`unix:${path}`);
      expect(world.server.address).toBe(`unix:${path}`);
      await finish(await begin(another(), RH({}, true)));
      const taken = { code: 'EADDRINUSE' };
      await expect(world.server.listen(`unix:${path}`)).rejects.toMatchObject(taken);
      const kept = join(folder, 'file');
      writeFileSync(kept, 'kept');
      await expect(world.server.listen(`unix:${kept}`)).rejects.toMatchObject(taken);
      expect(readFileSync(kept, 'utf8')).toBe('kept');
    },
  );
});

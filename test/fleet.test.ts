/** An upstream that fails again and again is left alone, tried with one exchange, and taken back. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { endingOf } from '../src/adapters/fleet.js';
import { seldom } from '../src/adapters/warnings.js';
import { World } from './harness.js';

/** An upstream that answers with the status that it is told to, and counts what it is asked. */
class Peer {
  status = 200;
  asked = 0;
  /** Answers wait while this is set. */
  held: Promise<void> | undefined;
  readonly #server = createServer(async (request, response) => {
    this.asked++;
    this.#told();
    request.resume();
    await this.held;
    response.writeHead(this.status, { 'content-length': 2 }).end('ok');
  });

  #told = () => {};

  /** Resolves when it is asked the next time. */
  nextAsked(): Promise<void> {
    return new Promise((resolve) => {
      this.#told = resolve;
    });
  }

  static async start(): Promise<Peer> {
    const peer = new Peer();
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let peers: Peer[] = [];
let world: World;
afterEach(async () => {
  await world.close();
  await Promise.all(peers.map((peer) => peer.close()));
});

/** A gateway before as many upstreams; the rule is three failures in a row. */
async function fronting(count: number, forMs: number): Promise<void> {
  peers = await Promise.all(Array.from({ length: count }, () => Peer.start()));
  const upstreams = peers.map(({ url }, place) => ({ id: `u${place}`, url }));
  const ejection = { failures: 3, forMs, forMsMax: 10 * forMs };
  world = await World.start({ upstreams, config: { ejection } });
}

/** Asks one after the other, each once the one before is recorded. Gives the statuses. */
async function ask(times: number): Promise<number[]> {
  const statuses: number[] = [];
  const recorded = world.traces.filter(({ event }) => event === 'usage.recorded').length;
  for (let time = 1; time <= times; time++) {
    statuses.push((await fetch(world.url, { method: 'GET' })).status);
    await world.event('usage.recorded', recorded + time);
  }
  return statuses;
}

const told = (words: string) => world.warnings.filter((warning) => warning.includes(words));
/** Resolves once this was warned of so often; asks on meanwhile, since a probe needs an exchange. */
async function askUntil(words: string, count: number): Promise<void> {
  while (told(words).length < count) await ask(1);
}

describe('an upstream that fails three times in a row', () => {
  it('gets no exchange for a while, and another one has them all', async () => {
    await fronting(2, 60_000);
    (peers[0] as Peer).status = 503;
    const statuses = await ask(12);
    expect(statuses.filter((status) => status === 503)).toHaveLength(3);
    expect(peers.map(({ asked }) => asked)).toEqual([3, 9]);
    expect(world.warnings).toEqual([
      'upstream u0 failed again and again, and is left alone for a while',
    ]);
  });

  it('is tried with one exchange, and taken back when that succeeds', async () => {
    await fronting(2, 30);
    const [bad] = peers as [Peer, Peer];
    bad.status = 500;
    await askUntil('left alone', 2);
    bad.status = 200;
    await askUntil('taken back', 1);
    const sofar = bad.asked;
    expect(await ask(4)).toEqual([200, 200, 200, 200]);
    expect(bad.asked).toBe(sofar + 2);
  });

  it('has one probe at a time, however many ask meanwhile', async () => {
    await fronting(2, 30);
    const [bad] = peers as [Peer, Peer];
    bad.status = 500;
    await askUntil('left alone', 1);
    let answer = () => {};
    bad.held = new Promise((resolve) => {
      answer = resolve;
    });
    bad.status = 200;
    const sofar = bad.asked;
    const probe = await openProbe(bad);
    expect(await ask(6)).toEqual(Array(6).fill(200));
    expect(bad.asked).toBe(sofar + 1);
    answer();
    await probe.ended;
    await askUntil('taken back', 1);
  });

  it('is kept if there is no other: a bad upstream is better than none', async () => {
    await fronting(1, 60_000);
    (peers[0] as Peer).status = 500;
    expect(await ask(7)).toEqual(Array(7).fill(500));
    // It was spared twice. At the pace of a dead upstream that would be a flood, if each was told.
    expect(told('is kept, as there is no other')).toHaveLength(1);
    (peers[0] as Peer).status = 200;
    expect(await ask(1)).toEqual([200]);
  });

  it('leaves the last of a route, too, if all others were ejected', async () => {
    await fronting(3, 60_000);
    for (const peer of peers) peer.status = 500;
    await ask(30);
    expect(told('left alone')).toHaveLength(2);
    expect(told('is kept')).not.toHaveLength(0);
  });
});

/** Asks until this peer is asked; gives what is still under way there. */
async function openProbe(peer: Peer): Promise<{ ended: Promise<unknown> }> {
  const asked = peer.nextAsked();
  for (;;) {
    const one = fetch(world.url);
    const first = await Promise.race([one, asked]);
    if (first === undefined) return { ended: one };
  }
}

describe('what is held against an upstream', () => {
  it('is its own failures and its own silence, and nothing that a client or we did', () => {
    expect(endingOf('completed')).toBe('succeeded');
    for (const cause of ['connect_refused', 'connection_lost', undefined]) {
      expect(endingOf('upstreamFailed', cause)).toBe('failed');
    }
    for (const deadline of ['connect', 'responseHeaders', 'firstByte', 'idle', 'progress']) {
      expect(endingOf('timedOut', `deadline_${deadline}`)).toBe('failed');
    }
    expect(endingOf('upstreamFailed', 'gateway_failed')).toBe('abandoned');
    for (const deadline of ['requestBody', 'stall', 'total', 'drain']) {
      expect(endingOf('timedOut', `deadline_${deadline}`)).toBe('abandoned');
    }
    for (const outcome of ['rejected', 'cancelled', 'drained', 'violated', 'unknown'] as const) {
      expect(endingOf(outcome, 'client_gone')).toBe('abandoned');
    }
  });
});

describe('what is told seldom', () => {
  it('is told at first, and then again with how often it was not', async () => {
    const messages: string[] = [];
    const warn = seldom((message) => messages.push(message), 20);
    let times = 0;
    for (; messages.length < 2; times++) {
      warn('a');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(messages).toEqual(['a', `a (and ${times - 2} more since this was told)`]);
    warn('b');
    expect(messages.at(-1)).toBe('b');
  });
});

/** Live exchanges in Stately's inspector: what it is told, by a receiver of its own package. */
import { request } from 'node:http';
import { runInNewContext } from 'node:vm';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { events, textOf } from '../machines/events.js';
import { exchange as machine } from '../machines/exchange.js';
import { Exchange } from '../src/exchange.js';
import { nameOf } from '../src/names.js';
import type { Inspection } from '../src/observe/inspect.js';
import { startInspection } from '../src/observe/inspect.js';
import { statelyPage } from '../src/observe/stately.js';
import { table } from '../src/step.js';
import { World } from './harness.js';

const CHAT = '/v1/chat/completions';
const SECRET = 'the prompt is nobody else’s business';
const body = (model: string, stream: boolean) =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content: SECRET }] });

/** Holds once it holds, however busy the machine is. */
const eventually = (claim: () => void) => vi.waitFor(claim, { timeout: 10_000, interval: 10 });

let world: World | undefined;
let inspection: Inspection;

async function inspect(): Promise<World> {
  inspection = await startInspection({ find: () => undefined, policy: () => '' });
  world = await World.start({ watch: inspection.watch });
  return world;
}

afterEach(async () => {
  await world?.close();
  world = undefined;
  await inspection?.close();
});

async function chat({ url }: World): Promise<string> {
  const asked = body('interlock-small', false);
  return await (await fetch(url + CHAT, { method: 'POST', body: asked })).text();
}

/** A viewer made by the package itself. It is connected once this resolves. */
async function watch(): Promise<StatelyInspectionEvent[]> {
  const seen: StatelyInspectionEvent[] = [];
  const before = inspection.feed.viewers;
  const server = `${inspection.url.replace('http', 'ws')}stately/messages`;
  createWebSocketReceiver({ server }).subscribe((message) => {
    seen.push(message);
  });
  await eventually(() => expect(inspection.feed.viewers).toBe(before + 1));
  return seen;
}

const only = <T extends StatelyInspectionEvent['type']>(
  messages: readonly StatelyInspectionEvent[],
  type: T,
) =>
  messages.filter((message) => message.type === type) as Extract<
    StatelyInspectionEvent,
    { type: T }
  >[];

const snapshotsOf = (messages: readonly StatelyInspectionEvent[]) =>
  only(messages, '@xstate.snapshot').map(({ snapshot }) => snapshot as never as Snapshot);
interface Snapshot {
  readonly status: string;
  readonly value: string;
  readonly context: { readonly commands: readonly string[]; readonly seq: number };
}

/** An upload that goes on after its answer is complete and recorded, and ends then. */
async function lateUpload(here: World): Promise<void> {
  const upload = request(here.url + CHAT, { method: 'POST' });
  upload.on('response', (response) => response.resume());
  upload.write(body('fault:F34-stream', true).slice(0, -1));
  await here.event('usage.recorded');
  upload.end('}');
  await here.event('request.end');
  upload.destroy();
}

describe("Stately's inspector", () => {
  it('is told of a streamed exchange as an actor: its events and states in order, and late ones', async () => {
    const here = await inspect();
    const seen = await watch();
    await lateUpload(here);
    const states = here.traces.map(({ state }) => state);
    await eventually(() => expect(snapshotsOf(seen)).toHaveLength(states.length));

    const [actor, ...rest] = seen;
    const id = here.traces[0]!.exchange;
    expect(actor).toMatchObject({ type: '@xstate.actor', sessionId: id, name: id, rootId: id });
    expect(nameOf((actor as never as { snapshot: Snapshot }).snapshot.value)).toBe(table.states[0]);
    expect(rest.every(({ sessionId, rootId }) => sessionId === id && rootId === id)).toBe(true);
    expect(rest.map(({ type }) => type)).toEqual(
      states.flatMap(() => ['@xstate.event', '@xstate.snapshot']),
    );
    expect(only(seen, '@xstate.event').map(({ event }) => textOf(event))).toEqual(
      here.traces.map(({ event }) => event),
    );
    const snapshots = snapshotsOf(seen);
    expect(snapshots.map(({ value }) => nameOf(value))).toEqual(states);
    expect(snapshots.map(({ context }) => context.commands)).toEqual(
      here.traces.map(({ commands }) => commands),
    );
    const over = states.indexOf('processed.completed');
    expect(snapshots.map(({ status }) => status)).toEqual(
      states.map((_, place) => (place < over ? 'active' : 'done')),
    );
    expect(snapshots.at(-1)).toMatchObject({
      value: { processed: 'completed' },
      context: { commands: ['countAnomaly(lateEnd)'] },
    });
  });

  it('gets the definition of the machine with the actor, whole', async () => {
    const here = await inspect();
    const seen = await watch();
    await chat(here);
    await eventually(() => expect(seen.length).toBeGreaterThan(0));
    const [actor] = only(seen, '@xstate.actor');
    expect(JSON.parse(actor!.definition!)).toEqual(JSON.parse(JSON.stringify(machine.config)));
  });

  it('is never told what was asked or answered', async () => {
    const here = await inspect();
    const seen = await watch();
    const answer = JSON.parse(await chat(here)).choices[0].message.content as string;
    await eventually(() => expect(snapshotsOf(seen).at(-1)?.status).toBe('done'));
    const told = JSON.stringify(seen);
    expect(answer.length).toBeGreaterThan(10);
    expect(told).not.toContain(answer);
    expect(told).not.toContain(SECRET);
  });

  it('that comes late is told what the others were told, then what comes next', async () => {
    const here = await inspect();
    const early = await watch();
    await lateUpload(here);
    await eventually(() => expect(snapshotsOf(early)).toHaveLength(here.traces.length));
    const late = await watch();
    await eventually(() => expect(late).toHaveLength(early.length));
    await chat(here);
    await eventually(() => {
      expect(here.traces.at(-1)?.state).toMatch(/^processed/);
      // Each viewer is told in its own time.
      for (const seen of [early, late]) {
        expect(snapshotsOf(seen)).toHaveLength(here.traces.length);
      }
    });
    // The package draws the id of an event message by lot.
    const facts = (messages: StatelyInspectionEvent[]) => messages.map((m) => ({ ...m, id: 0 }));
    expect(facts(late)).toEqual(facts(early));
  });

  it('is told of the newest exchanges, and follows each that it was told of to its end', async () => {
    inspection = await startInspection({ find: () => undefined, policy: () => '' });
    const begin = (id: string) => new Exchange({ id, observer: inspection.watch.begin(id) });
    const open = Array.from({ length: 200 }, (_, at) => begin(`x-${at}`));
    for (const one of open) one.receive(events.requestHeaders);
    const seen = await watch();
    await eventually(() => expect(only(seen, '@xstate.actor')).toHaveLength(50));
    const ids = open.slice(-50).map(({ id }) => id);
    expect(only(seen, '@xstate.actor').map(({ sessionId }) => sessionId)).toEqual(ids);
    const one = open.at(-1) as Exchange;
    for (const event of [events.requestRefused, events.usageRecorded]) one.receive(event);
    begin('newer').receive(events.requestHeaders);
    await eventually(() => expect(seen.at(-1)?.sessionId).toBe('newer'));
    const last = snapshotsOf(seen.filter(({ sessionId }) => sessionId === one.id)).at(-1);
    expect(last).toMatchObject({ status: 'done', value: { processed: 'rejected' } });
  });

  it('is told which steps of a long exchange it sees: its first and its newest', async () => {
    inspection = await startInspection({ find: () => undefined, policy: () => '' });
    const long = new Exchange({ id: 'long', observer: inspection.watch.begin('long') });
    long.receive(events.requestHeaders);
    for (let count = 0; count < 999; count++) long.receive(events.requestBody);
    const seen = await watch();
    await eventually(() => expect(snapshotsOf(seen)).toHaveLength(128));
    const numbers = snapshotsOf(seen).map(({ context }) => context.seq);
    const from = (first: number, count: number) =>
      Array.from({ length: count }, (_, at) => first + at);
    expect(numbers).toEqual([...from(0, 32), ...from(1_000 - 96, 96)]);
  });
});

describe("the page of Stately's inspector", () => {
  it('hands on what it is told once the inspector asks, to the origin of the inspector alone', () => {
    const page = statelyPage(new URL('https://stately.ai/inspect'), 'n');
    const script = /<script nonce="n">([\s\S]*)<\/script>/.exec(page)![1]!;
    const handed: unknown[][] = [];
    const frame = { postMessage: (...given: unknown[]) => handed.push(given) };
    const status = { textContent: '' };
    const listeners: ((message: object) => void)[] = [];
    const sockets: {
      url: string;
      onmessage?: (m: object) => void;
      onclose?: (event: object) => void;
    }[] = [];
    class FakeSocket {
      constructor(readonly url: string) {
        sockets.push(this);
      }
    }
    runInNewContext(script, {
      document: {
        getElementById: (id: string) => (id === 'status' ? status : { contentWindow: frame }),
      },
      location: { host: '127.0.0.1:1', pathname: '/t/stately' },
      addEventListener: (_: string, listener: (message: object) => void) =>
        listeners.push(listener),
      WebSocket: FakeSocket,
    });
    const post = (source: object, origin: string) =>
      listeners[0]!({ source, origin, data: { type: '@statelyai.connected' } });
    post({}, 'https://stately.ai');
    post(frame, 'https://evil.test');
    expect(sockets).toEqual([]);
    expect(status.textContent).toContain('waiting for the inspector to load');
    post(frame, 'https://stately.ai');
    const [socket] = sockets;
    expect(socket!.url).toBe('ws://127.0.0.1:1/t/stately/messages');
    socket!.onmessage!({ data: '{"n":1}' });
    socket!.onmessage!({ data: '{"n":2}' });
    expect(handed).toEqual([
      [{ n: 1 }, 'https://stately.ai'],
      [{ n: 2 }, 'https://stately.ai'],
    ]);
    expect(status.textContent).toBe('interlock: connected; messages: 2');
    socket!.onclose!({ target: socket! });
    expect(status.textContent).toContain('gone');
  });
});

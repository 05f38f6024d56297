/** Live exchanges in the Stately inspector: what a viewer is told, who may be one, what it costs. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { events, textOf } from '../machines/events.js';
import { exchange as machine } from '../machines/exchange.js';
import { Exchange } from '../src/exchange.js';
import { nameOf, stateValueOf } from '../src/names.js';
import type { Inspection, InspectionOptions } from '../src/observe/inspect.js';
import { startInspection } from '../src/observe/inspect.js';
import { pageOf } from '../src/observe/page.js';
import type { SamplingLimits } from '../src/observe/sampling.js';
import { Sampling } from '../src/observe/sampling.js';
import { table } from '../src/step.js';
import type { TraceRecord } from '../src/trace.js';
import { World } from './harness.js';

const CHAT = '/v1/chat/completions';
const SECRET = 'the prompt is nobody else’s business';
const body = (model: string, stream: boolean) =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content: SECRET }] });

/** Holds once it holds, however busy the machine is. */
const eventually = (claim: () => void) => vi.waitFor(claim, { timeout: 10_000, interval: 10 });

describe('the name of a state', () => {
  it('is the name of one value, which XState takes as a state of the machine', () => {
    for (const name of table.states) {
      const value = stateValueOf(name);
      expect(nameOf(value)).toBe(name);
      expect(machine.resolveState({ value: value as never }).value).toEqual(value);
    }
  });

  it.each([
    ['a', 'a'],
    ['a.b.c', { a: { b: 'c' } }],
    ['a(b.c d(e.f g.h))', { a: { b: 'c', d: { e: 'f', g: 'h' } } }],
    ['(a.b c.d)', { a: 'b', c: 'd' }],
    ['a(b() c())', { a: { b: {}, c: {} } }],
  ])('%s stands for a value, both ways', (name, value) => {
    expect(stateValueOf(name)).toEqual(value);
    expect(nameOf(value)).toBe(name);
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a(',
    'a(b.c',
    'a)',
    'a b',
    'a(b.c d.e) f',
    'a(b.c  d.e)',
    '(a.b)',
    'a..',
    'a..b',
    '()a',
  ])('%j is none', (name) => expect(() => stateValueOf(name)).toThrow(RangeError));
});

let world: World | undefined;
let inspection: Inspection;
const warnings: string[] = [];

async function inspect(options: InspectionOptions = {}, config = {}): Promise<World> {
  warnings.length = 0;
  const limits = { turnEveryMs: 1, ...options.limits };
  inspection = await startInspection({ warn: (line) => warnings.push(line), ...options, limits });
  world = await World.start({ trace: inspection.sink, config });
  return world;
}

afterEach(async () => {
  await world?.close();
  world = undefined;
  await inspection?.close();
});

async function chat({ url }: World, model = 'interlock-small', stream = false): Promise<string> {
  const response = await fetch(url + CHAT, { method: 'POST', body: body(model, stream) });
  return await response.text();
}

/** A viewer made by the package itself. It is connected once this resolves. */
async function watch(): Promise<StatelyInspectionEvent[]> {
  const seen: StatelyInspectionEvent[] = [];
  const before = inspection.bridge.viewers;
  createWebSocketReceiver({ server: inspection.bridge.socketUrl }).subscribe((message) => {
    seen.push(message);
  });
  await eventually(() => expect(inspection.bridge.viewers).toBe(before + 1));
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
  readonly context: { readonly commands: readonly string[] };
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

describe('a viewer', () => {
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
    await eventually(() => expect(snapshotsOf(late)).toHaveLength(here.traces.length));
    // The package draws the id of an event message by lot.
    const facts = (messages: StatelyInspectionEvent[]) => messages.map((m) => ({ ...m, id: 0 }));
    expect(facts(late)).toEqual(facts(early));
  });

  it('that comes late is told of the latest exchanges only', async () => {
    const here = await inspect({ limits: { followedMax: 2 } });
    for (let count = 1; count <= 4; count++) {
      await chat(here);
      await here.event('usage.recorded', count);
      await eventually(() => expect(inspection.sampling.queued).toBe(0));
    }
    const seen = await watch();
    await eventually(() => expect(only(seen, '@xstate.actor')).toHaveLength(2));
    const ids = [...new Set(here.traces.map(({ exchange }) => exchange))];
    expect([...new Set(seen.map(({ sessionId }) => sessionId))]).toEqual(ids.slice(2));
    expect(inspection.sampling.dropped).toBe(0);
  });

  it('that never reads is let go at a bound; no exchange waits for it', async () => {
    const unreadBytesMax = 256 * 1024;
    const here = await inspect({ unreadBytesMax });
    const deaf = new WebSocket(inspection.bridge.socketUrl);
    await once(deaf, 'open');
    deaf.pause();
    let count = 0;
    while (inspection.bridge.viewers > 0) {
      expect(await chat(here)).toContain('usage');
      count++;
      expect(inspection.sampling.queued).toBeLessThanOrEqual(2_000);
      expect(count).toBeLessThan(2_000);
    }
    expect(inspection.bridge.unreadBytes).toBeGreaterThan(0);
    expect(inspection.bridge.unreadBytes).toBeLessThanOrEqual(unreadBytesMax);
    expect(warnings.filter((line) => line.includes('did not read'))).toHaveLength(1);
    expect(await here.recorded(count)).toHaveLength(count);
    deaf.terminate();
  });

  it('that goes in the middle is missed by nobody', async () => {
    const here = await inspect();
    const viewer = new WebSocket(inspection.bridge.socketUrl);
    await once(viewer, 'open');
    const answer = chat(here, 'interlock-small', true);
    await here.event('response.headers(success)');
    viewer.terminate();
    expect(await answer).toContain('[DONE]');
    await eventually(() => expect(inspection.bridge.viewers).toBe(0));
    expect(warnings).toEqual([]);
  });
});

describe('sampling', () => {
  const told: TraceRecord[] = [];
  const cut: TraceRecord[] = [];
  const said: string[] = [];
  const sample = (limits: Partial<SamplingLimits>) => {
    told.length = cut.length = said.length = 0;
    return new Sampling(
      {
        told: (record) => told.push(record),
        cut: (record) => cut.push(record),
        warn: (message) => said.push(message),
      },
      limits,
    );
  };
  const refused = [
    events.requestHeaders,
    events.requestRefused,
    events.usageRecorded,
    events.requestBody,
  ];
  const run = (sampling: Sampling, id: string) => {
    const live = new Exchange({ id, trace: sampling.sink });
    for (const event of refused) live.receive(event);
  };

  it('keeps its bounds under any load, leaves out whole exchanges, and says so once', async () => {
    const limits = { queuedMax: 40, followedMax: 1_000, turnEveryMs: 1, dropPeriodMs: 30 };
    const sampling = sample(limits);
    for (let count = 0; count < 10_000; count++) run(sampling, `x-${count}`);
    expect(sampling.queued).toBe(20);
    expect(sampling.dropped).toBe(10_000 - 5);
    await eventually(() =>
      expect(said).toEqual(['inspector: 9995 exchanges were too many to show']),
    );
    expect(told.map(({ exchange, seq }) => `${exchange} ${seq}`)).toEqual(
      [0, 1, 2, 3, 4].flatMap((x) => [0, 1, 2, 3].map((seq) => `x-${x} ${seq}`)),
    );
    run(sampling, 'after');
    sampling.close();
    expect(told.at(-1)).toMatchObject({ exchange: 'after', seq: 3 });
    expect(said).toHaveLength(1);
  });

  it('follows no more exchanges than it may, and forgets those that are over first', () => {
    const sampling = sample({ followedMax: 2 });
    const open = new Exchange({ id: 'open', trace: sampling.sink });
    open.receive(events.requestHeaders);
    run(sampling, 'over');
    run(sampling, 'one too many');
    expect(sampling.dropped).toBe(1);
    sampling.close();
    expect(new Set(told.map(({ exchange }) => exchange))).toEqual(new Set(['open', 'over']));
  });

  it('leaves the rest of an exchange out for which there is no room, and tells that it does', async () => {
    const sampling = sample({ queuedMax: 10, turnEveryMs: 1 });
    const long = new Exchange({ id: 'long', trace: sampling.sink });
    long.receive(events.requestHeaders);
    await eventually(() => expect(told).toHaveLength(1));
    for (let count = 0; count < 1_000; count++) long.receive(events.requestBody);
    expect(sampling.queued).toBe(10);
    expect(sampling.dropped).toBe(1);
    sampling.close();
    expect(told).toHaveLength(1);
    expect(cut).toEqual(told);
    expect(said).toHaveLength(1);
  });

  it('keeps the first and the newest records of an endless exchange', async () => {
    const sampling = sample({ keptMax: 10, turnEveryMs: 1 });
    const endless = new Exchange({ id: 'endless', trace: sampling.sink });
    endless.receive(events.requestHeaders);
    for (let count = 0; count < 500; count++) endless.receive(events.requestBody);
    await eventually(() => expect(told).toHaveLength(501));
    expect(sampling.kept).toBe(10);
    const [records] = sampling.replay;
    expect(records!.map(({ seq }) => seq)).toEqual([
      0,
      ...Array.from({ length: 9 }, (_, place) => 492 + place),
    ]);
    sampling.close();
  });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Asks for the page, or for the socket, as it is told to and not as a client would. */
function ask(path: string, headers: Record<string, string>, upgrade: boolean): Promise<Answer> {
  const { port } = new URL(inspection.url);
  const handshake = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      headers: { ...(upgrade ? handshake : {}), ...headers },
    });
    asked.on('error', reject);
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode!, headers: response.headers, text: '' });
    });
    asked.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    });
    asked.end();
  });
}

describe('the bridge', () => {
  const port = () => new URL(inspection.url).port;
  const query = () => `?token=${inspection.bridge.token}`;

  it.each<[string, () => Record<string, string>, (() => string)?]>([
    ['a foreign Host', () => ({ host: 'evil.test' })],
    ['a foreign Host with our port', () => ({ host: `evil.test:${port()}` })],
    ['our Host with another port', () => ({ host: '127.0.0.1:1' })],
    ['a foreign Origin', () => ({ origin: 'https://evil.test' })],
    ['the Origin of another port', () => ({ origin: 'http://127.0.0.1:1' })],
    ['an Origin that begins like ours', () => ({ origin: `http://127.0.0.1:${port()}.evil.test` })],
    ['Origin: null', () => ({ origin: 'null' })],
    ['no token', () => ({}), () => ''],
    ['an empty token', () => ({}), () => '?token='],
    ['a wrong token', () => ({}), () => `?token=${'0'.repeat(32)}`],
    ['a token of other letters', () => ({}), () => `?token=${encodeURIComponent('é'.repeat(16))}`],
    ['no token, though from our page', () => ({ origin: `http://127.0.0.1:${port()}` }), () => ''],
  ])('refuses %s, page and socket', async (_, headers, asked = query) => {
    await inspect();
    for (const path of ['/', '/events', '/nothing']) {
      for (const upgrade of [false, true]) {
        expect((await ask(path + asked(), headers(), upgrade)).status).toBe(403);
      }
    }
    expect(inspection.bridge.viewers).toBe(0);
  });

  it('takes its own page by either name, and a program with the token', async () => {
    await inspect();
    const ours = (name: string) => ({
      host: `${name}:${port()}`,
      origin: `http://${name}:${port()}`,
    });
    for (const headers of [{}, ours('127.0.0.1'), ours('localhost')]) {
      expect((await ask(`/${query()}`, headers, false)).status).toBe(200);
      expect((await ask(`/events${query()}`, headers, true)).status).toBe(101);
      expect((await ask(`/nothing${query()}`, headers, true)).status).toBe(404);
    }
    const posted = await fetch(inspection.url, { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('serves a page that keeps the address to itself', async () => {
    await inspect();
    const { headers, text } = await ask(`/${query()}`, {}, false);
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['content-security-policy']).toContain(`frame-ancestors 'none'`);
    expect(text).toContain('src="https://stately.ai/inspect"');
    expect(text).not.toContain(inspection.bridge.token);
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    await inspect();
    const others = Object.values(networkInterfaces())
      .flatMap((list = []) => list)
      .map(({ address, scopeid }) => (scopeid ? undefined : address))
      .filter((address) => address !== undefined && address !== '127.0.0.1');
    // The whole of 127/8 is this machine on Linux: a server on every interface would answer here.
    for (const host of [...others, ...(process.platform === 'linux' ? ['127.0.0.2'] : [])]) {
      const socket = connect(Number(port()), host);
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code, host).toMatch(/ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH/);
    }
  });

  it('takes a few viewers and throws away what they say', async () => {
    await inspect();
    const viewers = Array.from({ length: 8 }, () => new WebSocket(inspection.bridge.socketUrl));
    await Promise.all(viewers.map((viewer) => once(viewer, 'open')));
    expect((await ask(`/events${query()}`, {}, true)).status).toBe(503);
    const heard: unknown[] = [];
    viewers[1]!.on('message', (message) => heard.push(message));
    viewers[0]!.send('{"type":"@xstate.event"}');
    viewers[0]!.send('x'.repeat(2_000));
    const [code] = await once(viewers[0]!, 'close');
    expect(code).toBe(1009);
    expect(heard).toEqual([]);
  });
});

describe('the page', () => {
  it('hands on what it is told once the inspector asks, to the origin of the inspector alone', () => {
    const page = pageOf(new URL('https://stately.ai/inspect'), 'n');
    const script = /<script nonce="n">([\s\S]*)<\/script>/.exec(page)![1]!;
    const handed: unknown[][] = [];
    const frame = { postMessage: (...given: unknown[]) => handed.push(given) };
    const status = { textContent: '' };
    const listeners: ((message: object) => void)[] = [];
    const sockets: { url: string; onmessage?: (m: object) => void; onclose?: () => void }[] = [];
    class FakeSocket {
      constructor(readonly url: string) {
        sockets.push(this);
      }
    }
    runInNewContext(script, {
      document: {
        getElementById: (id: string) => (id === 'status' ? status : { contentWindow: frame }),
      },
      location: { host: '127.0.0.1:1', search: '?token=t' },
      addEventListener: (_: string, listener: (message: object) => void) =>
        listeners.push(listener),
      WebSocket: FakeSocket,
    });
    const [socket] = sockets;
    const post = (source: object, origin: string) =>
      listeners[0]!({ source, origin, data: { type: '@statelyai.connected' } });
    expect(socket!.url).toBe('ws://127.0.0.1:1/events?token=t');
    socket!.onmessage!({ data: '{"n":1}' });
    post({}, 'https://stately.ai');
    post(frame, 'https://evil.test');
    expect(handed).toEqual([]);
    expect(status.textContent).toContain('waiting for the inspector to load');
    post(frame, 'https://stately.ai');
    socket!.onmessage!({ data: '{"n":2}' });
    expect(handed).toEqual([
      [{ n: 1 }, 'https://stately.ai'],
      [{ n: 2 }, 'https://stately.ai'],
    ]);
    expect(status.textContent).toBe('interlock: live; messages: 2');
    socket!.onclose!();
    expect(status.textContent).toContain('gone');
  });
});

const root = fileURLToPath(new URL('..', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function interlock(args: string[], hook?: string) {
  const usage = join(folder, 'usage.ndjson');
  // The hook that was registered last is asked first.
  const hooks = ['./src/typescript.js', ...(hook === undefined ? [] : [hook])];
  const all = [...hooks.flatMap((url) => ['--import', url]), 'src/cli/main.ts', ...args];
  const child = spawn(process.execPath, [...all, '--usage', usage], { cwd: root });
  children.push(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    output.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.err += chunk;
  });
  return { child, output, ended: once(child, 'close') as Promise<[number | null]> };
}

describe('interlock gateway --inspect', () => {
  const gateway = ['gateway', '--listen', '127.0.0.1:0', '--inspect'];

  it('prints where to look, shows what is going on there, and ends when it is told to', async () => {
    const { child, output, ended } = interlock(gateway);
    const found = await vi.waitFor(
      () => {
        const [, listens] = /listens on (\S+)/.exec(output.out) ?? [];
        const [, url] =
          /live exchanges: (http:\/\/127\.0\.0\.1:\d+\/\?token=\w{32})/.exec(output.out) ?? [];
        expect(listens && url, output.err).toBeTruthy();
        return { listens: listens!, url: url! };
      },
      { timeout: 15_000, interval: 50 },
    );
    expect((await fetch(found.url)).status).toBe(200);
    const seen: StatelyInspectionEvent[] = [];
    const server = found.url.replace('http', 'ws').replace('/?', '/events?');
    createWebSocketReceiver({ server }).subscribe((message) => {
      seen.push(message);
    });
    await (
      await fetch(found.listens + CHAT, { method: 'POST', body: body('interlock-small', true) })
    ).text();
    await eventually(() => expect(snapshotsOf(seen).at(-1)?.status).toBe('done'));
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });

  it('names the package that is not installed', async () => {
    const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const without = (name: string) => {
      const missing = `export const resolve = (s, c, next) => {
        if (s !== ${JSON.stringify(name)}) return next(s, c);
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      }`;
      const hook = `import { register } from 'node:module'; register(${JSON.stringify(url(missing))})`;
      return interlock(gateway, url(hook));
    };
    const [inspector, sockets] = [without('@statelyai/inspect'), without('ws')];
    expect((await inspector.ended)[0]).toBe(2);
    expect((await sockets.ended)[0]).toBe(2);
    expect(inspector.output.err).toContain('needs the package "@statelyai/inspect"');
    expect(sockets.output.err).toContain('needs the package "ws"');
    expect(sockets.output.err).toContain('npm install @statelyai/inspect ws');
  });

  it('refuses what is no port, and one that is taken', async () => {
    await inspect();
    const taken = new URL(inspection.url).port;
    const [text, busy] = [interlock([...gateway, '65536']), interlock([...gateway, taken])];
    expect((await text.ended)[0]).toBe(2);
    expect(text.output.err).toContain('a port from 0 to 65535');
    expect((await busy.ended)[0]).toBe(2);
    expect(busy.output.err).toContain(`EADDRINUSE: address already in use 127.0.0.1:${taken}`);
  });
});

/** The port of `--inspect`: who may come in, what is there, and what viewers may do. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import type { Inspection, InspectionOptions } from '../src/observe/inspect.js';
import { startInspection } from '../src/observe/inspect.js';
import type { Frame } from '../src/observe/rows.js';
import { World } from './harness.js';

const BODY = JSON.stringify({
  model: 'interlock-small',
  messages: [{ role: 'user', content: '' }],
});
const page = { type: 'text/html', body: 'the page' };
const policy = (host: string) => `default-src 'none'; connect-src ws://${host}`;

/** Holds once it holds, however busy the machine is. */
const eventually = (claim: () => void) => vi.waitFor(claim, { timeout: 10_000, interval: 10 });

let inspection: Inspection;
let world: World | undefined;
const warnings: string[] = [];
const sockets: WebSocket[] = [];

async function inspect(options: Partial<InspectionOptions> = {}): Promise<void> {
  warnings.length = 0;
  inspection = await startInspection({
    find: (path) => (path === '' ? page : undefined),
    policy,
    warn: (line) => warnings.push(line),
    ...options,
  });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await world?.close();
  world = undefined;
  await inspection?.close();
});

/** A viewer as a program, and the frames that came to it. */
async function view(path = 'rows'): Promise<{ socket: WebSocket; frames: Frame[] }> {
  const socket = new WebSocket(inspection.url.replace('http', 'ws') + path);
  sockets.push(socket);
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
  await once(socket, 'open');
  return { socket, frames };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Asks for a file, or for a socket, as it is told to and not as a client would. */
function ask(path: string, headers: Record<string, string>, upgrade: boolean): Promise<Answer> {
  const handshake = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  return new Promise((resolve, reject) => {
    const all = { ...(upgrade ? handshake : {}), ...headers };
    const asked = request({ host: '127.0.0.1', port: port(), path, headers: all });
    asked.on('error', reject);
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode as number, headers: response.headers, text: '' });
    });
    asked.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode as number, headers: response.headers, text });
    });
    asked.end();
  });
}

const port = () => new URL(inspection.url).port;
const home = () => new URL(inspection.url).pathname;

describe('the port', () => {
  it.each<[string, () => Record<string, string>, (() => string)?]>([
    ['a foreign Host', () => ({ host: 'evil.test' })],
    ['a foreign Host with our port', () => ({ host: `evil.test:${port()}` })],
    ['our Host with another port', () => ({ host: '127.0.0.1:1' })],
    ['a foreign Origin', () => ({ origin: 'https://evil.test' })],
    ['the Origin of another port', () => ({ origin: 'http://127.0.0.1:1' })],
    ['an Origin that begins like ours', () => ({ origin: `http://127.0.0.1:${port()}.evil.test` })],
    ['Origin: null', () => ({ origin: 'null' })],
    ['no token', () => ({}), () => '/'],
    ['an empty token', () => ({}), () => '//'],
    ['a wrong token', () => ({}), () => `/${'0'.repeat(32)}/`],
    ['a token of other letters', () => ({}), () => `/${encodeURIComponent('é'.repeat(16))}/`],
    ['a token as a query', () => ({}), () => `/?token=${home().slice(1, -1)}&`],
    ['no token, though from our page', () => ({ origin: `http://127.0.0.1:${port()}` }), () => '/'],
  ])('refuses %s, file and socket', async (_, headers, begin = home) => {
    await inspect();
    for (const path of ['', 'live', 'rows', 'stately', 'stately/messages', 'nothing']) {
      for (const upgrade of [false, true]) {
        expect((await ask(begin() + path, headers(), upgrade)).status).toBe(403);
      }
    }
    expect(inspection.feed.viewers).toBe(0);
  });

  it('takes its own page by either name, and a program with the token', async () => {
    await inspect();
    const ours = (name: string) => ({
      host: `${name}:${port()}`,
      origin: `http://${name}:${port()}`,
    });
    for (const headers of [{}, ours('127.0.0.1'), ours('localhost')]) {
      expect((await ask(home(), headers, false)).text).toBe('the page');
      expect((await ask(`${home()}rows`, headers, true)).status).toBe(101);
      expect((await ask(`${home()}stately/messages`, headers, true)).status).toBe(101);
      expect((await ask(`${home()}constructor`, headers, true)).status).toBe(404);
    }
    const posted = await fetch(inspection.url, { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('says what is live, under a policy that lets a page ask nobody else', async () => {
    await inspect();
    const { text, headers } = await ask(`${home()}live`, {}, false);
    expect(JSON.parse(text)).toEqual({ machine: 'exchange' });
    expect(headers['content-security-policy']).toBe(policy(`127.0.0.1:${port()}`));
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cache-control']).toBe('no-store');
  });

  it("has a page of Stately's inspector that keeps the address to itself", async () => {
    await inspect();
    const { headers, text } = await ask(`${home()}stately`, {}, false);
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'nonce-(\S+)'; style-src 'nonce-\1'; connect-src ws:\/\/127\.0\.0\.1:\d+; frame-src https:\/\/stately\.ai; frame-ancestors 'none'/,
    );
    expect(text).toContain('src="https://stately.ai/inspect"');
    expect(text).not.toContain(home().slice(1, -1));
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
});

describe('a viewer', () => {
  it('is one of a few', async () => {
    await inspect();
    for (let count = 0; count < 8; count++)
      await view(count % 2 === 0 ? 'rows' : 'stately/messages');
    expect((await ask(`${home()}rows`, {}, true)).status).toBe(503);
  });

  it.each<[string, string | Buffer, number]>([
    ['what is no JSON', 'follow', 1008],
    ['bytes', Buffer.from('{"follow":"a"}'), 1008],
    ['no object', '"a"', 1008],
    ['nothing', 'null', 1008],
    ['a list', '["follow"]', 1008],
    ['another key', '{"lead":"a"}', 1008],
    ['one key more', '{"follow":"a","type":"@xstate.event"}', 1008],
    ['what is no id', '{"follow":{"toString":1}}', 1008],
    ['more than an id takes', JSON.stringify({ follow: 'x'.repeat(2_000) }), 1009],
  ])('that says %s is let go', async (_, said, code) => {
    await inspect();
    const { socket } = await view();
    socket.send(said);
    expect((await once(socket, 'close'))[0]).toBe(code);
    await eventually(() => expect(inspection.feed.viewers).toBe(0));
  });

  it('is told of the exchange that it follows, of another, and of none', async () => {
    await inspect();
    const begin = (id: string) => new Exchange({ id, observer: inspection.watch.begin(id) });
    const [one, other] = [begin('one'), begin('other')];
    const { socket, frames } = await view();
    const told = () =>
      (frames.flatMap(({ messages }) => messages) as { type: string; sessionId: string }[])
        .filter(({ type }) => type === '@xstate.snapshot')
        .map(({ sessionId }) => sessionId);
    one.receive(events.requestHeaders);
    socket.send('{"follow":"one"}');
    await eventually(() => expect(told()).toEqual(['one']));
    socket.send('{"follow":"other"}');
    other.receive(events.requestHeaders);
    await eventually(() => expect(told()).toEqual(['one', 'other']));
    socket.send('{"follow":"nobody"}');
    await eventually(() => expect(frames.at(-1)?.unknown ?? frames.at(-2)?.unknown).toBe('nobody'));
    one.receive(events.requestEnd);
    socket.send('{"follow":null}');
    const { length } = frames;
    await eventually(() => expect(frames.length).toBeGreaterThan(length + 2));
    expect(told()).toEqual(['one', 'other']);
  });

  it('that never reads is passed over, then let go; no exchange waits for it', async () => {
    const limits = { turnEveryMs: 1, share: 1, unreadBytesMax: 64 * 1024, passedOverMax: 20 };
    await inspect({ limits });
    const here = await World.start({ watch: inspection.watch });
    world = here;
    const [deaf, reader] = [await view(), await view()];
    deaf.socket.pause();
    const live = Array.from({ length: 2_000 }, (_, at) => {
      return new Exchange({ id: `x-${at}`, observer: inspection.watch.begin(`x-${at}`) });
    });
    let count = 0;
    while (inspection.feed.viewers > 1) {
      for (const one of live) one.receive(events.requestBody);
      const answer = await fetch(`${here.url}/v1/chat/completions`, { method: 'POST', body: BODY });
      expect(await answer.text()).not.toBe('');
      expect(++count).toBeLessThan(5_000);
    }
    expect(inspection.feed.unreadBytes).toBeLessThan(64 * 1024 + 256 * 1024);
    expect(warnings.filter((line) => line.includes('did not read'))).toHaveLength(1);
    expect(reader.frames.at(-1)?.begun).toBeGreaterThan(2_000);
    expect(await here.recorded(count)).toHaveLength(count);
  });

  it('that goes in the middle is missed by nobody', async () => {
    await inspect();
    const here = await World.start({ watch: inspection.watch });
    world = here;
    const { socket } = await view();
    const answer = fetch(`${here.url}/v1/chat/completions`, { method: 'POST', body: BODY });
    await here.event('response.headers(success)');
    socket.terminate();
    expect(await (await answer).text()).not.toBe('');
    await eventually(() => expect(inspection.feed.viewers).toBe(0));
    expect(warnings).toEqual([]);
  });
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  chunk,
  head,
  json,
  promisedBytes,
  rawExchange,
  rawRequest,
  refusedPort,
  type Script,
  send,
  sse,
  startUpstream,
  type Upstream,
  type UpstreamOptions,
} from '../src/upstream/index.js';

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function upstreamWith(options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = await startUpstream(options);
  running.push(upstream);
  return upstream;
}

async function dial(upstream: Upstream): Promise<Socket> {
  const socket = connect({ port: upstream.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  running.push({ close: async () => void socket.destroy() });
  await once(socket, 'connect');
  return socket;
}

/** Reads until the bytes so far hold this text. */
async function readUntil(socket: Socket, text: string): Promise<string> {
  let seen = '';
  while (!seen.includes(text)) seen += (await once(socket, 'data'))[0];
  return seen;
}

const HELLO: Script = json(200, [], { hello: 'world' });
const CHAT = JSON.stringify({
  model: 'm',
  stream: true,
  messages: [{ role: 'user', content: 'Who goes there?' }],
});

describe('the upstream serves scripts on raw sockets', () => {
  it('keeps a connection alive across framed responses, and records the reuse', async () => {
    const scripts = [HELLO, json(200, [], 'two', 'chunked'), sse([{ data: 'three' }])];
    const upstream = await upstreamWith({ script: ({ id }) => scripts[id] });
    const socket = await dial(upstream);
    for (const [index, script] of scripts.entries()) {
      socket.write(rawRequest('POST', '/v1/any', `body ${index}`));
      const expected = promisedBytes(script).toString();
      expect(await readUntil(socket, expected)).toBe(expected);
    }
    expect(upstream.connections).toHaveLength(1);
    expect(upstream.connections[0]?.requests.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(upstream.requests.map(({ body }) => String(body))).toEqual([
      'body 0',
      'body 1',
      'body 2',
    ]);
  });

  it('answers pipelined requests in order', async () => {
    const upstream = await upstreamWith({
      script: ({ target }) => ({ steps: [send(`${target};`)] }),
    });
    const text = rawRequest('GET', '/a') + rawRequest('POST', '/b', 'x') + rawRequest('GET', '/c');
    const reply = await rawExchange(upstream.port, text, (bytes) => bytes.length === 9);
    expect(String(reply.bytes)).toBe('/a;/b;/c;');
  });

  it('ends the connection after an answer when the request asks for that', async () => {
    const upstream = await upstreamWith({ script: HELLO });
    for (const start of [
      'GET / HTTP/1.0\r\n',
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n',
    ]) {
      const reply = await rawExchange(upstream.port, `${start}\r\n`);
      expect(reply.ending).toBe('fin');
      expect(reply.bytes).toEqual(promisedBytes(HELLO));
    }
  });

  it('opens a connection for each client and says which request came on which', async () => {
    const upstream = await upstreamWith({
      script: { ...HELLO, steps: [...HELLO.steps, { fin: true }] },
    });
    await rawExchange(upstream.port, rawRequest('GET', '/one'));
    await rawExchange(upstream.port, rawRequest('GET', '/two'));
    expect(upstream.requests.map(({ connection }) => connection.id)).toEqual([0, 1]);
  });

  it('cuts writes as the script says, without changing a byte', async () => {
    const body = 'data: €\n\n'.repeat(20);
    for (const split of ['byte', 3, { seed: 5 }] as const) {
      const script = { ...json(200, [], body, 'close'), split };
      const upstream = await upstreamWith({ script });
      const reply = await rawExchange(upstream.port, rawRequest('GET', '/'));
      expect(reply.bytes).toEqual(promisedBytes(script));
      expect(reply.pieces).toBeGreaterThan(1);
    }
  });

  it('waits for a part of the body, then for a signal', async () => {
    const upstream = await upstreamWith({
      script: { steps: [{ awaitBody: 3 }, send('got 3;'), { awaitSignal: 'go' }, send('gone')] },
    });
    const socket = await dial(upstream);
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab');
    const request = await upstream.nextRequest();
    socket.write('c');
    await readUntil(socket, 'got 3;');
    expect(request.complete).toBe(false);
    upstream.signal('go');
    await readUntil(socket, 'gone');
    expect(await request.answered).toBe(true);
  });

  it('plays a script that was through JSON the same', async () => {
    const script: Script = {
      split: 2,
      steps: [{ repeat: 3, steps: [send(Buffer.from([0xff, 0x00])), { wait: 1 }] }, { fin: true }],
    };
    const upstream = await upstreamWith({ script: JSON.parse(JSON.stringify(script)) });
    const reply = await rawExchange(upstream.port, rawRequest('GET', '/'));
    expect(reply.bytes.toString('hex')).toBe('ff00ff00ff00');
  });
});

describe('the recorder', () => {
  it.each(['destroy', 'resetAndDestroy', 'end'] as const)(
    'sees a client that leaves by %s',
    async (leave) => {
      const upstream = await upstreamWith({
        script: { steps: [send(head(200, [])), { stall: true }] },
      });
      const socket = await dial(upstream);
      socket.write(rawRequest('GET', '/'));
      const request = await upstream.nextRequest();
      await readUntil(socket, '\r\n\r\n');
      const before = performance.now();
      socket[leave]();
      const closed = await request.closed;
      expect(closed).toMatchObject({ by: 'peer', complete: false });
      expect(closed.at).toBeGreaterThanOrEqual(before);
      expect(await request.answered).toBe(false);
      expect(await request.connection.closed).toMatchObject({ by: 'peer', complete: false });
    },
  );

  it('sees a client that leaves in the middle of its own body', async () => {
    const upstream = await upstreamWith();
    const socket = await dial(upstream);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab');
    const request = await upstream.nextRequest();
    socket.resetAndDestroy();
    expect(await request.ended).toBe(false);
    expect(await request.closed).toMatchObject({ by: 'peer', complete: false });
  });

  it('sees a client that leaves after a whole answer', async () => {
    const upstream = await upstreamWith({ script: HELLO });
    await rawExchange(upstream.port, rawRequest('GET', '/'), (bytes) => bytes.includes('world'));
    const request = await upstream.nextRequest();
    expect(await request.closed).toMatchObject({ by: 'peer', complete: true });
  });

  it('knows that it closed the connection itself', async () => {
    for (const step of [{ fin: true }, { rst: true }] as const) {
      const upstream = await upstreamWith({ script: { steps: [step] } });
      await rawExchange(upstream.port, rawRequest('GET', '/'));
      const request = await upstream.nextRequest();
      expect(await request.closed).toMatchObject({ by: 'us', complete: true });
    }
  });

  it('feels back-pressure: a client that does not read stops the script', async () => {
    const block = 'x'.repeat(256 * 1024);
    const upstream = await upstreamWith({
      script: { steps: [{ repeat: 'forever', steps: [send(chunk(block))] }] },
    });
    const socket = await dial(upstream);
    socket.pause();
    socket.write(rawRequest('GET', '/'));
    const request = await upstream.nextRequest();
    await request.backedUp;
    expect(request.backlog).toBeGreaterThan(0);
    const { written } = request;
    socket.resume();
    let read = 0;
    while (read <= written + block.length) read += (await once(socket, 'data'))[0].length;
    expect(request.written).toBeGreaterThan(written);
  });

  it('forgets the oldest requests and connections', async () => {
    const upstream = await upstreamWith({ script: json(200, [], '', 'close'), recordMax: 2 });
    for (const path of ['/a', '/b', '/c'])
      await rawExchange(upstream.port, rawRequest('GET', path));
    expect(upstream.requests.map(({ target }) => target)).toEqual(['/b', '/c']);
    expect(upstream.connections.map(({ id }) => id)).toEqual([1, 2]);
  });

  it('hands out each request once, seen or yet to come', async () => {
    const upstream = await upstreamWith({ script: json(200, [], '', 'close') });
    const first = upstream.nextRequest();
    for (const path of ['/a', '/b']) await rawExchange(upstream.port, rawRequest('GET', path));
    expect((await first).target).toBe('/a');
    expect((await upstream.nextRequest()).target).toBe('/b');
    const third = upstream.nextRequest();
    await upstream.close();
    await expect(third).rejects.toThrow('closed');
  });
});

describe('the same seed', () => {
  it('gives the same bytes, and another seed gives others', async () => {
    const replies = await Promise.all(
      [7, 7, 8].map(async (seed) => {
        const upstream = await upstreamWith({ seed });
        const request = rawRequest('POST', '/v1/chat/completions', CHAT);
        const done = (bytes: Buffer) => bytes.subarray(-5).equals(Buffer.from('0\r\n\r\n'));
        return String((await rawExchange(upstream.port, request, done)).bytes);
      }),
    );
    expect(replies[0]).toBe(replies[1]);
    expect(replies[0]).not.toBe(replies[2]);
  });
});

describe('closing', () => {
  it('leaves no handle open, whatever was going on', async () => {
    const upstream = await startUpstream({ tokenDelayMs: 60_000 });
    const socket = await dial(upstream);
    socket.write(rawRequest('POST', '/v1/chat/completions', CHAT));
    await readUntil(socket, '\r\n\r\n');
    const request = await upstream.nextRequest();
    const peerGone = once(socket, 'close');
    socket.on('end', () => socket.destroy());
    await Promise.all([upstream.close(), upstream.close()]);
    expect(await request.closed).toMatchObject({ by: 'us', complete: false });
    await peerGone;
    const left = process.getActiveResourcesInfo();
    expect(left.filter((name) => name.startsWith('TCP'))).toEqual([]);
  });

  it('refuses a port for as long as it is held', async () => {
    const refused = await refusedPort();
    running.push(refused);
    await expect(rawExchange(refused.port, '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(startUpstream({ port: refused.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});

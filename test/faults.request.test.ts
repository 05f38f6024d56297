/** What becomes of requests that are not whole, not awaited or not alone on their connection. */
import { describe, expect, it } from 'vitest';
import { fault } from '../src/upstream/index.js';
import { ask, CHAT, Client, chat, gist, inWorld, request } from './faults.js';

const POST = `POST ${CHAT} HTTP/1.1\r\nhost: gateway\r\n`;
const EXPECTS = 'expect: 100-continue\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

describe('F32: a client that expects 100-continue', () => {
  it('F32 is told to go on, and then served', async () => {
    await inWorld({}, async (world) => {
      const body = chat('fault:F27-whole');
      const client = await Client.connect(world.port);
      client.socket.write(`${POST}${EXPECTS}content-length: ${body.length}\r\n\r\n`);
      await client.until((text) => text === CONTINUE);
      client.socket.write(body);
      await client.until((text) => text.endsWith('0\r\n\r\n'));
      expect(client.text.slice(CONTINUE.length)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(gist((await world.recorded())[0])).toEqual(['completed', 'final']);
      expect(world.upstream.requests[0]?.headers).not.toHaveProperty('expect');
      client.leave('fin');
    });
  });

  it('F32 is told once where it sends its body at once', async () => {
    await inWorld({}, async (world) => {
      const body = chat('fault:F27-whole');
      const client = await Client.connect(world.port);
      client.socket.write(`${POST}${EXPECTS}content-length: ${body.length}\r\n\r\n${body}`);
      await client.until((text) => text.endsWith('0\r\n\r\n'));
      expect(client.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200']);
      client.leave('fin');
    });
  });

  it('F32 gets a 408 where it never sends its body, and no upstream is asked', async () => {
    const routes = [{ models: ['*'], upstreams: ['scripted'] }];
    await inWorld({ config: { routes, deadlines: { requestBody: 100 } } }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(`${POST}${EXPECTS}content-length: 9\r\n\r\n`);
      await client.gone();
      expect(client.text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 408 /);
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['timedOut deadline_requestBody', 'not_started']);
      expect(world.upstream.connections).toEqual([]);
    });
  });

  it('F32 gets a 417 for any other expectation', async () => {
    await inWorld({}, async (world) => {
      const reply = await ask(world.port, { headers: ['expect: miracles'], body: '{}' });
      expect(reply.status).toBe(417);
      expect(JSON.parse(String(reply.body)).error.code).toBe('expectation');
      expect(gist((await world.recorded())[0])).toEqual(['rejected expectation', 'not_started']);
      expect(world.upstream.requests).toEqual([]);
    });
  });
});

describe('F33: a request that is cut short', () => {
  it.each([
    ['a length that is not reached', 'content-length: 99\r\n\r\n{"model": "m"'],
    ['chunks without the last', 'transfer-encoding: chunked\r\n\r\n5\r\n{"mod\r\n'],
    ['a chunk that is not whole', 'transfer-encoding: chunked\r\n\r\nff\r\n{"mod'],
  ])('F33 by a FIN after %s never looks whole upstream', async (_, rest) => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(POST + rest);
      const upstream = await world.upstream.nextRequest();
      client.socket.end();
      await client.gone();
      expect(await upstream.ended).toBe(false);
      expect(await upstream.closed).toMatchObject({ by: 'peer', complete: false });
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['cancelled client_gone', 'not_started']);
    });
  });

  it('F33 by bytes that are no chunk gets a 400', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(`${POST}transfer-encoding: chunked\r\n\r\n5\r\n{"mod\r\nzz\r\n`);
      await client.gone();
      expect(client.text).toMatch(/^HTTP\/1.1 400 .*"code":"malformed_request"/s);
      const [record] = await world.recorded();
      expect(gist(record)).toEqual(['rejected malformed_request', 'not_started']);
      for (const upstream of world.upstream.requests) expect(await upstream.ended).toBe(false);
    });
  });
});

describe('F34: an upload that goes on while the response has ended', () => {
  const HALF = `{"model": "fault:ID", "messages": ["${'x'.repeat(20_000)}`;
  const begin = (id: string) => `${POST}content-length: 1000000\r\n\r\n${HALF.replace('ID', id)}`;

  it.each([
    ['F34', 413, 'rejected error_status'],
    ['F34-close', 413, 'rejected error_status'],
    ['F34-rst', 413, 'rejected error_status'],
    ['F34-deaf', 413, 'rejected error_status'],
    ['F34-stream', 200, 'completed'],
  ])('%s: the answer arrives whole, and the upload is stopped', async (id, status, outcome) => {
    const config = { limits: { lingerMs: 100 } };
    await inWorld({ config }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(begin(id));
      expect(await client.reply()).toMatchObject({ status, whole: true });
      expect(gist((await world.recorded())[0])[0]).toBe(outcome);
      await world.upstream.requests[0]?.closed;
      // Nobody reads the rest, so a connection on which it may still come is of no use.
      await client.gone();
      expect(await world.upstream.requests[0]?.ended).toBe(false);
    });
  });

  it('F34: a connection whose upload ends in time serves the next request', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(begin('F34'));
      expect(await client.reply()).toMatchObject({ status: 413, whole: true });
      client.socket.write('x'.repeat(1_000_000 - HALF.replace('ID', 'F34').length));
      client.ask({ body: chat('fault:F27-whole') });
      expect(await client.reply()).toMatchObject({ status: 200, whole: true });
      expect((await world.recorded(2)).map(({ outcome }) => outcome)).toEqual([
        'rejected',
        'completed',
      ]);
      client.leave('fin');
    });
  });

  it('F34: no more than a limit of it is read on', async () => {
    const config = { limits: { lingerBytes: 10_000, lingerMs: 60_000 } };
    await inWorld({ config }, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(begin('F34'));
      expect(await client.reply()).toMatchObject({ status: 413, whole: true });
      client.socket.write('x'.repeat(500_000));
      await client.gone();
    });
  });
});

describe('F35: more than one request on a connection', () => {
  const ASK = request({ body: chat('fault:F27-whole') });

  it('F35 pipelined ones are answered in their order, each with its record', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      const other = request({ body: chat('fault:F34') });
      client.socket.write(ASK + other + ASK);
      const replies = [await client.reply(), await client.reply(), await client.reply()];
      expect(replies.map(({ status }) => status)).toEqual([200, 413, 200]);
      expect(replies.every(({ whole }) => whole)).toBe(true);
      expect(await world.recorded(3)).toHaveLength(3);
      client.leave('fin');
    });
  });

  it('F35 after one that was cut, none is answered', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      client.socket.write(request({ body: chat('fault:F02') }) + ASK);
      const cut = await client.reply();
      expect(cut).toMatchObject({ whole: false, ending: 'fin' });
      expect(String(cut.body)).not.toContain('HTTP/1.1');
      const records = await world.recorded(world.gateway.inFlight + world.records.length);
      expect(records[0]?.outcome).toBe('upstreamFailed');
      for (const later of records.slice(1)) expect(later.outcome).toBe('cancelled');
    });
  });

  it('F35 a connection whose response was whole serves the next, and only it', async () => {
    await inWorld({}, async (world) => {
      const client = await Client.connect(world.port);
      for (const id of ['F11', 'F27-whole', 'F06-response', 'F34', 'F18', 'F27-double', 'F23']) {
        client.ask({ body: chat(`fault:${id}`) });
        const reply = await client.reply();
        expect(reply).toMatchObject({ whole: true, ending: 'open' });
        expect(String(reply.body)).not.toContain('POISON');
        expect(reply.rest).toHaveLength(0);
      }
      expect(await world.recorded(7)).toHaveLength(7);
      client.leave('fin');
    });
  });

  it('F35 two that share an upstream never see each other', async () => {
    const [open, ...events] = fault('F27').script.steps.slice(1);
    const script = ({ target }: { target: string }) => ({
      steps: [open!, { send: `7\r\n${target.slice(-7)}\r\n` }, ...events],
    });
    await inWorld({ upstream: { script } }, async (world) => {
      const names = Array.from({ length: 50 }, (_, at) => `/n/${1_000 + at}`);
      const bodies = await Promise.all(
        names.map(async (path) => String((await ask(world.port, { path, body: '{}' })).body)),
      );
      for (const [at, body] of bodies.entries()) expect(body.slice(0, 7)).toBe(names[at]);
    });
  });
});

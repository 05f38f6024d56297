/** What a request and its response are on the other side of the gateway. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Choose, Script, Step, Upstream } from '../src/upstream/index.js';
import { json, rawExchange, startUpstream } from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
let upstream: Upstream;
let client: Socket | undefined;
afterEach(async () => {
  client?.destroy();
  client = undefined;
  await world.close();
  await upstream.close();
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answering = (send: string, ...before: Step[]): Script => ({
  steps: [{ awaitRequestEnd: true }, ...before, { send }],
});

/** A gateway before an upstream of its own, whose URL may have a path and whose headers are ours. */
async function start(script: Script | Choose, { path = '', headers = {} } = {}): Promise<void> {
  upstream = await startUpstream({ script });
  const upstreams = [{ id: 'main', url: upstream.url + path, headers }];
  world = await World.start({ config: { upstreams } });
}

const seen = () => upstream.requests[0]!;
const ask = async (...lines: string[]) => {
  const text = `${[...lines, 'Host: h', 'Connection: close'].join('\r\n')}\r\n\r\n`;
  return (await rawExchange(world.port, text)).bytes.toString('latin1');
};

describe('a request body', () => {
  it('is streamed at once in a route by path', async () => {
    const [headers, body] = [OK.slice(0, -2), 'ok'];
    const steps = [{ awaitBody: 5 }, { send: headers }, { awaitSignal: 'whole' }, { send: body }];
    await start({ steps });
    client = connect(world.port, '127.0.0.1');
    client.write('POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    const request = await upstream.nextRequest();
    // The upstream answers once it has the first bytes: the client has not sent the last by then.
    const [early] = await once(client, 'data');
    expect(String(early)).toMatch(/^HTTP\/1\.1 200 /);
    expect([request.body.toString(), request.complete]).toEqual(['first', false]);
    client.write('4\r\nlast\r\n0\r\n\r\n');
    expect(await request.ended).toBe(true);
    expect(request.body.toString()).toBe('firstlast');
    request.signal('whole');
    await once(client, 'data');
  });

  it.each(['GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'POST'])(
    'passes with %s',
    async (method) => {
      await start(answering(OK));
      const bytes = `${method} /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody`;
      const reply = await rawExchange(world.port, bytes);
      expect(reply.bytes.toString()).toMatch(/^HTTP\/1\.1 200 /);
      expect([seen().method, seen().body.toString()]).toEqual([method, 'body']);
      expect(seen().headers['content-length']).toBe('4');
    },
  );

  it.each(['GET', 'DELETE', 'OPTIONS', 'POST'])('is not made up for %s', async (method) => {
    await start(answering(OK));
    expect(await ask(`${method} /x HTTP/1.1`)).toMatch(/^HTTP\/1\.1 200 /);
    expect([seen().method, seen().bodyBytes]).toEqual([method, 0]);
    expect(seen().headers).not.toHaveProperty('transfer-encoding');
  });

  it('that waits for 100-continue is asked for, by the gateway', async () => {
    await start(answering(OK));
    client = connect(world.port, '127.0.0.1');
    client.write('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const [interim] = await once(client, 'data');
    expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('body');
    const [reply] = await once(client, 'data');
    expect(String(reply)).toMatch(/^HTTP\/1\.1 200 /);
    expect(seen().body.toString()).toBe('body');
    expect(seen().headers).not.toHaveProperty('expect');
  });

  it('that would be too large is refused in place of 100-continue', async () => {
    await start(answering(OK));
    const length = 'Content-Length: 100000000';
    const reply = await ask('POST / HTTP/1.1', 'Expect: 100-continue', length);
    expect(reply).toMatch(/^HTTP\/1\.1 413 /);
    expect(upstream.connections).toEqual([]);
  });

  it('with any other expectation is refused', async () => {
    await start(answering(OK));
    expect(await ask('GET / HTTP/1.1', 'Expect: the-unexpected')).toMatch(/^HTTP\/1\.1 417 /);
    expect((await world.recorded())[0]).toMatchObject({ outcome: 'rejected', status: 417 });
  });
});

describe('a request head', () => {
  it('has its target put behind the path of the upstream', async () => {
    await start(answering(OK), { path: '/api/' });
    await ask('GET /v1/models?a=b%20c&d HTTP/1.1');
    expect(seen().target).toBe('/api/v1/models?a=b%20c&d');
  });

  it('keeps its target as it was written', async () => {
    await start(answering(OK));
    await ask("GET //a%2Fb/%e2%82%ac/;p=1/~!$&'()*+,:@?q=%zz[]#f HTTP/1.1");
    expect(seen().target).toBe("//a%2Fb/%e2%82%ac/;p=1/~!$&'()*+,:@?q=%zz[]#f");
  });

  it('has the headers of the upstream in place of its own', async () => {
    const headers = { Authorization: 'Bearer ours', 'x-added': '1' };
    await start(answering(OK), { headers });
    await ask('GET / HTTP/1.1', 'authorization: Bearer theirs', 'AUTHORIZATION: again', 'x-own: 2');
    expect(seen().headers).toMatchObject({
      authorization: 'Bearer ours',
      'x-added': '1',
      'x-own': '2',
      host: new URL(upstream.url).host,
      via: '1.1 interlock',
    });
  });

  it('says who else has passed it on', async () => {
    await start(answering(OK));
    await ask('GET / HTTP/1.1', 'Via: 1.0 before');
    expect(seen().headers.via).toBe('1.0 before, 1.1 interlock');
  });

  it('keeps order, spelling and repetition', async () => {
    await start(answering(OK));
    const lines = ['X-b: 1', 'x-A: 2', 'X-b: 3', 'Accept-Encoding: gzip, br', 'Empty:'];
    await ask('GET / HTTP/1.1', ...lines);
    const passed = seen().lines.filter((line) => /^(x-|accept|empty)/i.test(line));
    expect(passed.map((line) => line.trimEnd())).toEqual(lines);
  });

  it('in absolute form goes to the upstream in origin form', async () => {
    await start(answering(OK));
    await ask('GET http://h/x?y HTTP/1.1');
    expect(seen().target).toBe('/x?y');
  });
});

describe('a response', () => {
  it('to HEAD has the headers of a body and none', async () => {
    await start(answering('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-a: b\r\n\r\n'));
    const reply = await ask('HEAD / HTTP/1.1');
    expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Length: 1234\r\nX-a: b\r\n/);
    expect(reply).toMatch(/\r\n\r\n$/);
  });

  it.each([204, 304])('of %d has no body', async (status) => {
    await start(answering(`HTTP/1.1 ${status} No\r\nETag: "1"\r\n\r\n`));
    const reply = await ask('GET / HTTP/1.1');
    expect(reply).toMatch(new RegExp(`^HTTP/1\\.1 ${status} No\r\nETag: "1"\r\n`));
    expect(reply).toMatch(/\r\n\r\n$/);
  });

  it('keeps its status, its reason, and repeated headers', async () => {
    const head = 'HTTP/1.1 418 Short and stout\r\nSet-Cookie: a\r\nx: 1\r\nset-cookie: b\r\n';
    await start(answering(`${head}Content-Length: 0\r\n\r\n`));
    expect(await ask('GET / HTTP/1.1')).toMatch(new RegExp(`^${head}`));
  });

  const TRAILERS =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n' +
    '2\r\nok\r\n0\r\nx-sum: 7\r\nset-cookie: a=b\r\n\r\n';

  it('has its trailers where the client said TE: trailers', async () => {
    await start(answering(TRAILERS));
    const request = httpRequest(world.url, {
      headers: { te: 'trailers', connection: 'te, close' },
    });
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
    expect(response.headers.trailer).toBe('x-sum');
    expect(response.trailers).toEqual({ 'x-sum': '7' });
  });

  it('has none where it did not', async () => {
    await start(answering(TRAILERS));
    const reply = await ask('GET / HTTP/1.1');
    expect(reply).not.toMatch(/x-sum|trailer:/i);
    expect(reply).toMatch(/2\r\nok\r\n0\r\n\r\n$/);
  });

  it('to HTTP/1.0 ends with its connection', async () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
    await start(answering(chunked));
    const reply = await rawExchange(world.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(reply.bytes.toString()).not.toMatch(/transfer-encoding/i);
    expect(reply.bytes.toString()).toMatch(/\r\n\r\nok$/);
    expect(reply.ending).toBe('fin');
  });

  it('to a pipelined request waits for the one before it', async () => {
    await start(({ target }) => {
      const before: Step[] = target === '/1_' ? [{ awaitSignal: 'go' }] : [];
      return answering(OK.replace('ok', target.slice(1)), ...before);
    });
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const bytes =
      ask('/1_') + ask('/2_') + ask('/3_').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const replies = rawExchange(world.port, bytes);
    (await upstream.nextRequest()).signal('go');
    const bodies = (await replies).bytes.toString().match(/\d_/g);
    expect(bodies).toEqual(['1_', '2_', '3_']);
    expect(upstream.requests.map(({ target }) => target)).toEqual(['/1_', '/2_', '/3_']);
  });

  it('is whole before the connection ends over what came behind the request', async () => {
    await start(answering(OK, { awaitSignal: 'go' }));
    const bytes =
      'GET / HTTP/1.1\r\nHost: h\r\n\r\nnot http at all\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n';
    const reply = rawExchange(world.port, bytes);
    (await upstream.nextRequest()).signal('go');
    const { bytes: received, ending } = await reply;
    expect(received.toString()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/);
    expect(ending).toBe('fin');
    expect(await world.recorded()).toMatchObject([{ outcome: 'completed' }]);
    expect(upstream.requests).toHaveLength(1);
  });

  it('of JSON is the upstream’s, byte by byte', async () => {
    await start(json(200, [], { a: ['€', 1.0] }, 'chunked'));
    expect(await (await fetch(world.url)).text()).toBe('{"a":["€",1]}');
  });
});

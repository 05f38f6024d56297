/** SEC-03, SEC-04, SEC-23, SEC-24: headers that would split, linger, mislead or route. */
import { afterEach, describe, expect, it } from 'vitest';
import { rawExchange } from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
afterEach(() => world.close());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A world whose upstream answers every request with these bytes. */
async function answering(text: string, config: Record<string, unknown> = {}): Promise<void> {
  const script = { steps: [{ awaitRequestEnd: true as const }, { send: text }] };
  world = await World.start({ config, upstream: { script } });
}

async function ask(...lines: string[]): Promise<string> {
  const [first = 'GET / HTTP/1.1', ...rest] = lines;
  const fields = rest.some((line) => /^host:/i.test(line)) ? rest : ['Host: h', ...rest];
  const close = fields.some((line) => /^connection:/i.test(line)) ? [] : ['Connection: close'];
  const text = `${[first, ...fields, ...close].join('\r\n')}\r\n\r\n`;
  return (await rawExchange(world.port, Buffer.from(text, 'latin1'))).bytes.toString('latin1');
}

const seen = () => world.upstream.requests[0]!;
const statusOf = (reply: string) => Number(reply.slice(9, 12));

describe('SEC-03 a response cannot be split by its upstream', () => {
  const response = (line: string) => `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`;

  it.each([
    ['a bare CR in a value', 'X: a\rSet-Cookie: b'],
    ['a NUL in a value', 'X: a\0Set-Cookie: b'],
    ['a name with a colon before it', ':status: 500'],
    ['a space before the colon', 'X : a'],
    ['no colon at all', 'X'],
    ['two lengths', 'Content-Length: 5'],
  ])('%s makes it a 502', async (_, line) => {
    await answering(response(line));
    const reply = await ask('GET / HTTP/1.1');
    expect(statusOf(reply)).toBe(502);
    expect(reply).not.toMatch(/set-cookie|^x:/im);
    expect((await world.recorded())[0]).toMatchObject({ outcome: 'upstreamFailed' });
  });

  it.each([
    ['a bare LF', 'X: a\nSet-Cookie: b'],
    ['a folded line', 'X: a\r\n Set-Cookie: b'],
  ])('%s never reaches a client as it came', async (_, line) => {
    await answering(response(line));
    const reply = await ask('GET / HTTP/1.1');
    const [headers = ''] = reply.split('\r\n\r\n');
    expect(headers.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(headers).not.toMatch(/\r\n[ \t]/);
  });

  it('a value of eight-bit bytes passes as it is, both ways', async () => {
    const value = Buffer.from([0xe9, 0x20, 0xff, 0x80]).toString('latin1');
    const bytes = Buffer.from(response(`X: ${value}`), 'latin1').toString('base64');
    const script = { steps: [{ awaitRequestEnd: true as const }, { send: { base64: bytes } }] };
    world = await World.start({ upstream: { script } });
    expect(await ask('GET / HTTP/1.1', `Y: ${value}`)).toContain(`X: ${value}\r\n`);
    expect(seen().headers.y).toBe(value);
  });
});

describe('SEC-04 what is for one connection stays on it', () => {
  const HOP_BY_HOP = [
    'Keep-Alive: timeout=5',
    'Proxy-Authenticate: Basic',
    'Proxy-Authorization: Basic xyz',
    'Proxy-Connection: keep-alive',
    'TE: deflate',
    'Trailer: x-sum',
    'Upgrade: websocket',
  ];

  it('of a request', async () => {
    await answering(OK);
    await ask('GET / HTTP/1.1', ...HOP_BY_HOP, 'X-End: to-end');
    expect(Object.keys(seen().headers).sort()).toEqual(['connection', 'host', 'via', 'x-end']);
    expect(seen().headers.connection).toBe('keep-alive');
  });

  it('of a response', async () => {
    const lines = [...HOP_BY_HOP, 'Connection: close, X-Inner', 'X-Inner: 1', 'X-End: to-end'];
    await answering(OK.replace('\r\n', `\r\n${lines.join('\r\n')}\r\n`));
    const [headers = ''] = (await ask('GET / HTTP/1.1')).split('\r\n\r\n');
    const names = headers.split('\r\n').map((line) => line.split(':')[0]?.toLowerCase());
    expect(names.slice(1).sort()).toEqual(['connection', 'content-length', 'date', 'x-end']);
  });

  it('and so does what Connection names', async () => {
    await answering(OK);
    await ask('GET / HTTP/1.1', 'Connection: close, X-Auth,\tx-two ', 'X-Auth: secret', 'X-Two: 2');
    expect(seen().headers).not.toHaveProperty('x-auth');
    expect(seen().headers).not.toHaveProperty('x-two');
  });

  it('but Connection cannot take away what gives the request its meaning', async () => {
    await answering(OK);
    const names = 'close, Host, Authorization, Content-Type, Content-Length';
    const lines = ['Authorization: Bearer k', 'Content-Type: a/b', 'Content-Length: 0'];
    const reply = await ask('POST / HTTP/1.1', `Connection: ${names}`, ...lines);
    expect(statusOf(reply)).toBe(200);
    const host = new URL(world.upstream.url).host;
    expect(seen().headers).toMatchObject({
      host,
      authorization: 'Bearer k',
      'content-type': 'a/b',
    });
  });
});

describe('SEC-23 the Host is never believed', () => {
  it('the upstream is told its own', async () => {
    await answering(OK);
    expect(statusOf(await ask('GET / HTTP/1.1', 'Host: evil.test'))).toBe(200);
    expect(seen().lines.filter((line) => /^host:/i.test(line))).toHaveLength(1);
    expect(seen().headers.host).toBe(new URL(world.upstream.url).host);
  });

  it.each([
    ['two of them', 'GET / HTTP/1.1', 'Host: a.test', 'Host: b.test'],
    ['one that the target contradicts', 'GET http://a.test/ HTTP/1.1', 'Host: b.test'],
    ['a port that is no number', 'GET / HTTP/1.1', 'Host: 127.0.0.1:admin'],
    ['a path', 'GET / HTTP/1.1', 'Host: a.test/b'],
    ['a user', 'GET / HTTP/1.1', 'Host: user@a.test'],
    ['a list', 'GET / HTTP/1.1', 'Host: a.test, b.test'],
  ])('%s is refused', async (_, ...lines) => {
    await answering(OK);
    expect(statusOf(await ask(...lines))).toBe(400);
    expect(world.upstream.connections).toEqual([]);
  });
});

describe('SEC-24 a client cannot choose where its request goes', () => {
  const METADATA = 'http://169.254.169.254/latest/meta-data';

  it('by headers that other gateways route by', async () => {
    await answering(OK);
    const lines = [`X-Target: ${METADATA}`, `x-gateway-destination-endpoint: 169.254.169.254:80`];
    expect(statusOf(await ask('GET / HTTP/1.1', ...lines))).toBe(200);
    expect(seen().lines.join('\n')).not.toMatch(/169\.254|x-target|destination/i);
  });

  it('by headers that the configuration names', async () => {
    await answering(OK, { stripHeaders: ['X-Backend'] });
    await ask('GET / HTTP/1.1', 'x-BACKEND: 10.0.0.1', 'x-other: stays');
    expect(seen().headers).not.toHaveProperty('x-backend');
    expect(seen().headers).toHaveProperty('x-other');
  });

  it('by the host of an absolute form', async () => {
    await answering(OK);
    const reply = await ask(`GET ${METADATA}?a=1 HTTP/1.1`, 'Host: 169.254.169.254');
    expect(statusOf(reply)).toBe(200);
    expect(seen().target).toBe('/latest/meta-data?a=1');
  });

  it.each([
    ['CONNECT', 'CONNECT 169.254.169.254:80 HTTP/1.1'],
    ['an authority form', 'GET 169.254.169.254:80 HTTP/1.1'],
    ['another scheme', 'GET file:///etc/passwd HTTP/1.1'],
    ['dot segments', 'GET /v1/../admin HTTP/1.1'],
    ['encoded dot segments', 'GET /v1/%2e%2E/admin HTTP/1.1'],
    ['an encoded slash behind dots', 'GET /v1/..%2fadmin HTTP/1.1'],
    ['a backslash behind dots', 'GET /v1/..\\admin HTTP/1.1'],
  ])('by %s', async (_, line) => {
    await answering(OK);
    expect(await ask(line)).not.toMatch(/^HTTP\/1\.1 2/);
    expect(world.upstream.connections).toEqual([]);
  });

  it('by a model that is a URL', async () => {
    await answering(OK, { routes: [{ models: ['m'], upstreams: ['scripted'] }] });
    const body = JSON.stringify({ model: METADATA });
    expect((await fetch(world.url, { method: 'POST', body })).status).toBe(404);
    expect(world.upstream.connections).toEqual([]);
  });

  it('and a redirect is passed on, not followed', async () => {
    await answering(`HTTP/1.1 302 Found\r\nLocation: ${METADATA}\r\nContent-Length: 0\r\n\r\n`);
    const reply = await fetch(`${world.url}/x`, { redirect: 'manual' });
    expect([reply.status, reply.headers.get('location')]).toEqual([302, METADATA]);
    expect(world.upstream.requests).toHaveLength(1);
  });

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0177.0.0.1'])(
    'nor is an upstream at %s spoken to, if its address is denied',
    async (host) => {
      world = await World.start();
      const url = `http://${host}:${world.upstream.port}`;
      const config = { denyAddresses: ['127.0.0.0/8', '::1/128'] };
      const guarded = await World.start({ upstreams: [{ id: 'near', url }], config });
      const reply = await fetch(`${guarded.url}/v1/models`);
      expect([reply.status, await reply.json()]).toMatchObject([
        502,
        { error: { code: 'address_denied' } },
      ]);
      expect(world.upstream.connections).toEqual([]);
      await guarded.close();
    },
  );
});

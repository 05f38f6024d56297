/** Which upstream a request goes to, and what is said where there is none. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Script, Upstream } from '../src/upstream/index.js';
import { rawExchange, startUpstream } from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
let others: Upstream[] = [];
afterEach(async () => {
  await world.close();
  await Promise.all(others.map((other) => other.close()));
  others = [];
});

/** An upstream that says its own name. */
const named = (name: string, ...before: Script['steps']): Script => ({
  steps: [
    { awaitRequestEnd: true },
    ...before,
    { send: `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}` },
  ],
});

/** A world with two upstreams, `a` and `b`, that say their names. */
async function withRoutes(routes: unknown[], ...before: Script['steps']): Promise<void> {
  others = await Promise.all(
    ['a', 'b'].map((name) => startUpstream({ script: named(name, ...before) })),
  );
  const upstreams = others.map(({ url }, place) => ({ id: place === 0 ? 'a' : 'b', url }));
  world = await World.start({ config: { routes }, upstreams });
}

const post = (path: string, body: string) => fetch(world.url + path, { method: 'POST', body });
const asking = (model: unknown) => JSON.stringify({ messages: [], model, stream: false });
const textOf = async (path: string, model?: unknown) =>
  (await (model === undefined ? fetch(world.url + path) : post(path, asking(model)))).text();
const errorOf = async (reply: Response) => {
  const { error } = (await reply.json()) as { error: Record<string, unknown> };
  return [reply.status, error.code];
};

describe('a route', () => {
  it('by model takes an exact name, and a beginning where it ends in *', async () => {
    await withRoutes([
      { models: ['small', 'llama-*'], upstreams: ['a'] },
      { models: ['smaller', 'll*'], upstreams: ['b'] },
    ]);
    expect(await textOf('/', 'small')).toBe('a');
    expect(await textOf('/', 'smaller')).toBe('b');
    expect(await textOf('/', 'llama-')).toBe('a');
    expect(await textOf('/', 'llama-3.1:8b')).toBe('a');
    expect(await textOf('/', 'llm')).toBe('b');
    expect(await errorOf(await post('/', asking('Small')))).toEqual([404, 'model_not_found']);
    expect(await errorOf(await post('/', asking('a-llama-3')))).toEqual([404, 'model_not_found']);
  });

  it('by path takes what begins with it', async () => {
    await withRoutes([
      { path: '/v1/chat', upstreams: ['a'] },
      { path: '/v1/', upstreams: ['b'] },
    ]);
    expect(await textOf('/v1/chat/completions')).toBe('a');
    expect(await textOf('/v1/models?x=/v1/chat')).toBe('b');
    expect(await errorOf(await fetch(`${world.url}/v2`))).toEqual([404, 'route_not_found']);
  });

  it('by both takes what fits both', async () => {
    await withRoutes([
      { path: '/v1/', models: ['m'], upstreams: ['a'] },
      { path: '/', models: ['*'], upstreams: ['b'] },
    ]);
    expect(await textOf('/v1/x', 'm')).toBe('a');
    expect(await textOf('/v2/x', 'm')).toBe('b');
    expect(await textOf('/v1/x', 'n')).toBe('b');
  });

  it('is the first that fits', async () => {
    await withRoutes([
      { path: '/', upstreams: ['a'] },
      { models: ['m'], upstreams: ['b'] },
    ]);
    expect(await textOf('/', 'm')).toBe('a');
  });

  it('by path comes into question for a request without a model', async () => {
    await withRoutes([
      { models: ['m'], upstreams: ['a'] },
      { path: '/', upstreams: ['b'] },
    ]);
    expect(await textOf('/', 'm')).toBe('a');
    expect(await textOf('/v1/models')).toBe('b');
    expect(await (await post('/', '{"input":"x"}')).text()).toBe('b');
  });

  it('is written into the record, with the upstream and the model', async () => {
    await withRoutes([{ models: ['m', 'n*'], upstreams: ['b'] }]);
    await textOf('/v1/x?key=secret', 'new');
    const [record] = await world.recorded();
    expect(record).toMatchObject({ route: 'm,n*', upstream: 'b', model: 'new', path: '/v1/x' });
  });
});

describe('of several upstreams', () => {
  it('the one with the fewest exchanges in flight is taken', async () => {
    await withRoutes([{ path: '/', upstreams: ['a', 'b'] }], { awaitSignal: 'answer' });
    const [a, b] = others as [Upstream, Upstream];
    const replies: Promise<string>[] = [];
    for (const upstream of [a, b, a, b]) {
      replies.push(textOf('/'));
      await upstream.nextRequest();
    }
    // The two of `a` end, so the next two are its own again.
    a.signal('answer');
    expect(await Promise.all([replies[0], replies[2]])).toEqual(['a', 'a']);
    await world.recorded(2);
    for (const upstream of [a, a]) {
      replies.push(textOf('/'));
      await upstream.nextRequest();
    }
    a.signal('answer');
    b.signal('answer');
    expect((await Promise.all(replies)).sort()).toEqual(['a', 'a', 'a', 'a', 'b', 'b']);
  });

  it('one that a client left is free again', async () => {
    await withRoutes([{ path: '/', upstreams: ['a', 'b'] }], { awaitSignal: 'answer' });
    const [a, b] = others as [Upstream, Upstream];
    for (const recorded of [1, 3]) {
      const leaving = new AbortController();
      const left = fetch(world.url, { signal: leaving.signal });
      await a.nextRequest();
      leaving.abort();
      await expect(left).rejects.toThrow();
      await world.recorded(recorded);
      const other = textOf('/');
      await b.nextRequest();
      b.signal('answer');
      expect(await other).toBe('b');
      await world.recorded(recorded + 1);
    }
    // With two that were still counted, `a` would be the fuller of the two.
    const replies = [textOf('/'), textOf('/')];
    await Promise.all([a.nextRequest(), b.nextRequest()]);
    a.signal('answer');
    b.signal('answer');
    expect((await Promise.all(replies)).sort()).toEqual(['a', 'b']);
  });
});

describe('a request for a route by model', () => {
  const MODELS = [{ models: ['m'], upstreams: ['a'] }];

  it.each([
    ['no JSON', 'model=m', 400, 'invalid_json'],
    ['JSON that is cut', '{"model":"m"', 400, 'invalid_json'],
    ['JSON and more', '{"model":"m"}x', 400, 'invalid_json'],
    ['two models (SEC-17)', '{"model":"m","model":"n"}', 400, 'model_twice'],
    ['two spellings of model', '{"model":"m","\\u006dodel":"n"}', 400, 'model_twice'],
    ['no model', '{"messages":[]}', 400, 'model_missing'],
    ['a model that is a number', '{"model":1}', 400, 'model_missing'],
    ['a model that is null', '{"model":null}', 400, 'model_missing'],
    ['a list', '[{"model":"m"}]', 400, 'model_missing'],
    ['a model that is nested', '{"x":{"model":"m"}}', 400, 'model_missing'],
    ['an unknown model', '{"model":"n"}', 404, 'model_not_found'],
  ])('with %s is refused, and no upstream is asked', async (_, body, status, code) => {
    await withRoutes(MODELS);
    expect(await errorOf(await post('/', body))).toEqual([status, code]);
    expect(others.flatMap(({ connections }) => connections)).toEqual([]);
  });

  it.each([
    ['after the rest', `{"x":"${'y'.repeat(300_000)}","model":"m"}`],
    ['with escapes in it', '{"model":"\\u006d"}'],
    ['with the same name nested before it', '{"x":{"model":"n"},"model":"m"}'],
  ])('finds it %s, and sends the body as it came', async (_, body) => {
    await withRoutes(MODELS);
    expect(await (await post('/', body)).text()).toBe('a');
    expect(others[0]?.requests[0]?.body.toString()).toBe(body);
  });

  it('finds it however the body is cut', async () => {
    await withRoutes(MODELS);
    const body = asking('m');
    const chunks = [...body].map((letter) => `1\r\n${letter}\r\n`).join('');
    const lines = 'Host: h\r\nConnection: close\r\nTransfer-Encoding: chunked';
    const bytes = `POST / HTTP/1.1\r\n${lines}\r\n\r\n${chunks}0\r\n\r\n`;
    const reply = await rawExchange(world.port, bytes);
    expect(reply.bytes.toString()).toMatch(/\r\n\r\na$/);
    expect(others[0]?.requests[0]?.body.toString()).toBe(body);
  });

  it('leaves its connection open when the model is unknown: its framing was fine', async () => {
    await withRoutes(MODELS);
    const ask = (model: string) => {
      const body = asking(model);
      return `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const both = ask('n') + ask('m');
    const reply = await rawExchange(world.port, both, (bytes) => bytes.toString().endsWith('\na'));
    expect(reply.bytes.toString()).toMatch(/^HTTP\/1\.1 404 [\s\S]*HTTP\/1\.1 200 /);
  });

  it('is told in the shape that OpenAI clients read', async () => {
    await withRoutes(MODELS);
    const reply = await post('/', asking('n'));
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(await reply.json()).toEqual({
      error: {
        message: expect.stringMatching(/model/),
        type: 'invalid_request_error',
        param: null,
        code: 'model_not_found',
      },
    });
  });
});

/**
 * SEC-15 to SEC-20, end to end: whatever a response says about usage, its bytes pass as they are,
 * the record says what could not be believed, and the exchange beside it is not touched.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import type { RecordedRequest, Script, Split } from '../src/upstream/index.js';
import { json, rawExchange } from '../src/upstream/index.js';
import { World } from './harness.js';

let world: World;
afterEach(() => world.close());

const CHAT = '/v1/chat/completions';
const NEIGHBOUR = JSON.stringify({
  model: 'neighbour',
  messages: [{ role: 'user', content: 'hello' }],
  stream: true,
  stream_options: { include_usage: true },
});

/** A response body, and how it is sent. */
interface Told {
  readonly body: string | Buffer;
  readonly type?: string;
  readonly split?: Split;
}

/**
 * Passes a body through the gateway while a neighbour's stream is open on both sides of it, and
 * claims that both came as they were sent. Returns the record of the first.
 */
async function pass(told: Told, config: Record<string, unknown> = {}): Promise<UsageRecord> {
  const { body, type = 'text/event-stream', split } = told;
  const script = ({ target }: RecordedRequest): Script | undefined => {
    if (target === CHAT) return undefined;
    const script = json(200, [['content-type', type]], Buffer.from(body), 'chunked');
    return split === undefined ? script : { ...script, split };
  };
  world = await World.start({ config, upstream: { script, tokenDelayMs: 1 } });
  const ask = { method: 'POST', body: NEIGHBOUR };
  const direct = await (await fetch(world.upstream.url + CHAT, ask)).text();
  const neighbour = await fetch(world.url + CHAT, ask);
  const reply = await fetch(`${world.url}/liar`);
  const passed = Buffer.from(await reply.arrayBuffer());
  expect(passed.equals(Buffer.from(body))).toBe(true);
  expect(await neighbour.text()).toBe(direct);
  const records = await world.recorded(2);
  expect(records.find(({ path }) => path === CHAT)).toMatchObject({
    outcome: 'completed',
    usage: { kind: 'final' },
  });
  const record = records.find(({ path }) => path === '/liar')!;
  expect(record.responseBytes).toBe(passed.length);
  expect(world.warnings).toEqual([]);
  return record;
}

const usageOf = async (told: Told, config?: Record<string, unknown>) =>
  (await pass(told, config)).usage;

const JSON_TYPE = 'application/json';
const COUNTS = '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';
const FINAL = { kind: 'final', inputTokens: 3, outputTokens: 2, totalTokens: 5 };
const object = (rest: string) => `{"object":"chat.completion","choices":[]${rest}}`;
const event = (rest: string) => `data: {"object":"chat.completion.chunk","choices":[]${rest}}\n\n`;
const DONE = 'data: [DONE]\n\n';

describe('SEC-15 depth', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it.each([
    [63, FINAL],
    [64, { kind: 'unknown', reason: 'too_deep' }],
    [1_000_000, { kind: 'unknown', reason: 'too_deep' }],
  ])('%d brackets inside the body', async (depth, usage) => {
    const body = object(`,"x":${nested(depth)},"usage":${COUNTS}`);
    expect(await usageOf({ body, type: JSON_TYPE })).toMatchObject(usage);
  });

  it.each([
    ['beside the usage is passed over', event(`,"x":${nested(100_000)}`), FINAL],
    [
      'with the usage makes it unknown',
      event(`,"x":${nested(100_000)},"usage":${COUNTS}`),
      { kind: 'unknown', reason: 'too_deep' },
    ],
  ])('an event too deep %s', async (_, deep, usage) => {
    const rest = usage === FINAL ? event(`,"usage":${COUNTS}`) : '';
    expect(await usageOf({ body: deep + rest + DONE })).toMatchObject(usage);
  });

  it('a request too deep is refused before any upstream is asked', async () => {
    const routes = [{ models: ['*'], upstreams: ['scripted'] }];
    world = await World.start({ config: { routes } });
    const body = `{"x":${nested(1_000_000)},"model":"m"}`;
    const reply = await fetch(world.url, { method: 'POST', body });
    expect([reply.status, await reply.json()]).toMatchObject([
      400,
      { error: { code: 'too_deep' } },
    ]);
    expect(world.upstream.connections).toEqual([]);
  });
});

it('SEC-16 keys that name prototypes change no prototype and no count', async () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const evil = '"__proto__":{"x":1,"total_tokens":99},"constructor":{"prototype":{"x":1}}';
  const usage = `{${evil},${COUNTS.slice(1)}`;
  const body = event(`,${evil},"delta":{${evil}}`) + event(`,"usage":${usage}`) + DONE;
  expect(await usageOf({ body })).toMatchObject(FINAL);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
});

it('SEC-16 headers that name prototypes are only headers', async () => {
  const script = json(
    200,
    [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ],
    {},
  );
  world = await World.start({ upstream: { script } });
  const lines = ['Host: h', '__proto__: a', 'hasOwnProperty: b', 'Connection: close'];
  const reply = await rawExchange(world.port, `GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  expect(reply.bytes.toString()).toMatch(/\r\n__proto__: x\r\nconstructor: y\r\n/);
  expect(world.upstream.requests[0]?.lines).toEqual(expect.arrayContaining(lines.slice(1, 3)));
});

describe('SEC-17 duplicate keys', () => {
  it.each([
    ['two usages', object(`,"usage":{"total_tokens":1},"usage":{"total_tokens":9}`)],
    ['two counts', object(`,"usage":{"total_tokens":1,"total_tokens":9}`)],
    ['two spellings', object(`,"usage":{"total_tokens":1},"\\u0075sage":{"total_tokens":9}`)],
  ])('%s make the usage unknown', async (_, body) => {
    const usage = await usageOf({ body, type: JSON_TYPE });
    expect(usage).toMatchObject({ kind: 'unknown', reason: 'duplicate' });
  });
});

describe('SEC-18 counts that are none', () => {
  const DIALECTS: Record<string, (value: string) => string> = {
    chat: (value) => event(`,"usage":{"prompt_tokens":${value},"total_tokens":5}`) + DONE,
    completions: (value) =>
      `data: {"object":"text_completion","usage":{"completion_tokens":${value}}}\n\n${DONE}`,
    responses: (value) =>
      `data: {"type":"response.completed","response":{"usage":{"total_tokens":${value}}}}\n\n`,
    messages: (value) =>
      `data: {"type":"message_delta","usage":{"output_tokens":${value}}}\n\n` +
      'data: {"type":"message_stop"}\n\n',
  };
  // biome-ignore format: a table
  const LIES = [
    '-1', '-0', '1.5', '1.0', '1e3', '1e400', '-1e400', '9007199254740993', '1000000000001',
    '99999999999999999999999999', '"12"', '""', 'true', 'false', '{}', '[]', '[1]', '0.0000001',
  ];

  it.each(Object.entries(DIALECTS))('in %s are refused', async (dialect, stream) => {
    const script = ({ target }: RecordedRequest) => {
      const lie = LIES[Number(target.slice(1))] as string;
      return json(200, [['content-type', 'text/event-stream']], stream(lie));
    };
    world = await World.start({ upstream: { script } });
    for (const [at, lie] of LIES.entries()) {
      expect(await (await fetch(`${world.url}/${at}`)).text()).toBe(stream(lie));
    }
    const records = await world.recorded(LIES.length);
    const wrong = records.filter(
      ({ usage }) => usage.kind !== 'unknown' || usage.reason !== 'invalid_usage',
    );
    expect(wrong).toEqual([]);
    expect(records.map(({ usage }) => usage.dialect)).toEqual(LIES.map(() => dialect));
  });

  it('a value that is no JSON makes it unknown too', async () => {
    const usage = await usageOf({ body: DIALECTS.chat!('NaN') });
    expect(usage).toMatchObject({ kind: 'unknown', reason: 'invalid_json' });
  });
});

describe('SEC-19 lines without end, and ends without lines', () => {
  const accounting = { lineBytesMax: 65_536, eventBytesMax: 65_536, bodyBytesMax: 65_536 };

  it.each([
    ['a line', `data: {"x":"${'y'.repeat(8_000_000)}"}\n\n${event(`,"usage":${COUNTS}`)}${DONE}`],
    ['a line that never ends', `data: ${'y'.repeat(8_000_000)}`],
    ['an event of many lines', `${'data: y\n'.repeat(200_000)}\n${DONE}`],
  ])('%s over the limit passes, and its usage is given up', async (_, body) => {
    const usage = await usageOf({ body }, { accounting });
    expect(usage).toMatchObject({ kind: 'unknown', reason: 'tap_overflow' });
  });

  it('a JSON body over the limit too', async () => {
    const body = object(`,"x":"${'y'.repeat(1_000_000)}","usage":${COUNTS}`);
    const usage = await usageOf({ body, type: JSON_TYPE }, { accounting });
    expect(usage).toMatchObject({ kind: 'unknown', reason: 'tap_overflow' });
  });

  it.each([
    ['empty lines', '\n'],
    ['comments', ': ping\n\n'],
    ['empty events', 'data\n\n'],
    ['carriage returns', '\r'],
  ])('half a million %s hide nothing that comes after', async (_, noise) => {
    const body = noise.repeat(500_000) + event(`,"usage":${COUNTS}`) + DONE;
    expect(await usageOf({ body }, { accounting })).toMatchObject(FINAL);
  });
});

describe('SEC-20 text that is hard to cut', () => {
  const word = (text: string) => event(`,"x":"${text}"`);
  const end = event(`,"usage":${COUNTS},"model":"m€😀"`) + DONE;

  it.each(['byte', 'whole', 3, { seed: 20 }] as Split[])('emoji, split by %j', async (split) => {
    const usage = await usageOf({ body: word('€😀👩‍👩‍👧') + end, split });
    expect(usage).toMatchObject({ ...FINAL, model: 'm€😀' });
  });

  it.each([
    ['a byte order mark first', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(end)])],
    ['a byte order mark inside', Buffer.from(`${word('\ufeff')}\ufeffdata: x\n\n${end}`)],
    ['a NUL', Buffer.from(`: \0\n\nid: \0\n${end}`)],
    [
      'bytes that are no UTF-8',
      Buffer.concat([
        Buffer.from(': '),
        Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
        Buffer.from(`\n\n${end}`),
      ]),
    ],
  ])('%s', async (_, body) => {
    expect(await usageOf({ body })).toMatchObject(FINAL);
  });
});

/**
 * The usage of an exchange that Envoy shows: the same as over HTTP, however the bodies are cut, told
 * as soon as it is seen, and recorded once.
 */
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessingResponse } from '../src/adapters/ext-proc/wire.js';
import type { Plan } from '../src/envoy/plan.js';
import { playExchange } from '../src/envoy/play.js';
import { byteByByte, cutAt, splits } from './corpus/replay.js';
import { SHAPES } from './corpus/shapes.js';
import { JSON_BODY, RH, SB, SH, SSE_EVENTS } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';

const FINAL = { kind: 'final', inputTokens: 3, outputTokens: 2, totalTokens: 5 };
const SSE = SSE_EVENTS.join('');

let world: EnvoyWorld;
beforeAll(async () => {
  world = await EnvoyWorld.start();
});
afterAll(() => world.close());

/** One exchange whose response has these pieces; the end comes empty, as it often does. */
async function usageOf(
  type: string,
  pieces: readonly Buffer[],
  fields: Record<string, string> = {},
) {
  const before = world.records.length;
  const messages = [RH({}, true), SH(200, type, fields), ...pieces.map((piece) => SB(piece))];
  const { answers, end } = await world.say([...messages, SB('', true)]);
  expect(end.code).toBe(0);
  expect(answers).toHaveLength(messages.length + 1);
  const records = await world.recorded(before + 1);
  return { record: records[before]!, answers };
}

/** The usage that an answer tells, if any. */
function toldBy(answer: ProcessingResponse) {
  const told = answer.dynamicMetadata?.fields['io.interlock']?.structValue?.fields;
  if (told === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(told).map(([key, value]) => [key, value.numberValue ?? value.stringValue]),
  );
}

describe('the usage', () => {
  it.each(SHAPES)('of $name is that of any other adapter', async ({ text, contentType, usage }) => {
    const pieces = cutAt(Buffer.from(text), [7, 11, 42, 42, 77, 1001]);
    const { record } = await usageOf(contentType, pieces);
    expect(record.usage).toEqual(usage);
  });

  it('is the same wherever a stream is cut in two', async () => {
    // field: A2, A3, D1, D2, I3, K11
    for (const pieces of splits(Buffer.from(SSE))) {
      const { record } = await usageOf('text/event-stream', pieces);
      expect(record, `${pieces[0]!.length}`).toMatchObject({ outcome: 'completed', usage: FINAL });
    }
  });

  it('is the same byte by byte', async () => {
    for (const [type, body] of [
      ['text/event-stream', SSE],
      ['application/json', JSON_BODY],
    ] as const) {
      const { record } = await usageOf(type, byteByByte(Buffer.from(body)));
      expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
    }
  });

  it('is read of gzip, cut anywhere', async () => {
    for (const [type, body] of [
      ['text/event-stream', SSE],
      ['application/json', JSON_BODY],
    ] as const) {
      const bytes = gzipSync(body);
      for (const pieces of [byteByByte(bytes), cutAt(bytes, [3, 30])]) {
        const { record } = await usageOf(type, pieces, { 'content-encoding': 'gzip' });
        expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
      }
    }
  });

  it('in every chunk is no end, and the last one counts', async () => {
    // field: D4, K13, I2, H19
    const chunk = (tokens: number, more = {}) =>
      Buffer.from(
        `data: ${JSON.stringify({
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null, ...more }],
          usage: { prompt_tokens: 3, completion_tokens: tokens, total_tokens: 3 + tokens },
        })}\n\n`,
      );
    const pieces = [chunk(1), chunk(2), chunk(3, { finish_reason: 'stop' })];
    const { record, answers } = await usageOf('text/event-stream', pieces);
    expect(record).toMatchObject({ outcome: 'completed', usage: { outputTokens: 3 } });
    const told = answers.map(toldBy).filter((item) => item !== undefined);
    expect(told.map((item) => [item.kind, item.output_tokens])).toEqual([
      ['partial', 1],
      ['partial', 2],
      ['final', 3],
    ]);
  });

  it('is told with the piece that showed it, and recorded though the client goes at once', async () => {
    // field: I4, A4, H22
    const before = world.records.length;
    const stream = world.client.open();
    const pieces = SSE_EVENTS.slice(0, 3).map((event) => SB(event));
    for (const message of [RH({}, true), SH(200, 'text/event-stream'), ...pieces]) {
      void stream.send(message);
    }
    await stream.until(() => stream.answers.length === 5);
    expect(toldBy(stream.answers[4]!)).toMatchObject({ kind: 'final', total_tokens: 5 });
    stream.cancel();
    const record = (await world.recorded(before + 1))[before];
    expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
  });

  it('of a stream that breaks off is not made up', async () => {
    const before = world.records.length;
    const stream = world.client.open();
    for (const message of [RH({}, true), SH(200, 'text/event-stream'), SB(SSE_EVENTS[0]!)]) {
      void stream.send(message);
    }
    await stream.until(() => stream.answers.length === 3);
    stream.cancel();
    const record = (await world.recorded(before + 1))[before];
    expect(record).toMatchObject({
      outcome: 'unknown',
      usage: { kind: 'unknown', reason: 'truncated' },
    });
    expect(stream.answers.some((answer) => answer.dynamicMetadata != null)).toBe(false);
  });

  it('of an empty body is unknown, and the exchange is well', async () => {
    // field: D14
    const { record } = await usageOf('application/json', []);
    expect(record).toMatchObject({ outcome: 'completed', usage: { reason: 'no_body' } });
  });

  it('of an error inside a 200 is unknown, and the exchange failed', async () => {
    // field: D23, H20
    const error = Buffer.from('data: {"error":{"message":"late"}}\n\ndata: [DONE]\n\n');
    const { record } = await usageOf('text/event-stream', [error]);
    expect(record).toMatchObject({ outcome: 'upstreamFailed', usage: { kind: 'unknown' } });
  });

  it('of a bomb is given up, and the answers come', async () => {
    // SEC-08
    const bomb = await new Promise<Buffer>((resolve) => {
      const parts: Buffer[] = [];
      const gzip = createGzip();
      gzip.on('data', (part: Buffer) => parts.push(part));
      gzip.on('end', () => resolve(Buffer.concat(parts)));
      const zeros = Buffer.alloc(1024 * 1024);
      for (let count = 0; count < 200; count++) gzip.write(zeros);
      gzip.end();
    });
    const { record } = await usageOf('application/json', [bomb], { 'content-encoding': 'gzip' });
    expect(record).toMatchObject({ outcome: 'completed', usage: { kind: 'unknown' } });
  });

  it('may have another namespace', async () => {
    const other = await EnvoyWorld.start({ metadataNamespace: 'envoy.lb' });
    const { answers } = await other.say([RH({}, true), SH(), SB(JSON_BODY, true)]);
    expect(Object.keys(answers[2]!.dynamicMetadata!.fields)).toEqual(['envoy.lb']);
    await other.close();
  });
});

describe('a stream that Envoy would buffer', () => {
  const response = {
    headers: {
      ':status': '200',
      'content-type': 'text/event-stream',
      'content-length': String(SSE.length),
    },
    chunks: SSE_EVENTS.map((event) => Buffer.from(event)),
  };
  const request = {
    headers: { ':method': 'POST', ':path': '/v1/chat/completions' },
    chunks: [Buffer.from('{"model":"m"}')],
  };
  const plan: Plan = {
    modes: { requestBody: 'BUFFERED', responseBody: 'BUFFERED' },
    allowModeOverride: true,
    protocolConfig: true,
    messageTimeoutMs: 10_000,
    request,
    response,
  };

  it.each([true, false])(
    'is asked for as a stream where that is configured: %s',
    async (streamSse) => {
      // field: I6, K6
      const other = await EnvoyWorld.start({ streamSse });
      const played = await playExchange(other.client, plan);
      expect(played.faults).toEqual([]);
      expect(played.downstream.body.toString()).toBe(SSE);
      const pieces = played.dialogue.filter((word) => word.startsWith('responseBody'));
      expect(pieces.length > 1).toBe(streamSse);
      expect('content-length' in played.downstream.headers).toBe(!streamSse);
      expect((await other.recorded())[0]).toMatchObject({ outcome: 'completed', usage: FINAL });
      await other.close();
    },
  );

  it.each([
    [
      'is no stream',
      {
        ...plan,
        response: { ...response, headers: { ...response.headers, 'content-type': 'text/plain' } },
      },
    ],
    ['is streamed already', { ...plan, modes: { requestBody: 'NONE', responseBody: 'STREAMED' } }],
    [
      'cannot be asked for',
      {
        ...plan,
        modes: {
          requestBody: 'FULL_DUPLEX_STREAMED',
          responseBody: 'BUFFERED',
          requestTrailers: true,
        },
      },
    ],
    ['is only observed', { ...plan, observability: true, close: 'graceful' }],
  ] as [string, Plan][])('and that %s is left as it is', async (_, other) => {
    const streaming = await EnvoyWorld.start({ streamSse: true });
    const played = await playExchange(streaming.client, other);
    expect(played.faults).toEqual([]);
    await streaming.recorded();
    await streaming.close();
  });
});

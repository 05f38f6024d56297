import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteByByte, cutAt, replay, sse } from './corpus/replay.js';

const DONE = 'data: [DONE]\n\n';
const CHAT = '"object":"chat.completion.chunk","choices":[]';

/** A stream of each dialect around a usage object that is given as text. */
const DIALECTS: Record<string, { fields: string[]; stream: (usage: string) => string }> = {
  chat: {
    fields: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
    stream: (usage) => sse(`{${CHAT},"usage":${usage}}`) + DONE,
  },
  completions: {
    fields: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
    stream: (usage) => sse(`{"object":"text_completion","usage":${usage}}`) + DONE,
  },
  responses: {
    fields: ['input_tokens', 'output_tokens', 'total_tokens'],
    stream: (usage) => sse(`{"type":"response.completed","response":{"usage":${usage}}}`),
  },
  messages: {
    fields: ['input_tokens', 'output_tokens', 'cache_read_input_tokens'],
    stream: (usage) =>
      sse(`{"type":"message_delta","usage":${usage}}`) + sse('{"type":"message_stop"}'),
  },
};

// biome-ignore format: a table
const LIES = [
  '-1', '-0', '1.5', '1.0', '1e3', '1E0', '1e400', '-1e400', '9007199254740992', '9007199254740993',
  '1000000000001', '99999999999999999999999999', '"12"', '""', 'true', 'false', '{}', '[]', '[1]',
  '0.0000001',
];
const TRUTHS: [string, number][] = [
  ['0', 0],
  ['12', 12],
  ['1000000000000', 1e12],
];

const usageOf = async (text: string, contentType = 'text/event-stream') =>
  (await replay([Buffer.from(text)], { contentType })).usage;

describe.each(Object.entries(DIALECTS))(
  'SEC-18 usage values in %s',
  (dialect, { fields, stream }) => {
    const object = (field: string, value: string) =>
      `{${fields.map((name) => `"${name}":${name === field ? value : 7}`).join()}}`;

    it.each(fields)('a lie in %s makes the whole usage unknown', async (field) => {
      for (const lie of LIES) {
        const usage = await usageOf(stream(object(field, lie)));
        expect([lie, usage]).toMatchObject([
          lie,
          { kind: 'unknown', reason: 'invalid_usage', dialect },
        ]);
      }
    });

    it.each(fields)('a plain integer in %s is taken, null is passed over', async (field) => {
      for (const [text, value] of TRUTHS) {
        const usage = await usageOf(stream(object(field, text)));
        expect(usage.kind).toBe('final');
        expect(Object.values(usage)).toContain(value);
      }
      const usage = await usageOf(stream(object(field, 'null')));
      expect(Object.values(usage).filter((value) => value === 7)).toHaveLength(2);
    });

    it('a value that is no JSON makes no usage', async () => {
      for (const value of ['NaN', 'Infinity', '01', '+1', '.5', '0x1']) {
        const usage = await usageOf(stream(object(fields[0]!, value)));
        expect([value, usage]).toMatchObject([value, { kind: 'unknown', reason: 'invalid_json' }]);
      }
    });

    it('a usage that is no object is refused, null is none', async () => {
      for (const usage of ['5', '"x"', '[]', 'true']) {
        expect(await usageOf(stream(usage))).toMatchObject({ reason: 'invalid_usage' });
      }
      for (const usage of ['null', '{}', '{"foo":-1}']) {
        expect(await usageOf(stream(usage))).toMatchObject({ reason: 'no_usage' });
      }
    });

    it('SEC-17 a key that stands twice, also by escapes, makes it unknown', async () => {
      const [name] = fields;
      const escaped = `${name!.slice(0, -1)}\\u0073`;
      for (const usage of [
        `{"${name}":1,"${name}":9}`,
        `{"${name}":1,"${escaped}":1}`,
        `{"${escaped}":null,"${name}":1}`,
        '{"total_tokens":1},"usage":{"total_tokens":9}',
        '{"total_tokens":1},"us\\u0061ge":null',
      ]) {
        expect(await usageOf(stream(usage))).toMatchObject({
          kind: 'unknown',
          reason: 'duplicate',
        });
      }
    });

    it('SEC-16 __proto__ and constructor are keys like others', async () => {
      const plain = await usageOf(stream(object('', '')));
      const bad = '"__proto__":{"x":1,"total_tokens":9},"constructor":{"prototype":{"x":1}}';
      expect(await usageOf(stream(`{${bad},${object('', '').slice(1)}`))).toEqual(plain);
      expect(await usageOf(stream(`${object('', '')},${bad}`))).toEqual(plain);
      expect(({} as { x?: number }).x).toBeUndefined();
    });

    it('a total that is not the sum is kept as said', async () => {
      if (!fields.includes('total_tokens')) return;
      expect(await usageOf(stream(object('total_tokens', '99')))).toMatchObject({
        totalTokens: 99,
      });
    });
  },
);

describe('liars', () => {
  const usage = (total: number) => sse(`{${CHAT},"usage":{"total_tokens":${total}}}`);

  it('F52 a usage that decreases is kept as last said, and never summed', async () => {
    expect(await usageOf(usage(5) + usage(9) + usage(7) + DONE)).toMatchObject({
      kind: 'final',
      totalTokens: 7,
    });
  });

  it('H20 a stream that says nothing but [DONE] has failed', async () => {
    const { usage: nothing, verdicts } = await replay([Buffer.from(DONE)]);
    expect(verdicts).toEqual(['failed']);
    expect(nothing).toEqual({ kind: 'unknown', reason: 'no_usage' });
  });

  it('F52 a usage after [DONE] is not read', async () => {
    expect(await usageOf(usage(5) + DONE + usage(9))).toMatchObject({ totalTokens: 5 });
  });

  it('of two names, the foreign one left 0, the one of the dialect is read', async () => {
    const both = (mine: string, foreign: string) =>
      `{"${mine}_tokens":7,"${foreign}_tokens":0,"total_tokens":9}`;
    const expected = { kind: 'final', inputTokens: 7, totalTokens: 9 };
    for (const [dialect, mine, foreign] of [
      ['chat', 'prompt', 'input'],
      ['responses', 'input', 'prompt'],
      ['messages', 'input', 'prompt'],
    ] as const) {
      const usage = await usageOf(DIALECTS[dialect]!.stream(both(mine, foreign)));
      expect(usage).toMatchObject(expected);
    }
  });

  it('after [DONE] nothing is progress and no limit counts', async () => {
    const limits = { lineBytesMax: 200 };
    const bytes = Buffer.from(`${usage(5) + DONE}data: ${'x'.repeat(500)}\n\n${usage(9)}`);
    for (const chunks of [[bytes], byteByByte(bytes)]) {
      const result = await replay(chunks, { limits });
      expect(result.usage).toMatchObject({ kind: 'final', totalTokens: 5 });
      if (chunks.length > 1) expect(result.progress).toBe(2);
    }
  });

  it('F18 an error in the stream is a failure, told once, whatever follows', async () => {
    const text = sse('{"error":{"message":"x"}}') + sse('{"error":"y"}') + DONE;
    const { usage, verdicts } = await replay([Buffer.from(text)]);
    expect(usage).toEqual({ kind: 'unknown', reason: 'in_band_error' });
    expect(verdicts).toEqual(['failed']);
  });

  it('an error after the end changes neither the verdict nor the usage', async () => {
    const finish = sse('{"choices":[{"finish_reason":"stop"}],"usage":{"total_tokens":5}}');
    const { usage, verdicts } = await replay([Buffer.from(finish + sse('{"error":{}}'))]);
    expect(usage).toMatchObject({ kind: 'final', totalTokens: 5 });
    expect(verdicts).toEqual(['succeeded']);
  });

  it('a client that leaves after the end leaves a final usage, else a partial one', async () => {
    const cut = { cut: true };
    expect((await replay([Buffer.from(usage(5) + DONE)], cut)).usage).toMatchObject({
      kind: 'final',
    });
    expect((await replay([Buffer.from(usage(5))], cut)).usage).toMatchObject({ kind: 'partial' });
  });

  it('SEC-15 depth bombs and noise cost the count of their event and nothing else', async () => {
    const bomb = sse(`{"a":${'['.repeat(1e6)}`);
    expect(await usageOf(bomb + DONE)).toEqual({ kind: 'unknown', reason: 'too_deep' });
    expect(await usageOf(bomb + usage(5) + DONE)).toMatchObject({ kind: 'final', totalTokens: 5 });
    expect(await usageOf(usage(5) + bomb + DONE)).toMatchObject({ kind: 'partial' });
    expect(await usageOf(usage(5) + sse('keep-alive') + DONE)).toMatchObject({ kind: 'final' });
    expect(await usageOf(usage(5) + sse('{"a":') + DONE)).toMatchObject({ kind: 'partial' });
  });

  it('SEC-07 a huge line makes the usage unknown, in bounded memory', async () => {
    const chunks = [Buffer.from('data: '), ...Array<Buffer>(400).fill(Buffer.alloc(65_536, 'a'))];
    const result = await replay(chunks);
    expect(result.usage).toEqual({ kind: 'unknown', reason: 'tap_overflow' });
    expect(result.bufferedMax).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect((await replay([Buffer.from(usage(5)), ...chunks])).usage).toMatchObject({
      kind: 'partial',
    });
  });

  it('a model name is cut to 256 characters', async () => {
    const text = JSON.stringify({ model: '🙂'.repeat(1000), usage: { total_tokens: 1 } });
    const { model } = await usageOf(text, 'application/json');
    expect(model).toBe('🙂'.repeat(128));
  });

  it('hostile choice indexes never end a response, [DONE] does', async () => {
    for (const index of ['-1', '1e9', '4096', '"0"', '0.5', '[]']) {
      const chunk = sse(`{"choices":[{"index":${index},"finish_reason":"stop"}]}`);
      expect((await replay([Buffer.from(chunk)])).verdicts).toEqual([]);
      expect((await replay([Buffer.from(chunk + DONE)])).verdicts).toEqual(['succeeded']);
    }
  });

  it('whatever the bytes, nothing throws and every cutting gives the same', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'data: ',
        '\n\n',
        '{"usage":',
        '{"total_tokens":',
        '1',
        '}',
        '[DONE]',
        '"',
        '\\',
      ),
      fc.constantFrom(
        'event: error\n',
        '"choices":[',
        '"error":',
        ',',
        ']',
        '\r',
        'null',
        '\ufeff',
      ),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.constantFrom('text/event-stream', 'application/json', 'application/x-ndjson', undefined),
        async (pieces, places, contentType) => {
          const bytes = Buffer.from(pieces.join(''));
          const whole = await replay([bytes], { contentType });
          for (const chunks of [cutAt(bytes, places), byteByByte(bytes)]) {
            const { usage, verdicts } = await replay(chunks, { contentType });
            expect({ usage, verdicts }).toEqual({ usage: whole.usage, verdicts: whole.verdicts });
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteByByte, cutAt, replay, splits } from './corpus/replay.js';
import { LARGE, SHAPES } from './corpus/shapes.js';

describe.each(SHAPES)('$name', ({ text, contentType, usage, verdict }) => {
  const bytes = Buffer.from(text);
  const verdicts = verdict === 'none' ? [] : [verdict];
  const told = async (chunks: Buffer[]) => {
    const result = await replay(chunks, { contentType });
    return { usage: result.usage, verdicts: result.verdicts };
  };

  it('gives its usage and its verdict whole', async () => {
    expect(await told([bytes])).toEqual({ usage, verdicts });
  });

  it('gives the same byte by byte and under every single split', async () => {
    expect(await told(byteByByte(bytes))).toEqual({ usage, verdicts });
    for (const chunks of splits(bytes)) expect(await told(chunks)).toEqual({ usage, verdicts });
  });

  it('gives the same under random cuts, empty chunks included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 12 }), async (places) => {
        expect(await told(cutAt(bytes, places))).toEqual({ usage, verdicts });
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(LARGE)('$name', ({ text, contentType, usage }) => {
  it('gives its usage in chunks of any size', async () => {
    const bytes = Buffer.from(text);
    for (const size of [bytes.length, 65_536, 997, 16]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      expect((await replay(chunks, { contentType })).usage).toEqual(usage);
    }
  });
});

describe('progress', () => {
  it('comes once for a write that completes events, never for comments or parts', async () => {
    const two = Buffer.from('data: a\n\ndata: b\n\n');
    expect((await replay([two])).progress).toBe(1);
    expect((await replay([two.subarray(0, 12), two.subarray(12)])).progress).toBe(2);
    expect((await replay([two.subarray(0, 5), two.subarray(5)])).progress).toBe(1);
    expect((await replay([Buffer.from(': ping\n\n: ping\n\n')])).progress).toBe(0);
  });

  it('comes for each chunk of a JSON body', async () => {
    const chunks = [Buffer.from('{"a"'), Buffer.alloc(0), Buffer.from(':1}')];
    expect((await replay(chunks, { contentType: 'application/json' })).progress).toBe(2);
  });
});

import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Accounting } from '../src/accounting/accounting.js';
import { byteByByte, replay, splits, sse } from './corpus/replay.js';

const BODY = JSON.stringify({ object: 'chat.completion', usage: { total_tokens: 5 } });
const STREAM = sse({ object: 'chat.completion.chunk', usage: { total_tokens: 5 } }) + sse('[DONE]');
const FINAL = { kind: 'final', totalTokens: 5, dialect: 'chat' };
const JSON_TYPE = { contentType: 'application/json' };

const ENCODINGS: [string, (plain: Buffer) => Buffer][] = [
  ['gzip', zlib.gzipSync],
  ['x-gzip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['deflate', zlib.deflateRawSync],
  ['br', zlib.brotliCompressSync],
];

describe.each(ENCODINGS)('F25 a body in %s', (contentEncoding, compress) => {
  const bytes = compress(Buffer.from(STREAM));

  it('gives its usage under every cutting', async () => {
    expect((await replay([bytes], { contentEncoding })).usage).toEqual(FINAL);
    expect((await replay(byteByByte(bytes), { contentEncoding })).usage).toEqual(FINAL);
    for (const chunks of splits(bytes)) {
      expect((await replay(chunks, { contentEncoding })).usage).toEqual(FINAL);
    }
  });

  it('is read as JSON too, and tells its progress and verdict', async () => {
    const body = compress(Buffer.from(BODY));
    const result = await replay([body], { ...JSON_TYPE, contentEncoding });
    expect(result).toMatchObject({ usage: FINAL, verdicts: ['succeeded'], progress: 1 });
  });

  it('that is bad or cut is unknown, at every place of the damage', async () => {
    for (let at = 1; at < bytes.length; at++) {
      const cut = await replay([bytes.subarray(0, at)], { contentEncoding });
      expect(cut.usage).toEqual({ kind: 'unknown', reason: 'decode' });
      const bad = Buffer.from(bytes);
      bad[at]! ^= 0xff;
      await expect(replay([bad], { contentEncoding })).resolves.toBeDefined();
    }
  });

  it('that the client left is as far as it was inflated', async () => {
    const chunks = [bytes];
    const result = await replay(chunks, { contentEncoding, cut: true });
    expect(result.usage).toEqual(FINAL);
  });

  it('SEC-08 that is a bomb is stopped by its ratio or its size', async () => {
    const bomb = compress(Buffer.alloc(10 * 1024 * 1024, '\n'));
    const overflow = { kind: 'unknown', reason: 'tap_overflow' };
    expect((await replay([bomb], { contentEncoding })).usage).toEqual(overflow);
    const limits = { inflateRatioMax: 1e9, inflatedBytesMax: 5e6 };
    expect((await replay([bomb], { contentEncoding, limits })).usage).toEqual(overflow);
  });
});

describe('inflating', () => {
  it('SEC-08 100 000 one-byte chunks are joined while the decompressor is busy', async () => {
    const text = `${': '.padEnd(40, 'é')}${Math.random()}\n\n`;
    const noise = Array.from({ length: 9000 }, () => text + Math.random()).join('\n');
    const bytes = zlib.gzipSync(`:${noise}\n\n${STREAM}`);
    expect(bytes.length).toBeGreaterThan(80_000);
    const result = await replay(byteByByte(bytes), { contentEncoding: 'gzip' });
    expect(result.usage).toEqual(FINAL);
  });

  it('queues no more than its limit', async () => {
    const noise = Buffer.from(Array.from({ length: 4096 }, () => Math.random() * 256));
    const limits = { inflateQueueBytesMax: 1000 };
    const result = await replay([noise], { contentEncoding: 'gzip', limits });
    expect(result.usage).toEqual({ kind: 'unknown', reason: 'tap_overflow' });
    expect(result.bufferedMax).toBeLessThanOrEqual(1000);
  });

  it('holds nothing once it has given up, whatever still comes', async () => {
    const accounting = new Accounting({
      contentType: undefined,
      contentEncoding: 'gzip',
      limits: { inflateQueueBytesMax: 1000 },
      onProgress: () => {},
      onTerminal: () => {},
    });
    accounting.write(Buffer.alloc(2000));
    accounting.write(Buffer.alloc(900));
    expect(accounting.bufferedBytes).toBe(0);
  });

  it('of a JSON body whose checksum is bad gives no verdict', async () => {
    const bytes = zlib.gzipSync(BODY);
    bytes[bytes.length - 6]! ^= 0xff;
    const result = await replay([bytes], { ...JSON_TYPE, contentEncoding: 'gzip' });
    expect(result).toMatchObject({ usage: { reason: 'decode' }, verdicts: [] });
  });

  it('of an encoding that is not known gives decode; identity is plain', async () => {
    const chunks = [Buffer.from(STREAM)];
    for (const contentEncoding of ['compress', 'gzip, br', 'x']) {
      expect((await replay(chunks, { contentEncoding })).usage).toMatchObject({ reason: 'decode' });
    }
    expect((await replay(chunks, { contentEncoding: ' Identity' })).usage).toEqual(FINAL);
  });

  it('of two gzip members reads both, however cut; garbage behind them is bad', async () => {
    const half = STREAM.length >> 1;
    const parts = [STREAM.slice(0, half), STREAM.slice(half)].map((text) => zlib.gzipSync(text));
    const bytes = Buffer.concat(parts);
    for (const chunks of [...splits(bytes), byteByByte(bytes)]) {
      expect((await replay(chunks, { contentEncoding: 'gzip' })).usage).toEqual(FINAL);
    }
    const garbage = [...parts, Buffer.from('garbage')];
    expect((await replay(garbage, { contentEncoding: 'gzip' })).usage).toMatchObject({
      reason: 'decode',
    });
  });

  it.runIf('createZstdDecompress' in zlib)('reads zstd where Node has it', async () => {
    const compress = (zlib as { zstdCompressSync?: (text: string) => Buffer }).zstdCompressSync!;
    const result = await replay([compress(STREAM)], { contentEncoding: 'zstd' });
    expect(result.usage).toEqual(FINAL);
  });

  it('stops at release, and its callbacks with it', async () => {
    let calls = 0;
    const accounting = new Accounting({
      contentType: undefined,
      contentEncoding: 'gzip',
      onProgress: () => void calls++,
      onTerminal: () => void calls++,
    });
    accounting.write(zlib.gzipSync(STREAM));
    accounting.release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(0);
    expect(accounting.bufferedBytes).toBe(0);
    expect(accounting.settle()).toMatchObject({ kind: 'unknown' });
  });
});

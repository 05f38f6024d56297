import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Accounting } from '../src/accounting/accounting.js';
import { ResponseBuffer } from '../src/accounting/buffer.js';
import { byteByByte, cutAt, replay, splits, sse } from './corpus/replay.js';

const BODY = JSON.stringify({ object: 'chat.completion', usage: { total_tokens: 5 } });
const STREAM = sse({ object: 'chat.completion.chunk', usage: { total_tokens: 5 } }) + sse('[DONE]');
const FINAL = { kind: 'final', totalTokens: 5, dialect: 'chat' };
const JSON_TYPE = { contentType: 'application/json' };

interface Model {
  state: 'open' | 'ended' | 'processed' | 'released';
  bytes: number;
  overflowed: boolean;
  refused: number;
  parsed: number;
}

interface Real {
  buffer: ResponseBuffer;
  parsed: string[];
}

const BYTES_MAX = 10;

function check(model: Model, { buffer, parsed }: Real): void {
  expect(buffer.state).toBe(model.state);
  expect(buffer.refusedWrites).toBe(model.refused);
  expect(buffer.overflowed).toBe(model.overflowed);
  expect(buffer.bufferedBytes).toBeLessThanOrEqual(BYTES_MAX);
  expect(parsed).toHaveLength(model.parsed);
  if (model.overflowed || model.state === 'released') expect(buffer.bufferedBytes).toBe(0);
}

type BufferCommand = fc.Command<Model, Real>;

function command(name: string, run: (model: Model, real: Real) => void): BufferCommand {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      check(model, real);
    },
    toString: () => name,
  };
}

const write = (size: number) =>
  command(`write(${size})`, (model, { buffer }) => {
    const open = model.state === 'open';
    if (!open) model.refused++;
    else if (!model.overflowed) {
      model.bytes += size;
      if (model.bytes > BYTES_MAX) model.overflowed = true;
    }
    expect(buffer.write(Buffer.alloc(size, 'x'))).toBe(open);
  });

const end = command('end', (model, { buffer }) => {
  if (model.state === 'open') model.state = 'ended';
  buffer.end();
});

const process = command('process', (model, { buffer, parsed }) => {
  const parses = model.state === 'ended' && model.bytes > 0 && !model.overflowed;
  if (parses) model.parsed++;
  if (model.state === 'ended') model.state = 'processed';
  expect(buffer.process((bytes) => void parsed.push(bytes.toString()))).toBe(parses);
  if (parses) expect(parsed.at(-1)).toBe('x'.repeat(model.bytes));
});

const release = command('release', (model, { buffer }) => {
  model.state = 'released';
  buffer.release();
});

describe('the response buffer', () => {
  it('keeps its states: open, ended, processed, released', () => {
    const commands = [
      fc.nat({ max: 6 }).map(write),
      fc.constant(end),
      fc.constant(process),
      fc.constant(release),
    ];
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 20 }), (run) => {
        fc.modelRun(() => {
          const model: Model = {
            state: 'open',
            bytes: 0,
            overflowed: false,
            refused: 0,
            parsed: 0,
          };
          return { model, real: { buffer: new ResponseBuffer(BYTES_MAX), parsed: [] } };
        }, run);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a JSON body', () => {
  it('is read once, at its end; a second end and a late write change nothing', async () => {
    const verdicts: string[] = [];
    const accounting = new Accounting({
      ...JSON_TYPE,
      contentEncoding: undefined,
      onProgress: () => {},
      onTerminal: (verdict) => void verdicts.push(verdict),
    });
    accounting.write(Buffer.from(BODY));
    accounting.read();
    accounting.write(Buffer.alloc(0));
    accounting.write(Buffer.from(BODY));
    accounting.read();
    expect(accounting.settle()).toEqual(FINAL);
    accounting.release();
    accounting.read();
    accounting.write(Buffer.from('x'));
    expect(accounting.settle()).toEqual(FINAL);
    expect(accounting.bufferedBytes).toBe(0);
    expect(verdicts).toEqual(['succeeded']);
  });

  it('D14 that is empty is never parsed', async () => {
    expect((await replay([Buffer.alloc(0)], JSON_TYPE)).usage).toMatchObject({ reason: 'no_body' });
  });

  it('that is cut is truncated without its end and invalid with it', async () => {
    const half = [Buffer.from(BODY.slice(0, 30))];
    expect((await replay(half, { ...JSON_TYPE, cut: true })).usage).toMatchObject({
      reason: 'truncated',
    });
    expect((await replay(half, JSON_TYPE)).usage).toMatchObject({ reason: 'invalid_json' });
  });

  it('over its limit is dropped, and its memory with it', async () => {
    const limits = { bodyBytesMax: 20 };
    const result = await replay(byteByByte(Buffer.from(BODY)), { ...JSON_TYPE, limits });
    expect(result.usage).toEqual({ kind: 'unknown', reason: 'tap_overflow' });
    expect(result.bufferedMax).toBeLessThanOrEqual(20);
  });

  it('that is an error object failed', async () => {
    const { usage, verdicts } = await replay([Buffer.from('{"error":{"code":1}}')], JSON_TYPE);
    expect(usage).toEqual({ kind: 'unknown', reason: 'error_body' });
    expect(verdicts).toEqual(['failed']);
  });
});

describe('the content-type', () => {
  const types = ['application/json', 'text/event-stream', 'text/plain', undefined, ''];

  it('F26 may lie or be missing: the first bytes say what the body is', async () => {
    for (const contentType of types) {
      for (const text of [BODY, STREAM, ` \n${BODY}`, `\ufeff${STREAM}`, `\n\n: hi\n\n${STREAM}`]) {
        for (const chunks of splits(Buffer.from(text))) {
          expect((await replay(chunks, { contentType })).usage).toEqual(FINAL);
        }
      }
    }
  });

  it('is text/event-stream with any parameters, and nothing that only looks like it', async () => {
    const text = Buffer.from(`foo: bar\n${STREAM}`);
    for (const contentType of ['text/event-stream;', 'Text/Event-Stream; charset=windows-1252']) {
      expect((await replay([text], { contentType })).usage).toEqual(FINAL);
    }
    for (const contentType of ['text/event-streams', 'text/x; a=text/event-stream', undefined]) {
      expect((await replay([text], { contentType })).usage).toMatchObject({
        reason: 'not_recognised',
      });
    }
  });
});

describe('a caller', () => {
  it('whose handlers throw hurts neither the bytes nor the count', async () => {
    const fail = () => {
      throw new Error('mine');
    };
    const result = await replay([Buffer.from(STREAM)], { onProgress: fail, onTerminal: fail });
    expect(result.usage).toEqual(FINAL);
  });

  it('may reuse its chunk after the call', async () => {
    const accounting = new Accounting({
      contentType: undefined,
      contentEncoding: undefined,
      onProgress: () => {},
      onTerminal: () => {},
    });
    const chunk = new Uint8Array(7);
    for (const piece of cutAt(
      Buffer.from(STREAM),
      Array.from(STREAM, (_, at) => at * 7),
    )) {
      chunk.set(piece);
      accounting.write(chunk.subarray(0, piece.length));
      chunk.fill(0x58);
    }
    accounting.read();
    expect(accounting.settle()).toEqual(FINAL);
  });
});

describe('progress', () => {
  function progressOf(contentType: string, chunks: readonly string[], limits = {}): number[] {
    let told = 0;
    const accounting = new Accounting({
      contentType,
      contentEncoding: undefined,
      limits,
      onProgress: () => told++,
      onTerminal: () => {},
    });
    return chunks.map((chunk) => {
      const before = told;
      accounting.write(Buffer.from(chunk));
      return told - before;
    });
  }

  it('is an event, and no comment and no half of an event', () => {
    const chunks = [sse('{"a":1}'), ': ping\n\n', 'data: {"b"', ':2}\n\n'];
    expect(progressOf('text/event-stream', chunks)).toEqual([1, 0, 0, 1]);
  });

  it('is every chunk of a body that nobody here can read', () => {
    expect(progressOf('audio/mpeg', ['ID3...', 'more', ': ping\n\n'])).toEqual([1, 1, 1]);
    const limits = { lineBytesMax: 8 };
    const chunks = [sse('{}'), 'data: far too long', ': ping\n\n', 'x'];
    expect(progressOf('text/event-stream', chunks, limits)).toEqual([1, 0, 1, 1]);
  });
});

import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseFramer } from '../src/accounting/framer.js';
import { byteByByte, cutAt, splits } from './corpus/replay.js';
import { SHAPES } from './corpus/shapes.js';

interface Frames {
  events: { event: string; data: string }[];
  retries: number[];
  overflows: number;
  lastEventId: string;
}

function framed(chunks: readonly Buffer[], limits: { line?: number; event?: number } = {}): Frames {
  const frames: Frames = { events: [], retries: [], overflows: 0, lastEventId: '' };
  const framer = new SseFramer({
    onEvent: ({ event, data }) => void frames.events.push({ event, data }),
    onRetry: (retryMs) => void frames.retries.push(retryMs),
    onOverflow: () => void frames.overflows++,
    lineBytesMax: limits.line ?? 1 << 20,
    eventBytesMax: limits.event ?? 1 << 20,
  });
  for (const chunk of chunks) framer.push(chunk);
  framer.end();
  frames.lastEventId = framer.lastEventId;
  return frames;
}

const long = 'x'.repeat(2048);
const BOM = '\ufeff';

/** The format cases of web-platform-tests, eventsource/: payload, and the data that it gives. */
const FORMAT: [name: string, payload: string, data: string[]][] = [
  ['format-bom', `${BOM}data:1\n\n${BOM}data:2\n\ndata:3\n\n`, ['1', '3']],
  ['format-bom-2', `${BOM}${BOM}data:1\n\ndata:2\n\ndata:3\n\n`, ['2', '3']],
  ['format-newlines', 'data:test\r\ndata\ndata:test\r\n\r', ['test\n\ntest']],
  ['format-leading-space', 'data:\ttest\rdata: \ndata:test\n\n', ['\ttest\n\ntest']],
  [
    'format-comments',
    `data:1\r:\0\n:\r\ndata:2\n:${long}\rdata:3\n:data:fail\r:${long}\ndata:4\n\n`,
    ['1\n2\n3\n4'],
  ],
  [
    'format-field-parsing',
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    ['\0\n 2\n1\n3\n\n4'],
  ],
  ['format-field-data', 'data:\n\ndata\ndata\n\ndata:test\n\n', ['', '\n', 'test']],
  [
    'format-data-before-final-empty-line',
    'retry:1000\ndata:test1\n\nid:test\ndata:test2',
    ['test1'],
  ],
  [
    'format-field-unknown',
    'data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n',
    ['test\n\ntest'],
  ],
  ['format-null-character', 'data:\0\n\n\n\n', ['\0']],
  ['format-utf-8', 'data:ok…\n\n', ['ok…']],
  ['a four byte character', 'data: 🙂\n\n', ['🙂']],
  ['fields whose names only begin like ours', 'dat:1\ndatas:2\ndata:3\nd\ne\ni\nr\n\n', ['3']],
];

function cuttings(text: string): Buffer[][] {
  const bytes = Buffer.from(text);
  return [[bytes], byteByByte(bytes), ...(bytes.length < 1000 ? splits(bytes) : [])];
}

describe.each(FORMAT)('%s', (_name, payload, data) => {
  const mixed = /\r/.test(payload);
  const forms = mixed
    ? [payload]
    : ['\n', '\r\n', '\r'].map((end) => payload.replaceAll('\n', end));

  it.each(forms.map((text) => [text]))('gives its data under every cutting', (text) => {
    for (const chunks of cuttings(text)) {
      expect(framed(chunks).events.map((event) => event.data)).toEqual(data);
    }
  });
});

describe.each(['\n', '\r\n', '\r'])('with lines that end in %j', (end) => {
  const every = (text: string, check: (frames: Frames) => void) => {
    for (const chunks of cuttings(text.replaceAll('\n', end))) check(framed(chunks));
  };

  it('an event has the type it gives, before or after its data', () => {
    for (const text of ['event:test\ndata:x\n\ndata:x\n\n', 'data:x\nevent: test\n\ndata:x\n\n']) {
      every(text, ({ events }) => {
        expect(events.map((event) => event.event)).toEqual(['test', 'message']);
      });
    }
  });

  it('an empty event type is message', () => {
    every('event:\ndata:data\n\n', ({ events }) => {
      expect(events).toEqual([{ event: 'message', data: 'data' }]);
    });
  });

  it('an event type without data does not reach the next event', () => {
    every('event:test\n\ndata:x\n\n', ({ events }) => {
      expect(events).toEqual([{ event: 'message', data: 'x' }]);
    });
  });

  it('retry takes ASCII digits only', () => {
    every('retry:3000\nretry:1000x\nretry\nretry:-1\n', ({ retries }) => {
      expect(retries).toEqual([3000]);
    });
  });

  it('an id with NUL is ignored, an empty one resets', () => {
    every('id:…\ndata:1\n\nid:a\0b\n\n', (frames) => expect(frames.lastEventId).toBe('…'));
    every('id:1\ndata:1\n\nid\ndata:2\n\n', (frames) => expect(frames.lastEventId).toBe(''));
    every('data:1\n\nid:test\ndata:2', (frames) => expect(frames.lastEventId).toBe(''));
  });
});

describe('limits', () => {
  it('a line at the limit passes, one over it ends the framer, under every cutting', () => {
    const text = 'data:1\n\ndata:234\n\ndata:5\n\n';
    for (const chunks of cuttings(text)) {
      expect(framed(chunks, { line: 8 })).toMatchObject({ overflows: 0 });
      const over = framed(chunks, { line: 7 });
      expect(over.overflows).toBe(1);
      expect(over.events).toEqual([{ event: 'message', data: '1' }]);
    }
  });

  it('an event at the limit passes, one over it ends the framer, under every cutting', () => {
    const text = 'data:1\n\ndata:2\ndata:34\n\ndata:5\n\n';
    for (const chunks of cuttings(text)) {
      expect(framed(chunks, { event: 4 }).events).toHaveLength(3);
      const over = framed(chunks, { event: 3 });
      expect(over.overflows).toBe(1);
      expect(over.events).toHaveLength(1);
    }
  });

  it('SEC-07 SEC-19 a line of 1 GiB is given up once, in constant memory', () => {
    let overflows = 0;
    const framer = new SseFramer({
      onEvent: () => {},
      onOverflow: () => void overflows++,
      lineBytesMax: 1 << 20,
      eventBytesMax: 1 << 20,
    });
    const chunk = Buffer.alloc(1 << 16, 'a');
    let held = 0;
    for (let i = 0; i < 1 << 14; i++) {
      framer.push(chunk);
      held = Math.max(held, framer.bufferedBytes);
    }
    expect(overflows).toBe(1);
    expect(held).toBeLessThanOrEqual(1 << 20);
    expect(framer.bufferedBytes).toBe(0);
  });

  it('SEC-19 ten million empty lines, and a million comments byte by byte, give nothing', () => {
    expect(framed([Buffer.alloc(1e7, '\n')]).events).toEqual([]);
    expect(framed([Buffer.alloc(1e7, '\r')]).events).toEqual([]);
    expect(framed([Buffer.alloc(1e7, ':\n')]).events).toEqual([]);
    const one = Buffer.from(':\n');
    const bytes = Array.from({ length: 1e6 }, (_, i) => one.subarray(i % 2, (i % 2) + 1));
    expect(framed(bytes)).toMatchObject({ events: [], overflows: 0 });
  });
});

/**
 * The library as an oracle. It keeps a CR at the end of what it was fed, for an LF may follow, and
 * so never dispatches an event whose blank line is that CR; WHATWG ends the line at the CR, and so
 * do we. A comment behind the text hides the difference. It strips no byte order mark from a string
 * as decoded, which TextDecoder does before it.
 */
function oracle(text: Buffer): Frames['events'] {
  const events: Frames['events'] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => void events.push({ event: event ?? 'message', data }),
  });
  parser.feed(new TextDecoder().decode(Buffer.concat([text, Buffer.from(':')])));
  return events;
}

describe('eventsource-parser agrees', () => {
  it('on the corpus, at every split', () => {
    for (const { text } of SHAPES) {
      const bytes = Buffer.from(text);
      const expected = oracle(bytes);
      for (const chunks of splits(bytes)) expect(framed(chunks).events).toEqual(expected);
    }
  });

  it('on streams of any pieces, however they are cut', () => {
    const piece = fc.oneof(
      fc.constantFrom('data', 'event', 'id', 'retry', ':', ': ', '\n', '\r', '\r\n', '\n\n', ' '),
      fc.constantFrom('data: x\n', 'data:🙂\r\n', BOM, '\0', 'é'),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (pieces, places) => {
          const bytes = Buffer.from(pieces.join(''));
          expect(framed(cutAt(bytes, places)).events).toEqual(oracle(bytes));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('on bytes that are not UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.array(fc.nat()), (noise, places) => {
        const bytes = Buffer.concat([Buffer.from('data:'), noise, Buffer.from('\n\n')]);
        expect(framed(cutAt(bytes, places)).events).toEqual(oracle(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});

/** What is known of every exchange that is watched, within which bounds, and what a viewer is told. */
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EVENTS, events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import type { Viewer, Wire } from '../src/observe/feed.js';
import { Feed } from '../src/observe/feed.js';
import { makeMessages } from '../src/observe/messages.js';
import type { Frame } from '../src/observe/rows.js';
import { RowsViewer } from '../src/observe/rows.js';
import { Watch } from '../src/observe/watch.js';
import { table } from '../src/step.js';
import type { TraceRecord } from '../src/trace.js';
import { wordOf } from '../src/trace.js';
import { recordOf } from '../visualizations/viewer/page/messages.js';
import { cellsOf, Rows } from '../visualizations/viewer/page/rows.js';
import { machines } from '../visualizations/viewer/page/runs.js';

const messages = await makeMessages(table, '--inspect');
const REFUSED = [events.requestHeaders, events.requestRefused, events.usageRecorded];

const begin = (watch: Watch, id: string) => new Exchange({ id, observer: watch.begin(id) });
function refuse(watch: Watch, id: string): Exchange {
  const exchange = begin(watch, id);
  for (const event of REFUSED) exchange.receive(event);
  return exchange;
}
const turn = (viewer: RowsViewer) => JSON.parse(viewer.turn()[0] as string) as Frame;
const idsOf = ({ rows }: Frame) => rows.map(([id]) => id);

describe('a watch', () => {
  it('has all that are in flight, and the newest of those that have ended', () => {
    const watch = new Watch(table, 3);
    const open = Array.from({ length: 100 }, (_, at) => begin(watch, `open-${at}`));
    for (let at = 0; at < 10; at++) refuse(watch, `over-${at}`);
    expect([...watch.rows()].map(({ id }) => id)).toEqual([
      ...open.map(({ id }) => id),
      'over-7',
      'over-8',
      'over-9',
    ]);
    expect(watch.held).toBe(103);
    expect(watch.begun).toBe(110);
    expect(watch.find('over-6')).toBeUndefined();
  });

  it('keeps the first and the newest steps of an endless exchange, as the trace has them', () => {
    const watch = new Watch();
    const row = watch.begin('endless');
    const trace: TraceRecord[] = [];
    const endless = new Exchange({
      id: 'endless',
      observer: row,
      trace: (record) => trace.push(record),
    });
    endless.receive(events.requestHeaders);
    for (let count = 0; count < 500; count++) endless.receive(events.requestBody);
    const kept = [...row.stepsFrom(0)];
    expect(kept).toHaveLength(128);
    for (const { seq, event, step } of kept) {
      const { event: text, state, commands } = trace[seq] as TraceRecord;
      expect(wordOf(EVENTS[event]!)).toBe(text);
      expect(table.states[step.state]).toBe(state);
      expect(step.commands.map(wordOf)).toEqual(commands);
    }
    expect([...row.stepsFrom(500)].map(({ seq }) => seq)).toEqual([500]);
    expect([...row.stepsFrom(501)]).toEqual([]);
  });

  it('counts chunks and anomalies, also those that come after the end', () => {
    const watch = new Watch();
    const row = watch.begin('a');
    const exchange = new Exchange({ id: 'a', observer: row });
    const order = [
      ...[events.requestHeaders, events.requestEnd, events.requestRouted],
      ...[events.responseHeaders('success'), events.responseBody, events.responseBody],
      ...[events.responseEnd, events.usageRead, events.usageRecorded, events.responseEnd],
    ];
    for (const event of order) exchange.receive(event);
    expect(row).toMatchObject({ chunks: 2, anomalies: 1, steps: 10 });
    expect(row.endedAt).toBeGreaterThanOrEqual(row.startedAt);
    expect(watch.inFlight.size).toBe(0);
  });
});

describe('a viewer of rows', () => {
  it('is told what has changed, and of each in the end, however many change', () => {
    const watch = new Watch();
    const live = Array.from({ length: 3_500 }, (_, at) => begin(watch, `x-${at}`));
    const viewer = new RowsViewer(watch, messages);
    const told: string[] = [];
    for (let count = 0; count < 4; count++) {
      const frame = turn(viewer);
      expect(frame).toMatchObject({ inFlight: 3_500, begun: 3_500, leftOut: 0 });
      told.push(...idsOf(frame));
      for (const one of live) one.receive(events.requestBody);
    }
    expect(told.length).toBe(4_000);
    expect(new Set(told).size).toBe(3_500);
    const rest = Array.from({ length: 4 }, () => idsOf(turn(viewer)));
    expect(rest.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000, 500]);
    expect(idsOf(turn(viewer))).toEqual([]);
  });

  it('is told the end of all that it was told the beginning of, and how many it missed', () => {
    const watch = new Watch(table, 10);
    refuse(watch, 'before');
    for (let at = 0; at < 20; at++) refuse(watch, `gone-${at}`);
    const viewer = new RowsViewer(watch, messages);
    const live = Array.from({ length: 50 }, (_, at) => begin(watch, `x-${at}`));
    expect(turn(viewer).rows).toHaveLength(60);
    for (const one of live) for (const event of REFUSED) one.receive(event);
    for (let at = 0; at < 30; at++) refuse(watch, `fast-${at}`);
    const frame = turn(viewer);
    const ended = frame.rows.filter(([, , , , endedAt]) => endedAt > 0).map(([id]) => id);
    expect(ended.filter((id) => id.startsWith('x-'))).toHaveLength(50);
    expect(ended.filter((id) => id.startsWith('fast-'))).toHaveLength(10);
    expect(frame.leftOut).toBe(20);
    expect(turn(viewer)).toMatchObject({ rows: [], leftOut: 20 });
  });

  it('is understood by the page: rows by their names, steps as records of a trace', () => {
    const watch = new Watch();
    const trace: TraceRecord[] = [];
    const observer = watch.begin('a');
    observer.request.take(Buffer.from('seven b'));
    observer.response.take(Buffer.from('eight by'));
    const exchange = new Exchange({ id: 'a', observer, trace: (record) => trace.push(record) });
    const viewer = new RowsViewer(watch, messages);
    viewer.follow('a');
    for (const event of [...REFUSED, events.requestHeaders]) exchange.receive(event);
    const frame = turn(viewer);
    const rows = new Rows(machines[0]!);
    rows.take(frame);
    const [row] = rows.ordered('anomalies');
    expect(cellsOf(row!, 0).cells.filter((_, at) => at !== 3)).toEqual([
      'a',
      'rejected',
      'processed.rejected',
      '0',
      `7 #${observer.request.fingerprint}`,
      `8 #${observer.response.fingerprint}`,
      '▲ 1',
    ]);
    const records = frame.messages.flatMap((message) => recordOf(message) ?? []);
    expect(records.map((record) => ({ ...record, at: 0 }))).toEqual(
      trace.map((record) => ({ ...record, at: 0 })),
    );
    exchange.receive(events.requestEnd);
    expect(turn(viewer).messages).toHaveLength(2);
    viewer.follow('b');
    expect(turn(viewer)).toMatchObject({ unknown: 'b', messages: [] });
    expect(turn(viewer).unknown).toBeUndefined();
  });
});

describe('the table of the page', () => {
  it('keeps those in flight, and drops those that ended first', () => {
    const rows = new Rows(machines[0]!);
    const frame = { at: 0, inFlight: 0, begun: 0, leftOut: 0, messages: [] };
    for (let part = 0; part < 30; part++) {
      const told = Array.from({ length: 1_000 }, (_, at) => part * 1_000 + at);
      const rest = [0, 0, 0, 0, 0, '', ''] as const;
      const row = (at: number) => [`x-${at}`, at, 0, 1, at === 5 ? 0 : 2, ...rest] as const;
      rows.take({ ...frame, rows: told.map(row) });
    }
    expect(rows.size).toBe(20_000);
    const [first, second] = rows.ordered('all');
    expect(first?.id).toBe('x-5');
    expect(second?.id).toBe('x-29999');
  });
});

const NEVER = new Int32Array(new SharedArrayBuffer(4));

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('the feed', () => {
  it('asks nobody without a viewer, each viewer a turn, and passes over who does not read', async () => {
    const feed = new Feed(() => {}, { turnEveryMs: 1, unreadBytesMax: 10 });
    let turns = 0;
    const viewer: Viewer = { turn: () => [`turn ${++turns}`] };
    const sent: string[] = [];
    const deaf = { unreadBytes: 11, send: () => expect.fail('told'), letGo: () => {} };
    feed.join(deaf, { turn: () => expect.fail('asked') });
    await new Promise<void>((resolve) => {
      const wire: Wire = {
        unreadBytes: 0,
        send: (text) => {
          if (sent.push(text) === 3) resolve();
        },
        letGo: () => {},
      };
      feed.join(wire, viewer);
    });
    expect(sent).toEqual(['turn 1', 'turn 2', 'turn 3']);
    feed.close();
  });

  // By the share of the time that a turn may take, the second one would come half a minute later.
  const LASTED_MS = 600;
  it.each([
    ['waited for a processor', Infinity, () => Atomics.wait(NEVER, 0, 0, LASTED_MS)],
    ['worked for long', 10, () => work(LASTED_MS)],
  ])('comes again soon after a turn that %s', async (_, turnEveryMsMax, first) => {
    const feed = new Feed(() => {}, { turnEveryMsMax });
    let turns = 0;
    await new Promise<void>((resolve) => {
      const turn = () => {
        if (++turns === 1) first();
        else resolve();
        return [];
      };
      feed.join({ unreadBytes: 0, send: () => {}, letGo: () => {} }, { turn });
    });
    feed.close();
    expect(turns).toBe(2);
  });
});

describe('the body of an exchange that is watched', () => {
  const bodyOf = (...chunks: readonly string[]) => {
    const { request } = new Watch().begin('a');
    for (const chunk of chunks) request.take(Buffer.from(chunk));
    return request;
  };

  it('is told by a fingerprint that is the same however it is cut, and another for another', () => {
    const whole = bodyOf('{"model":"a"}').fingerprint;
    expect(whole).toMatch(/^[0-9a-f]{8}$/);
    expect(bodyOf('{"mod', '', 'el":"a"', '}').fingerprint).toBe(whole);
    expect(bodyOf('{"model":"b"}').fingerprint).not.toBe(whole);
    expect(bodyOf('', '').fingerprint).toBe('');
  });

  it('does not show the check sum of its text, nor what two texts differ by', () => {
    const words = (text: string) => Number.parseInt(bodyOf(text).fingerprint, 16);
    expect(words('a secret')).not.toBe(crc32('a secret'));
    const difference = (words('a secret') ^ words('b secret')) >>> 0;
    expect(difference).not.toBe((crc32('a secret') ^ crc32('b secret')) >>> 0);
  });
});

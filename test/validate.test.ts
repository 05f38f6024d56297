/** Traces of ours against the machine: what it made is accepted, and one change is found in its place. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, events } from '../machines/events.js';
import { orderings } from '../src/check/orderings.js';
import type { Report } from '../src/check/validate/report.js';
import { textOf as shown, textOfEdit } from '../src/check/validate/report.js';
import { Validator, validate } from '../src/check/validate/validate.js';
import { rows } from '../src/legacy.generated.js';
import { Table } from '../src/table.js';
import type { TraceRecord } from '../src/trace.js';
import { decode, encode, eventOf } from '../src/trace.js';
import { chance, changed, interleaved, runsTo, textOf, traceOf, validated, walk } from './logs.js';

const streamed: readonly Event[] = [
  events.requestHeaders,
  events.requestBody,
  events.requestEnd,
  events.requestRouted,
  events.upstreamConnected,
  events.responseHeaders('success'),
  events.responseBody,
  events.responseProgress,
  events.responseBody,
  events.responseTerminal('succeeded'),
  events.responseEnd,
  events.usageRecorded,
];
const good = traceOf(streamed);
const late = traceOf([...streamed, events.responseEnd, events.responseBodyEmpty]);

/** Whether a trace is the machine's own, by running its events again: where it first is not. */
function firstWrong(records: readonly TraceRecord[]): number {
  const own = traceOf(records.map(({ event }) => eventOf(event) as Event));
  const told = ({ seq, event, state, commands }: TraceRecord) =>
    JSON.stringify([seq, event, state, commands]);
  return records.findIndex((record, at) => told(record) !== told(own[at] as TraceRecord));
}

const accepted = (report: Report) => {
  expect(report).toMatchObject({ divergences: [], diverging: 0, faults: 0, unreadable: 0 });
  return report;
};

describe('a trace that the machine made', () => {
  it('is accepted, in every ordering of three events', () => {
    let [text, count] = ['', 0];
    for (const ordering of orderings({ events: EVENTS, length: 3, environment: observed })) {
      text += textOf(traceOf(ordering, `ordering-${count++}`));
    }
    expect(accepted(validated(text))).toMatchObject({ exchanges: count, records: 3 * count });
    expect(count).toBeGreaterThan(1000);
  });

  it('is accepted on every shortest way to where the observed can be, and on from there', () => {
    const pick = chance(1);
    const traces = runsTo(observed).map((run, at) =>
      traceOf(walk(observed, run.length + 20, pick, run), `run-${at}`),
    );
    const mixed = interleaved(traces, pick);
    accepted(validated(textOf(mixed)));
    accepted(validated(textOf(mixed), { environment: observed }));
  });

  it('has its anomalies counted, and refused only where they are to be', () => {
    const anomalies = { lateEnd: 1, lateBody: 1 };
    expect(accepted(validated(textOf(late)))).toMatchObject({ anomalies });
    const [divergence] = validated(textOf(late), { strict: true }).divergences;
    expect(divergence).toMatchObject({ line: 13, index: 12, why: 'anomaly' });
    const unasked = validated(textOf(late), { environment: wellBehaved }).divergences;
    expect(unasked).toMatchObject([{ line: 13, index: 12, why: 'environment' }]);
  });
});

describe('one change', () => {
  const pick = chance(2);
  const runs = runsTo(observed).filter((_, at) => at % 8 === 0);
  const traces = runs.map((run) => traceOf(walk(observed, run.length + 4, pick, run)));
  const renumbered = (records: readonly TraceRecord[]) =>
    records.map((record, seq) => ({ ...record, seq }));

  it('is found at its exact place, and nothing else is', () => {
    let found = 0;
    for (const trace of [good, late, ...traces]) {
      for (const [, , records] of changed(trace)) {
        for (const log of [records, renumbered(records)]) {
          const wrong = firstWrong(log);
          const { divergences, diverging } = validated(textOf(log));
          expect(divergences.map(({ index, line }) => [index, line])).toEqual(
            wrong < 0 ? [] : [[wrong, wrong + 1]],
          );
          found += diverging;
        }
      }
    }
    expect(found).toBeGreaterThan(5000);
  });

  it('is undone by the nearest edit', () => {
    for (const [change, at, log] of changed(good)) {
      const [divergence] = validated(textOf(log)).divergences;
      // Of the last record there is nothing after it that could tell one edit from another.
      if (at >= good.length - 1) continue;
      const edits = divergence?.edits.map(textOfEdit);
      const undone = {
        deletion: `insert ${good[at]?.event} before it`,
        duplication: 'delete it',
        swap: 'swap it with the next record',
      };
      expect(edits, `${change} at ${at}`).toContain(undone[change]);
    }
  });

  it('is found among others that interleave, by line, one report for each exchange', () => {
    const numbered = traces.map((trace, at) => {
      const log = at % 3 === 0 && trace.length > 3 ? trace.toSpliced(2, 1) : trace;
      return log.map((record) => ({ ...record, exchange: `exchange-${at}` }));
    });
    const mixed = interleaved(numbered, pick);
    const bad = numbered.filter((log) => log.some(({ seq }, at) => seq !== at));
    const lines = bad.map((log) => mixed.indexOf(log[2] as TraceRecord) + 1);
    const report = validated(textOf(mixed), { reportsMax: 1000 });
    expect(report.divergences.map(({ line }) => line)).toEqual(lines.sort((a, b) => a - b));
    expect(report.diverging).toBe(bad.length);
    const few = validated(textOf(mixed), { reportsMax: 3 });
    expect(few).toMatchObject({ diverging: bad.length });
    expect(few.divergences).toEqual(report.divergences.slice(0, 3));
  });
});

describe('the trace of the bug', () => {
  const text = readFileSync(new URL('./traces/legacy-late-end.ndjson', import.meta.url), 'utf8');

  it('is not one of the exchange machine, from its first record on', () => {
    const report = validated(text);
    expect(report.divergences).toMatchObject([{ exchange: 'legacy', line: 1, why: 'state' }]);
    expect(shown(report, 'bug.ndjson')).toContain(
      'bug.ndjson:1: exchange "legacy", record 0, request.headers: "state" is awaitingResponse, ' +
        'which is no state of the machine "exchange"\n' +
        '  possible before  active(request.awaitingHeaders ',
    );
  });

  it('is one of the machine of the bug', () => {
    accepted(validated(text, { table: new Table(rows) }));
  });
});

describe('a line', () => {
  it('that differs in one character is judged as if it had been parsed', () => {
    const [before, line] = good.slice(6, 8).map(encode) as [string, string];
    const printable = fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code));
    const edit = fc.tuple(fc.nat(line.length - 2), fc.constantFrom(0, 1), printable);
    const judged = (text: string) => {
      try {
        const wrong = firstWrong([...good.slice(0, 7), decode(text)]);
        return decode(text).exchange === 'x' && wrong < 0 ? [0, 0] : [1, 0];
      } catch {
        return [0, 1];
      }
    };
    const head = textOf(good.slice(0, 6)) + before;
    fc.assert(
      fc.property(edit, ([at, removed, added]) => {
        fc.pre(added !== '\n');
        const changedLine = line.slice(0, at) + added + line.slice(at + removed);
        const { diverging, unreadable } = validated(head + changedLine);
        expect([diverging, unreadable]).toEqual(judged(changedLine.replace(/\n$/, '')));
      }),
      { numRuns: 500 },
    );
  });

  it('in another layout, or with more fields, is the same record', () => {
    const spaced = good.map((record) => {
      const { v, ...rest } = record;
      return JSON.stringify({ ...rest, bytes: 7, v }, null, 1).replaceAll('\n', '');
    });
    accepted(validated(spaced.join('\r\n')));
  });

  it('that cannot be read is told with its place, and the rest is judged all the same', () => {
    const lines = late.map((record) => encode(record).trimEnd());
    lines.splice(5, 0, '{"v":1,"exch', '', '{"v":2}', 'x'.repeat(5000));
    const report = validated(lines.join('\n'), { lineBytesMax: 4096 });
    expect(report).toMatchObject({ records: late.length, unreadable: 3, diverging: 0 });
    expect(report.faulty.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '6: not a record of a trace: not JSON: {"v":1,"exch',
      '8: not a record of a trace: "v", the version, must be 1; found 2',
      '9: the line has more than 4096 bytes',
    ]);
  });

  it('that is torn off at the end is told so; one that only lacks its newline is whole', () => {
    const text = textOf(good);
    accepted(validated(text.trimEnd()));
    const { faulty } = validated(text.slice(0, -20));
    expect(faulty).toMatchObject([{ line: good.length }]);
    expect(faulty[0]?.message).toMatch(/^the log ends in the middle of this line: not a record/);
  });

  it('is the same however its bytes are cut into blocks', () => {
    const records = late.map((record) => ({ ...record, exchange: 'é-\u{1F600}' }));
    const bytes = Buffer.from(`\ufeff${textOf(records.toSpliced(3, 1))}`);
    const whole = validated(bytes.toString());
    expect(whole.divergences).toMatchObject([{ line: 4, exchange: 'é-\u{1F600}' }]);
    for (const size of [1, 2, 7, 100, 1000]) {
      const validator = new Validator();
      for (let at = 0; at < bytes.length; at += size) validator.feed(bytes.subarray(at, at + size));
      expect(validator.end()).toEqual(whole);
    }
  });
});

describe('a log', () => {
  const text = textOf(late.toSpliced(4, 1));

  it('that is packed with gzip, in one piece or several, is read as it is', async () => {
    const plain = validated(text);
    const half = text.length >> 1;
    const pieces = [gzipSync(text.slice(0, half)), gzipSync(text.slice(half))];
    expect(await validate([gzipSync(text)])).toEqual(plain);
    expect(await validate([Buffer.concat(pieces)])).toEqual(plain);
    expect(await validate([...Buffer.concat(pieces)].map((byte) => Buffer.of(byte)))).toEqual(
      plain,
    );
  });

  it('whose packing breaks off is judged up to there, and the place is told', async () => {
    const packed = gzipSync(text.repeat(3));
    const report = await validate([packed.subarray(0, packed.length - 10)]);
    expect(report.faulty.at(-1)).toMatchObject({
      message: expect.stringMatching(/^the log cannot be read on from here: unexpected end/),
    });
    expect(report.records).toBeGreaterThan(0);
  });

  it('that is empty has nothing wrong with it', async () => {
    expect(accepted(await validate([]))).toMatchObject({ lines: 0, records: 0, exchanges: 0 });
  });

  it('of any length is held in memory that its open exchanges bound', () => {
    const validator = new Validator({ overMax: 100 });
    for (let at = 0; at < 5000; at++) {
      validator.feed(Buffer.from(textOf(traceOf(streamed, `exchange-${at}`))));
      expect(validator.held).toBeLessThanOrEqual(100);
    }
    // What comes late for one that is forgotten is legal still, and only its number is not known.
    const forgotten = traceOf([...streamed, events.responseEnd], 'exchange-7').at(-1);
    validator.feed(Buffer.from(textOf([forgotten as TraceRecord])));
    expect(accepted(validator.end())).toMatchObject({ records: 60_001 });
  });

  it('with more open exchanges than may be gives up the first of them, and says how many', () => {
    const validator = new Validator({ openMax: 10 });
    for (let at = 0; at < 1000; at++) {
      validator.feed(Buffer.from(textOf(traceOf(streamed.slice(0, 3), `exchange-${at}`))));
    }
    expect(validator.held).toBe(10);
    // The rest of one that was given up is followed from where its records say that it is.
    validator.feed(Buffer.from(textOf(traceOf(streamed, 'exchange-0').slice(3))));
    expect(accepted(validator.end()).open).toBe(1000);
  });

  it('may use an id again once its exchange is over, and not before', () => {
    expect(accepted(validated(textOf([...late, ...good]))).exchanges).toBe(2);
    const early = validated(textOf([...good.slice(0, -1), ...good]));
    expect(early.divergences).toMatchObject([{ why: 'seq', line: good.length }]);
  });

  it('may begin in the middle only if it is said to', () => {
    const middle = textOf(good.slice(6));
    expect(validated(middle).divergences).toMatchObject([{ line: 1, why: 'seq' }]);
    accepted(validated(middle, { partial: true }));
    const lie = { ...(good[6] as TraceRecord), commands: ['endResponse'] };
    expect(validated(textOf([lie]), { partial: true }).divergences).toMatchObject([
      { line: 1, why: 'commands' },
    ]);
    expect(() => validated(middle, { partial: true, environment: observed })).toThrow('"anyone"');
    accepted(validated(middle, { partial: true, environment: anyone }));
  });
});

/** Trace records: there and back, and what is said of a line that is not one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMANDS, EVENTS } from '../machines/events.js';
import { InterlockError } from '../src/errors.js';
import type { TraceRecord } from '../src/trace.js';
import { decode, encode, eventOf, format, TRACE_VERSION, wordOf } from '../src/trace.js';

const records: fc.Arbitrary<TraceRecord> = fc.record({
  v: fc.constant(TRACE_VERSION),
  exchange: fc.string({ unit: 'binary' }),
  seq: fc.nat(Number.MAX_SAFE_INTEGER),
  at: fc.double({ noNaN: true, noDefaultInfinity: true }).map((at) => at + 0),
  event: fc.constantFrom(...EVENTS.map(wordOf)),
  state: fc.string({ unit: 'binary' }),
  commands: fc.array(fc.constantFrom(...COMMANDS.map(wordOf))),
});

const good: TraceRecord = {
  v: TRACE_VERSION,
  exchange: 'x-1',
  seq: 3,
  at: 12.5,
  event: 'response.body(true)',
  state: 'processed.completed',
  commands: ['countAnomaly(lateBody)'],
};

describe('a record', () => {
  it('comes back from its one line as it was', () => {
    fc.assert(
      fc.property(records, (record) => {
        const line = encode(record);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(decode(line)).toEqual(record);
      }),
    );
  });

  it('loses what is not of its version on the way', () => {
    expect(decode(JSON.stringify({ ...good, bytes: 'secret' }))).toEqual(good);
  });

  it('is shown with its time, its event, where it led and what was ordered', () => {
    expect(format(good)).toBe(
      '      12.5  x-1 response.body(true) -> processed.completed\n' +
        '            countAnomaly(lateBody)',
    );
    expect(format({ ...good, commands: [] })).not.toContain('\n');
  });

  it('has one text per event and command, and the text leads back', () => {
    for (const event of EVENTS) expect(eventOf(wordOf(event))).toBe(event);
    expect(new Set([...EVENTS, ...COMMANDS].map(wordOf)).size).toBe(
      EVENTS.length + COMMANDS.length,
    );
    expect(eventOf('response.body')).toBeUndefined();
    expect(eventOf('toString')).toBeUndefined();
  });
});

/** Per field, values that it must not have. `undefined` leaves the field out. */
const bad: Record<string, unknown[]> = {
  v: [undefined, 0, 2, '1', null],
  exchange: [undefined, 7, null, {}],
  seq: [undefined, -1, 1.5, '3', null, 2 ** 53],
  at: [undefined, '12', null],
  event: [undefined, 'response.body', 'response.footers', 7, null, 'constructor'],
  state: [undefined, 7, null],
  commands: [undefined, 'endResponse', {}, ['shout'], [7], [null], [['endResponse']]],
};

describe('a bad line', () => {
  const complaint = (line: string): string => {
    try {
      decode(line);
    } catch (error) {
      expect(error).toBeInstanceOf(InterlockError);
      expect((error as InterlockError).code).toBe('INTERLOCK_BAD_TRACE');
      return (error as InterlockError).message;
    }
    return expect.fail(`accepted: ${line}`);
  };

  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      it(`with ${field} ${JSON.stringify(value) ?? 'left out'} is refused, and the field named`, () => {
        expect(complaint(JSON.stringify({ ...good, [field]: value }))).toContain(`"${field}"`);
      });
    }
  }

  it('of another version says which one is read', () => {
    expect(complaint(JSON.stringify({ ...good, v: 2 }))).toBe(
      '"v", the version, must be 1; found 2',
    );
  });

  it('that is not a record is refused', () => {
    for (const line of ['', '{', 'null', '7', '"x"', '[]', '{}', '\u0000']) complaint(line);
  });

  it('is quoted in part only, however long it is', () => {
    expect(complaint('x'.repeat(1e6)).length).toBeLessThan(200);
    expect(complaint(JSON.stringify({ ...good, v: 'x'.repeat(1e6) })).length).toBeLessThan(200);
  });

  it('says what was probably meant, and names few of all there are', () => {
    expect(complaint(JSON.stringify({ ...good, event: 'response.ends' }))).toBe(
      '"event" must be an event; found "response.ends"; did you mean response.end? Accepted: ' +
        'request.headers, request.routed, request.refused … (39 in all: EVENTS, or interlock suite --help)',
    );
    expect(complaint(JSON.stringify({ ...good, commands: ['endRespones'] }))).toBe(
      '"commands" must be a list of commands; found "endRespones"; did you mean endResponse? ' +
        `Accepted: holdRequestBody, holdRequestTrailers, forwardRequestHeaders … (${COMMANDS.length} in all: COMMANDS)`,
    );
  });

  it('is quoted also where nothing could print it, such as half a million brackets', () => {
    const deep = `${'['.repeat(5e5)}${']'.repeat(5e5)}`;
    for (const field of Object.keys(good)) {
      const line = JSON.stringify({ ...good, [field]: '?' }).replace('"?"', deep);
      expect(complaint(line).length).toBeLessThan(300);
    }
  });

  it('of any content is a record or an INTERLOCK_BAD_TRACE', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(complaint(line)).not.toBe('');
      }),
    );
  });
});

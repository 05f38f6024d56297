/** Exchange: what it gives for an event, and what it says to a caller that uses it wrongly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, events, OUTCOMES, textOf } from '../machines/events.js';
import { explore } from '../src/check/explore.js';
import { InterlockError } from '../src/errors.js';
import type { ExchangeOptions } from '../src/exchange.js';
import { Exchange } from '../src/exchange.js';
import { table } from '../src/step.js';
import type { TraceRecord } from '../src/trace.js';
import { decode, encode, eventOf } from '../src/trace.js';
import { collect, heldBytes } from './memory.js';

const walks = fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 });

/** The code of the error that `run` throws; anything untyped fails the test. */
function codeOfError(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof InterlockError) return error.code;
    expect.fail(`untyped: ${String(error)}`);
  }
  return 'none';
}

const circular: { type: string; self?: unknown } = { type: 'request.body' };
circular.self = circular;

const wrong: Record<string, unknown> = {
  'an unknown type': { type: 'response.footers' },
  'a type of the prototype': { type: 'constructor' },
  'a wildcard': { type: 'request.*' },
  'no type': {},
  'a type that is no string': { type: 7 },
  'a field that is missing': { type: 'response.body' },
  'a field of another name': { type: 'response.body', blank: false },
  'a field that is not its own': { type: 'request.body', empty: false },
  'an unknown value': { type: 'response.headers', status: 'teapot' },
  'a value that only prints alike': { type: 'response.body', empty: 'false' },
  'a value hostile to printing': { type: 'response.body', empty: Object.create(null) },
  'a payload': { type: 'response.body', empty: false, bytes: new Uint8Array(3) },
  'a payload where no field is': { type: 'request.body', bytes: 'x' },
  'a very large number': { type: 'response.body', empty: 12n },
  'a circular object': circular,
  'an object without a prototype': Object.assign(Object.create(null), { type: 'x' }),
  'a list': [],
  null: null,
  undefined: undefined,
  'a string': 'request.headers',
  'a number': 1,
  'a symbol': Symbol('request.headers'),
  'a function': () => {},
};

describe('a wrong event', () => {
  for (const [what, event] of Object.entries(wrong)) {
    it(`that is ${what} is refused by code, and the exchange is as it was`, () => {
      const trace: TraceRecord[] = [];
      const live = new Exchange({ id: 'wrong', trace: (record) => trace.push(record) });
      live.receive(events.requestHeaders);
      const before = live.state;
      expect(codeOfError(() => live.receive(event as Event))).toBe('INTERLOCK_UNKNOWN_EVENT');
      expect(live.state).toBe(before);
      live.receive(events.requestRouted);
      expect(trace.map(({ seq, event }) => [seq, event])).toEqual([
        [0, 'request.headers'],
        [1, 'request.routed'],
      ]);
    });
  }

  it.each([
    [
      { type: 'response.ends' },
      '"response.ends", which is no event; did you mean {"type":"response.end"}?',
    ],
    [{ type: 'request.body', bytes: 'x' }, 'did you mean {"type":"request.body"}?'],
    [
      { type: 'response.body' },
      'did you mean {"type":"response.body","empty":false} or {"type":"response.body","empty":true}?',
    ],
    ['response.end', 'did you mean {"type":"response.end"}?'],
    [events.responseHeaders, 'receive() was given a function, which is no event; accepted: '],
    [{ type: 'shout' }, '"shout", which is no event; accepted: {"type":"request.headers"}'],
  ])('%j is told what was probably meant', (event, said) => {
    const live = new Exchange({ id: 'meant' });
    expect(() => live.receive(event as Event)).toThrow(said);
  });

  it('is told of in few words, however long it is', () => {
    const long = 'x'.repeat(1e6);
    const eager = {
      type: 'request.body',
      [long]: 1,
      ...Object.fromEntries([...long.slice(0, 9)].entries()),
    };
    for (const event of [long, { type: long }, eager, Symbol(long), { [long]: 1 }]) {
      const receive = () => new Exchange({ id: 'long' }).receive(event as unknown as Event);
      expect(receive).toThrow(InterlockError);
      expect(receive).toThrow(/^.{1,600}$/);
    }
  });

  it('of any shape is refused or is an event, and never anything untyped', () => {
    const shape = fc.oneof(
      fc.anything(),
      fc.record({ type: fc.constantFrom(...EVENTS.map(({ type }) => type)), any: fc.anything() }),
      fc.record({ type: fc.constant('response.body'), empty: fc.anything() }),
    );
    fc.assert(
      fc.property(shape, (event) => {
        const live = new Exchange({ id: 'any' });
        const code = codeOfError(() => live.receive(event as Event));
        expect(['none', 'INTERLOCK_UNKNOWN_EVENT']).toContain(code);
        if (code === 'none') expect(EVENTS).toContainEqual(event);
      }),
    );
  });
});

describe('a wrong option', () => {
  const options: Record<string, unknown> = {
    'no options': undefined,
    'no id': {},
    'an empty id': { id: '' },
    'an id that is a number': { id: 7 },
    'an id that is a symbol': { id: Symbol('id') },
    'a sink that is no function': { id: 'x', trace: 'stdout' },
    'a clock that is no function': { id: 'x', now: 0 },
  };
  for (const [what, option] of Object.entries(options)) {
    it(`, ${what}, is refused by code`, () => {
      const make = () => new Exchange(option as ExchangeOptions);
      expect(codeOfError(make)).toBe('INTERLOCK_BAD_OPTION');
    });
  }
});

describe('an event', () => {
  it('is the same whether it is the member of the alphabet or one that looks like it', () => {
    fc.assert(
      fc.property(walks, (walk) => {
        const one = new Exchange({ id: 'one' });
        const other = new Exchange({ id: 'other' });
        for (const event of walk) expect(other.receive({ ...event })).toBe(one.receive(event));
        expect(other.state).toBe(one.state);
      }),
    );
  });

  it('gives one frozen list of commands, the same object each time', () => {
    const [first, second] = [new Exchange({ id: 'first' }), new Exchange({ id: 'second' })];
    for (const event of EVENTS) {
      const commands = first.receive(event);
      expect(Object.isFrozen(commands)).toBe(true);
      expect(commands.every((command) => Object.isFrozen(command))).toBe(true);
      expect(second.receive(event)).toBe(commands);
    }
  });
});

describe('in every reachable state', () => {
  const { stateAt } = explore(table, anyone);

  it('outcome and processed say what the state says', () => {
    expect(stateAt.length).toBe(table.states.length);
    const seen = new Set<string>();
    for (const [state, events] of shortestWalks()) {
      const live = new Exchange({ id: 'state' });
      for (const event of events) live.receive(event);
      expect(live.state).toBe(state);
      expect(live.processed).toBe(state.startsWith('processed.'));
      const outcome = OUTCOMES.find((name) => state.endsWith(`.${name}`));
      expect(live.outcome).toBe(state.startsWith('active') ? undefined : outcome);
      seen.add(`${live.processed} ${String(live.outcome)}`);
    }
    expect(seen.size).toBe(2 * OUTCOMES.length + 1);
  });
});

/** A shortest walk to each state of the machine. */
function shortestWalks(): Map<string, Event[]> {
  const walks = new Map<number, Event[]>([[0, []]]);
  for (const [state, walk] of walks) {
    for (const [code, event] of EVENTS.entries()) {
      const { state: to } = table.step(state, code);
      if (!walks.has(to)) walks.set(to, [...walk, event]);
    }
  }
  return new Map([...walks].map(([state, walk]) => [table.states[state] as string, walk]));
}

describe('the trace of an exchange', () => {
  it('is a run of the machine, and can be run again from its lines', () => {
    fc.assert(
      fc.property(walks, (walk) => {
        let clock = 0;
        const lines: string[] = [];
        const trace = (record: TraceRecord) => lines.push(encode(record));
        const live = new Exchange({ id: 'live', trace, now: () => clock++ });
        for (const event of walk) live.receive(event);

        const replay = new Exchange({ id: 'replay' });
        for (const [seq, line] of lines.entries()) {
          const record = decode(line);
          const commands = replay.receive(eventOf(record.event) as Event);
          expect(record).toEqual({
            v: 1,
            exchange: 'live',
            seq,
            at: seq,
            event: textOf(walk[seq] as Event),
            state: replay.state,
            commands: commands.map(textOf),
          });
        }
        expect(lines.length).toBe(walk.length);
        expect(replay.state).toBe(live.state);
      }),
    );
  });

  it('has times that never go back, by default', () => {
    const times: number[] = [];
    const live = new Exchange({ id: 'clock', trace: ({ at }) => times.push(at) });
    for (const event of EVENTS) live.receive(event);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});

describe('what an exchange costs', () => {
  it('is less than 1 KiB of memory without a trace', () => {
    const count = 10_000;
    const before = heldBytes();
    const exchanges = Array.from(
      { length: count },
      (_, at) => new Exchange({ id: `exchange-${at}` }),
    );
    for (const exchange of exchanges) exchange.receive(events.requestHeaders);
    expect((heldBytes() - before) / count).toBeLessThan(1024);
    expect(exchanges).toHaveLength(count);
  });

  it('is no memory at all for an event', () => {
    const exchange = new Exchange({ id: 'events' });
    const count = 1_000_000;
    const deliver = () => {
      for (let at = 0; at < count; at++) exchange.receive(events.responseEnd);
    };
    deliver();
    collect();
    const before = process.memoryUsage().heapUsed;
    deliver();
    expect((process.memoryUsage().heapUsed - before) / count).toBeLessThan(1);
  });
});

/** Foreign logs through a mapping: ours as examples, any by an independent search, and wrong ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Environment } from '../machines/environments.js';
import { anyone, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, textOf as wordOf } from '../machines/events.js';
import { stepAt } from '../src/check/explore.js';
import { mappingNames, mappingOf, readMapping } from '../src/check/validate/mapping.js';
import { textOf, textOfEdit } from '../src/check/validate/report.js';
import { Validator } from '../src/check/validate/validate.js';
import { table } from '../src/step.js';
import { chance, changed, validated, walk } from './logs.js';

const log = (name: string) => readFileSync(new URL(`./logs/${name}`, import.meta.url), 'utf8');
const MAP = 'format: ndjson\nid: { field: id }\nevents: [{ event: { field: event } }]\n';
/** A log that names events as they are, of which some are never in it. */
const plain = (unseen: readonly Event[], more = '') =>
  mappingOf(`${MAP}unseen: ${JSON.stringify(unseen.map(wordOf))}\n${more}`, 'plain');
const written = (events: readonly Event[], id = 'x') =>
  events.map((event) => `${JSON.stringify({ id, event: wordOf(event) })}\n`).join('');

describe('the mappings of ours', () => {
  it('each have an example log that is valid', () => {
    expect(mappingNames()).toEqual(['envoy-access-log', 'go-gateway', 'otel-spans']);
    const counts = {
      'envoy-access-log': ['envoy-access.ndjson', 7, 37],
      'go-gateway': ['go-gateway.txt', 3, 19],
      'otel-spans': ['otel-spans.ndjson', 3, 13],
    } as const;
    for (const [name, [file, exchanges, records]] of Object.entries(counts)) {
      const report = validated(log(file), { mapping: readMapping(name) });
      expect(report, name).toMatchObject({ exchanges, records, diverging: 0, unreadable: 0 });
      expect(report.open, name).toBe(0);
    }
  });

  it('find the story of the bug in a log: an anomaly, or if asked a divergence', () => {
    const mapping = readMapping('go-gateway');
    expect(validated(log('go-gateway.txt'), { mapping }).anomalies).toEqual({ lateEnd: 1 });
    const [late] = validated(log('go-gateway.txt'), { mapping, strict: true }).divergences;
    expect(late).toMatchObject({ exchange: '8f3a', line: 14, event: 'response.end' });
    expect(late?.why).toBe('anomaly');
  });

  it('find a line that was lost, and say which', () => {
    const mapping = readMapping('go-gateway');
    const report = validated(log('go-gateway-lost-line.txt'), { mapping });
    expect(report.divergences).toMatchObject([{ exchange: '8f3a', line: 6, index: 3 }]);
    expect(report.divergences[0]?.before).toHaveLength(2);
    expect(report.divergences[0]?.legal).toContain('response.headers(success)');
    expect(textOf(report, 'go.txt')).toContain(
      'nearest edit     insert response.headers(success) before it',
    );
  });

  it('find an access log that claims a response of an upstream that was never chosen', () => {
    const mapping = readMapping('envoy-access-log');
    const { divergences } = validated(log('envoy-access-unrouted.ndjson'), { mapping });
    expect(divergences).toMatchObject([
      { exchange: '5b1e0c5c-8', line: 3, event: 'response.headers(success)' },
    ]);
    expect(divergences[0]?.edits.map(textOfEdit)).toEqual(['insert request.routed before it']);
  });
});

/** The same by brute force: every pair of state and memory, found anew for every record. */
function firstWrong(seen: readonly Event[], unseen: readonly Event[], environment: Environment) {
  type Place = readonly [number, number];
  const after = ([state, memory]: Place, event: Event): Place[] => {
    const code = EVENTS.indexOf(event);
    const { state: to, answer } = table.step(state, code);
    if (!environment.allows(memory, event) || answer === 'violation') return [];
    return [[to, environment.next(memory, stepAt(table, state, code))]];
  };
  let places = new Map<string, Place>([['start', [0, environment.initial]]]);
  for (const [at, event] of seen.entries()) {
    for (const place of places.values()) {
      // A map takes in what is added while it is walked.
      for (const quiet of unseen) {
        for (const then of after(place, quiet)) places.set(then.join(), then);
      }
    }
    const next = [...places.values()].flatMap((place) => after(place, event));
    if (next.length === 0) return at;
    places = new Map(next.map((place) => [place.join(), place]));
  }
  return -1;
}

describe('a log of which some events are never shown', () => {
  const pick = chance(3);
  const HIDDEN = [[], [4, 5, 6], [0, 1, 6, 12, 13, 14], EVENTS.keys()].map((codes) =>
    [...codes].filter((code) => Array.isArray(codes) || code % 3 === 1),
  );

  for (const environment of [wellBehaved, observed]) {
    it(`is judged as by brute force: ${environment.name}`, () => {
      let wrong = 0;
      for (const hidden of HIDDEN) {
        const unseen = hidden.map((code) => EVENTS[code] as Event);
        const mapping = plain(unseen);
        for (let round = 0; round < 3; round++) {
          const run = walk(environment, 9, pick).filter((event) => !unseen.includes(event));
          expect(validated(written(run), { mapping, environment }).diverging).toBe(0);
          for (const [, , events] of [...changed(run)].filter((_, at) => at % 3 === round % 3)) {
            const at = firstWrong(events, unseen, environment);
            const { divergences } = validated(written(events), { mapping, environment });
            expect(divergences.map(({ index, line }) => [index, line])).toEqual(
              at < 0 ? [] : [[at, at + 1]],
            );
            if (at >= 0) wrong++;
          }
        }
      }
      expect(wrong).toBeGreaterThan(5);
    });
  }

  it('has what is a violation of the protocol found even where anyone may speak', () => {
    const { divergences } = validated(written([EVENTS[3] as Event]), {
      mapping: plain([]),
      environment: anyone,
    });
    expect(divergences).toMatchObject([{ why: 'violation', index: 0 }]);
  });
});

describe('the memory of a foreign log', () => {
  const end = '{"id":"7","event":"response.end"}\n';
  const begin = (id: number) => written([EVENTS[0] as Event], `${id}`);

  it('is given back when the mapping says that an exchange is over, or idle', () => {
    const whole = new Validator({ mapping: plain([], 'whole: true\n') });
    const timed = mappingOf(`${MAP}time: { field: t, as: s }\nidleMs: 1000\n`, 'timed');
    const idle = new Validator({ mapping: timed });
    for (let id = 0; id < 70_000; id++) {
      whole.feed(Buffer.from(begin(id)));
      idle.feed(Buffer.from(`{"id":${id},"event":"request.headers","t":${id}}\n`));
    }
    expect(whole.held).toBe(0);
    expect(idle.held).toBeLessThan(5000);
    expect(whole.end()).toMatchObject({ exchanges: 70_000, open: 0, diverging: 0 });
    expect(idle.end()).toMatchObject({ exchanges: 70_000, open: 70_000, diverging: 0 });
  });

  it('has a bound, and a late record of one that was given up is no divergence', () => {
    const late = (openMax: number) => {
      const validator = new Validator({ mapping: plain(EVENTS.slice(1, 10)), openMax });
      for (let id = 0; id < 100; id++) validator.feed(Buffer.from(begin(id)));
      validator.feed(Buffer.from(end));
      return validator.end().diverging;
    };
    expect([late(10), late(1000)]).toEqual([0, 0]);
  });
});

describe('a wrong mapping', () => {
  const complaint = (text: string) => {
    try {
      mappingOf(text, 'map.yaml');
    } catch (error) {
      return (error as Error).message;
    }
    return expect.fail('accepted');
  };

  it('is refused with the place and what is accepted', () => {
    const bad: Record<string, string> = {
      [MAP.replace('{ field: event }', 'response.body')]:
        'map.yaml: events[0].event: found "response.body"; did you mean response.body(false) or ',
      [MAP.replace('{ field: event }', '7')]:
        'events[0].event: found 7; accepted: an event, a list of events, or { field, names }',
      [MAP.replace('{ field: event }', '[request.headers, request.ends]')]:
        'events[0].event[1]: found "request.ends"; did you mean request.end? Accepted: request.h',
      [MAP.replace('{ field: event }', '{ feild: event }')]:
        'events[0].event.feild: no such key; did you mean field? Accepted: field, names',
      [MAP.replace('field: event', 'field: event, names: { done: response.ended }')]:
        'events[0].event.names.done: found "response.ended"; did you mean response.end? ',
      [MAP.replace('event:', 'evnt:')]: 'events[0].evnt: no such key; did you mean event? ',
      [`${MAP}unseen: [request.footers]`]:
        'map.yaml: unseen[0]: found "request.footers"; accepted: ',
      [MAP.replace('ndjson', 'xml')]: 'map.yaml: format: found "xml"; accepted: ndjson, text',
      [`${MAP}pattern: '('`]:
        'map.yaml: pattern: found "("; accepted: a regular expression; Invalid',
      [`${MAP}colour: red`]: 'map.yaml: colour: no such key; accepted: format, pattern, ',
      [`${MAP}ignore: [{ a: { regx: b } }]`]: 'ignore[0].a.regx: no such key; did you mean regex? ',
      [`${MAP}ignore: [{ a: { regex: 7 } }]`]: 'ignore[0].a.regex: found 7; accepted: a text',
      [`${MAP}ignore: [{ a: null }]`]: 'ignore[0].a: found null; accepted: a value, a list of val',
      [`${MAP}idleMs: 0`]: 'idleMs: found 0; accepted: a whole number from 1',
      [`${MAP}idleMs: .nan`]: 'idleMs: found NaN; accepted: a whole number from 1',
      [MAP.replace('{ field: id }', 'lines')]:
        'id: found "lines"; accepted: line, or the keys field',
      [MAP.replace('{ field: id }', '{}')]: 'id: found {}; accepted: { field }, { regex } or both',
      'format: ndjson': 'map.yaml: id: found nothing; accepted: line, or the keys field, regex',
      'format: [': 'map.yaml: ',
      '': 'map.yaml: the file: found null; accepted: the keys format, pattern, records, id, ',
      'a: &a [*a, *a]\nb: [*a]': 'map.yaml: ',
    };
    for (const [text, message] of Object.entries(bad)) {
      expect(complaint(text)).toContain(message);
      expect(complaint(text)).not.toMatch(/Invalid input|expected|Unrecognized|undefined/);
    }
    expect(() => readMapping('no-such-file')).toThrow(
      /--map: ENOENT.*; accepted: envoy-access-log, go-gateway, otel-spans, or a file$/,
    );
    expect(() => readMapping('go-gatewy')).toThrow(/; did you mean go-gateway\? Accepted: envoy-a/);
  });

  it('that names what its pattern does not have is refused before a log is read', () => {
    const TEXT =
      "format: text\npattern: '^(?<req>\\S+) (?<phase>\\w+)'\nid: { field: req }\nevents:\n" +
      '  - { when: { phase: begin }, event: request.headers }\n';
    expect(mappingOf(TEXT, 'map.yaml').name).toBe('map.yaml');
    const bad: Record<string, string> = {
      [TEXT.replace('field: req', 'field: reqq')]:
        'map.yaml: id.field: found "reqq"; did you mean req? Accepted: req, phase, $line, $record',
      [TEXT.replace('phase: begin', 'phse: begin')]: 'events[0].when.phse: found "phse"; did you',
      [TEXT.replace('request.headers', '{ field: phrase }')]:
        'events[0].event.field: found "phrase"',
      [`${TEXT}ignore: [{ level: DEBUG }]`]: 'ignore[0].level: found "level"; accepted: req, phase',
      [`${TEXT}time: { field: at, as: iso }`]: 'time.field: found "at"; accepted: req, phase, ',
      [`${MAP}pattern: x`]: 'pattern: found "x"; accepted: a pattern where the format is text',
      [`${MAP}records: [{ path: a, as: span }]\nignore: [{ $record: spam }]`]:
        'ignore[0].$record: found "spam"; did you mean span? Accepted: span',
    };
    for (const [text, message] of Object.entries(bad)) expect(complaint(text)).toContain(message);
    // Whatever the line is, it may be asked for; a pattern may have no names at all.
    mappingOf(TEXT.replace('phase: begin', '$line: { regex: b }'), 'map.yaml');
    mappingOf('format: text\nid: { regex: x }\nevents: [{ event: request.headers }]', 'map.yaml');
  });

  it('for another log says what it asks for and how the log begins', () => {
    const mapping = readMapping('otel-spans');
    const { faulty, records } = validated('{"hello":"world"}\n', { mapping });
    expect(records).toBe(0);
    expect(faulty).toMatchObject([{ line: 1 }]);
    expect(faulty[0]?.message).toMatch(/otel-spans finds no event .* spanId, .*hello/);
  });

  it('for some lines names them: no JSON, no id, no rule', () => {
    const lines = ['{"id":1,"event":"request.headers"}', 'torn', '{"event":"request.end"}'];
    const { faulty, records } = validated([...lines, '{"id":1,"event":"?"}', ''].join('\n'), {
      mapping: plain([]),
    });
    expect(records).toBe(1);
    expect(faulty.map(({ line, message }) => `${line} ${message}`)).toEqual([
      '2 not JSON: "torn"',
      '3 no id of an exchange, which is the field id',
      expect.stringMatching(/^4 no rule of the mapping fits: /),
    ]);
  });
});

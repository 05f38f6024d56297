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
        'map.yaml: events.0.event: "response.body"',
      [`${MAP}unseen: [request.footers]`]: 'map.yaml: unseen.0: "request.footers" is no event',
      [MAP.replace('ndjson', 'xml')]: 'map.yaml: format: ',
      [`${MAP}pattern: '('`]: 'map.yaml: pattern: Invalid regular expression',
      [`${MAP}colour: red`]: 'colour',
      [`${MAP}ignore: [{ a: { like: b } }]`]: 'map.yaml: ignore.0.a: ',
      'format: [': 'map.yaml: ',
      '': 'map.yaml: the mapping: ',
    };
    for (const [text, message] of Object.entries(bad)) expect(complaint(text)).toContain(message);
    expect(() => readMapping('no-such-file')).toThrow(/accepted: a file, or envoy-access-log, go-/);
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

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEPTH_MAX, JsonScanner } from '../src/accounting/json.js';
import { COUNT, FLAG, TEXT } from '../src/accounting/vocabulary.js';

const scanner = new JsonScanner();
const scan = (text: string) => scanner.scan(Buffer.from(text));

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the scanner', () => {
  it('takes what JSON.parse takes and refuses what it refuses', () => {
    // biome-ignore format: a table
    const texts = [
      '', ' ', 'null', 'nul', 'nulll', 'true', 'fals', '-', '-0', '0', '01', '1.', '.5', '1.5e+',
      '1E-2', '+1', '"', '"a', '"\\', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\u12F4"', '"\t"', '[',
      ']', '[]', '[,]', '[1,]', '[1 2]', '{', '{}', '{,}', '{"a"}', '{"a":}', '{"a":1,}',
      '{a:1}', '{} {}', '[1]]', '{"a":1}x', '\u00a01', '"\u007f"', '"\u2028"', 'NaN', 'Infinity',
      "'a'", '{"a":1 "b":2}',
    ];
    for (const text of texts)
      expect([text, scan(text)]).toEqual([text, parses(text) ? 'ok' : 'invalid_json']);
  });

  it('agrees with JSON.parse on any JSON and on any JSON that was damaged', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 5 }),
        fc.nat(),
        fc.string({ maxLength: 2 }),
        (text, at, junk) => {
          const place = at % (text.length + 1);
          expect(scan(text)).toBe('ok');
          for (const damaged of [
            text.slice(0, place) + junk + text.slice(place),
            text.slice(0, place) + junk + text.slice(place + 1),
            text.slice(0, place),
          ]) {
            expect(scan(damaged)).toBe(parses(damaged) ? 'ok' : 'invalid_json');
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('looks at nothing outside its range', () => {
    const bytes = Buffer.from('[12345]');
    expect(scanner.scan(bytes, 1, 4)).toBe('ok');
    expect(scanner.scan(bytes, 0, 4)).toBe('invalid_json');
    const literal = Buffer.from('true');
    expect(scanner.scan(literal, 0, 3)).toBe('invalid_json');
    expect(scanner.scan(Buffer.from('"a"'), 0, 2)).toBe('invalid_json');
    expect(scanner.scan(Buffer.from('1e5'), 0, 2)).toBe('invalid_json');
  });

  it('SEC-15 follows 64 brackets, not 65, and stops at once at a million', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(scan(nested(DEPTH_MAX))).toBe('ok');
    expect(scan(nested(DEPTH_MAX + 1))).toBe('too_deep');
    expect(scan(`[${'{},[],'.repeat(DEPTH_MAX)}0]`)).toBe('ok');
    expect(scan(nested(1e6))).toBe('too_deep');
    expect(scan('{"a":'.repeat(1e6))).toBe('too_deep');
    expect(scan(`{"usage":${nested(DEPTH_MAX)}}`)).toBe('too_deep');
  });

  it('reads keys that are written with escapes', () => {
    expect(scan('{"us\\u0061ge":{"prompt\\u005ftokens":7},"m\\u006fdel":"\\u00e9\\n"}')).toBe('ok');
    expect(scanner.facts.counts[COUNT.promptTokens]).toBe(7);
    expect(scanner.facts.text(TEXT.model)).toBe('é\n');
  });

  it('does not take a word in a text or in a deeper object for a key', () => {
    expect(
      scan('{"a":"\\"usage\\":{\\"total_tokens\\":1}","b":{"usage":{"total_tokens":"x"}}}'),
    ).toBe('ok');
    expect(scanner.facts).toMatchObject({ places: 0, invalidUsage: false });
  });

  it('knows an error by its value', () => {
    const isError = (value: string) => scan(`{"error":${value}}`) === 'ok' && scanner.facts.error;
    for (const value of ['{}', '{"a":1}', '"x"', '[]'])
      expect([value, isError(value)]).toEqual([value, true]);
    for (const value of ['null', 'false', '""', '0'])
      expect([value, isError(value)]).toEqual([value, false]);
  });

  it('forgets one text before the next', () => {
    scan('{"type":"a","error":"x","done":true,"usage":{"total_tokens":1},"choices":[{}]}');
    expect(scanner.facts).toMatchObject({ error: true, places: 1, choices: 1 });
    expect(scan('{}')).toBe('ok');
    expect(scanner.facts).toMatchObject({ error: false, places: 0, choices: 0 });
    expect(scanner.facts.text(TEXT.type)).toBeUndefined();
    expect(scanner.facts.flags[FLAG.done]).toBe(0);
    expect(scanner.facts.counts.every((count) => Number.isNaN(count))).toBe(true);
  });
});

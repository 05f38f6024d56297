/** Names that are not known: what was probably meant comes first, at a price with a bound. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS, textOf } from '../machines/events.js';
import { acceptedFor, nearest } from '../src/spelling.js';

const known = EVENTS.map(textOf);

describe('a name with a slip', () => {
  it.each([
    ['response.ends', ['response.end']],
    ['respones.end', ['response.end']],
    ['Response.End', ['response.end']],
    ['reponse.headers(sucess)', ['response.headers(success)']],
    ['response.body', ['response.body(false)', 'response.body(true)']],
    ['response.bdy', ['response.body(false)', 'response.body(true)']],
    ['usage.record', ['usage.recorded']],
    ['deadline.expired(idel)', ['deadline.expired(idle)']],
  ])('%s: %j is near', (found, near) => {
    expect(nearest(found, known)).toEqual(near);
  });

  it.each(['', 'x', 'foo', 'constructor', '__proto__', 'a.b(c)', 'response.headers.and.more'])(
    'such as %j may have nothing near it',
    (found) => {
      expect(nearest(found, known)).toEqual([]);
    },
  );

  it('of one character leads back, whatever the slip', () => {
    const name = fc.constantFrom(...known);
    const place = fc.nat();
    fc.assert(
      fc.property(
        name,
        place,
        fc.constantFrom('drop', 'double', 'swap', 'other'),
        (text, n, how) => {
          const at = n % (text.length - 1);
          const [one = '', two = ''] = text.slice(at, at + 2);
          const slip = { drop: two, double: one + one + two, swap: two + one, other: `#${two}` }[
            how
          ];
          const found = text.slice(0, at) + slip + text.slice(at + 2);
          expect(nearest(found, known)).toContain(text);
        },
      ),
    );
  });

  it('is as far from a name as the plain definition of the distance says', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 8, maxLength: 14 });
    fc.assert(
      fc.property(text, text, (found, name) => {
        const most = Math.floor(found.length / 4);
        const begins = Array.from({ length: name.length + 1 }, (_, end) => name.slice(0, end));
        const least = Math.min(...begins.map((begin) => plainDistance(found, begin)));
        expect(nearest(found, [name])).toEqual(least <= most ? [name] : []);
      }),
    );
  });
});

/** Edits, a swap of neighbours being one, by the definition and without any bound. */
function plainDistance(one: string, other: string): number {
  const known = new Map<string, number>();
  const from = (a: number, b: number): number => {
    if (a === 0 || b === 0) return a + b;
    const key = `${a} ${b}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const same = one[a - 1] === other[b - 1] ? 0 : 1;
    let least = Math.min(from(a - 1, b) + 1, from(a, b - 1) + 1, from(a - 1, b - 1) + same);
    if (a > 1 && b > 1 && one[a - 1] === other[b - 2] && one[a - 2] === other[b - 1]) {
      least = Math.min(least, from(a - 2, b - 2) + 1);
    }
    known.set(key, least);
    return least;
  };
  return from(one.length, other.length);
}

describe('what is said of it', () => {
  it('is what was probably meant, and then what is accepted', () => {
    expect(acceptedFor('objserved', ['anyone', 'observed'])).toBe(
      'did you mean observed? Accepted: anyone, observed',
    );
    expect(acceptedFor('x', ['anyone', 'observed'])).toBe('accepted: anyone, observed');
    expect(acceptedFor('x', [])).toBe('accepted: none');
  });

  it('names some of a long list, how long it is, and where all of it stands', () => {
    expect(acceptedFor('x', known, 'interlock suite --help')).toBe(
      'accepted: request.headers, request.routed, request.refused … (39 in all: interlock suite --help)',
    );
    expect(acceptedFor('response.headers', known)).toBe(
      'did you mean response.headers(success), response.headers(refusal) or ' +
        'response.headers(failure)? Accepted: request.headers, request.routed, request.refused … (39 in all)',
    );
    expect(acceptedFor('deadline.expired', known)).toMatch(
      /^did you mean deadline\.expired\(connect\), .*\(responseHeaders\), .*\(requestBody\) …\? /,
    );
  });

  it('is as short for a name of any length and any characters', () => {
    const worst = ['response.', 'r', '\u0000', '\ud800', 'İ'].map((piece) => piece.repeat(1e6));
    for (const found of worst) expect(acceptedFor(found, known).length).toBeLessThan(120);
    fc.assert(
      fc.property(fc.string(), (found) => {
        expect(acceptedFor(found, known).length).toBeLessThan(300);
      }),
    );
  });
});

/** Orderings: all of them, none twice, duplicates and late events included. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { EVENTS, events, textOf } from '../machines/events.js';
import {
  countOrderings,
  countOrderingsOfBag,
  orderings,
  orderingsOfBag,
} from '../src/check/orderings.js';
import { InterlockError } from '../src/errors.js';
import { Exchange } from '../src/exchange.js';

const body = [
  events.requestHeaders,
  events.requestRouted,
  events.requestEnd,
  events.responseHeaders('success'),
  events.responseBody,
  events.responseBodyEmpty,
  events.responseEnd,
];
const words = (ordering: readonly Event[]) => ordering.map(textOf).join(' ');

describe('orderings', () => {
  it('are every sequence of that length, each once', () => {
    const found = [...orderings({ events: body, length: 4 })].map(words);
    expect(found.length).toBe(body.length ** 4);
    expect(new Set(found).size).toBe(found.length);
  });

  it('are counted as they are generated, in every environment', () => {
    for (const environment of [anyone, wellBehaved, observed]) {
      for (const length of [0, 1, 3, 5]) {
        const options = { events: body, length, environment };
        expect(countOrderings(options)).toBe([...orderings(options)].length);
      }
    }
  });

  it('of the well behaved stop where nothing of the alphabet may come', () => {
    const short = [...orderings({ events: body.slice(0, 3), length: 9, environment: wellBehaved })];
    expect(short.map(words)).toEqual([
      'request.headers request.routed request.end',
      'request.headers request.end request.routed',
    ]);
  });

  it('hold late and duplicate ends, which shortest paths never do', () => {
    const story = [0, 1, 2, 3, 4, 6, 6].map((place) => body[place] as Event);
    const found = orderings({ events: body, length: 7, environment: observed });
    expect([...found].map(words)).toContain(words(story));
  });

  it('are lazy: the first of more than can ever be made comes at once', () => {
    const options = { events: EVENTS, length: 200 };
    expect(orderings(options).next().value).toHaveLength(200);
    expect(countOrderings(options)).toBeGreaterThan(1e300);
  });

  it('refuse what is no event', () => {
    const wrong = { events: [{ type: 'response.body' } as Event], length: 1 };
    expect(() => [...orderings(wrong)]).toThrow(InterlockError);
    expect(() => countOrderings(wrong)).toThrow(InterlockError);
  });

  it('of the field never end in a violation', () => {
    for (const ordering of orderings({ events: body, length: 6, environment: observed })) {
      const live = new Exchange({ id: 'ordering' });
      for (const event of ordering) live.receive(event);
      if (live.outcome === 'violated') expect.fail(words(ordering));
    }
  });
});

describe('orderings of a bag', () => {
  it('are distinct, complete, and counted', () => {
    const bag = fc.array(fc.constantFrom(...body.slice(3)), { maxLength: 6 });
    fc.assert(
      fc.property(bag, (events) => {
        const found = [...orderingsOfBag(events)].map(words);
        expect(new Set(found).size).toBe(found.length);
        expect(found.length).toBe(countOrderingsOfBag(events));
        for (const ordering of orderingsOfBag(events)) {
          expect([...ordering].map(textOf).sort()).toEqual(events.map(textOf).sort());
        }
      }),
    );
  });

  it('of two ends and a body are three', () => {
    const { responseBody: b, responseEnd: e } = events;
    expect([...orderingsOfBag([e, b, e])]).toEqual([
      [e, e, b],
      [e, b, e],
      [b, e, e],
    ]);
  });
});

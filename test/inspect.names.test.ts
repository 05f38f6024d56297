/** The names of states, as tables and people use them, and the values that XState has for them. */
import { describe, expect, it } from 'vitest';
import { exchange as machine } from '../machines/exchange.js';
import { nameOf, stateValueOf } from '../src/names.js';
import { table } from '../src/step.js';

describe('the name of a state', () => {
  it('is the name of one value, which XState takes as a state of the machine', () => {
    for (const name of table.states) {
      const value = stateValueOf(name);
      expect(nameOf(value)).toBe(name);
      expect(machine.resolveState({ value: value as never }).value).toEqual(value);
    }
  });

  it.each([
    ['a', 'a'],
    ['a.b.c', { a: { b: 'c' } }],
    ['a(b.c d(e.f g.h))', { a: { b: 'c', d: { e: 'f', g: 'h' } } }],
    ['(a.b c.d)', { a: 'b', c: 'd' }],
    ['a(b() c())', { a: { b: {}, c: {} } }],
  ])('%s stands for a value, both ways', (name, value) => {
    expect(stateValueOf(name)).toEqual(value);
    expect(nameOf(value)).toBe(name);
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a(',
    'a(b.c',
    'a)',
    'a b',
    'a(b.c d.e) f',
    'a(b.c  d.e)',
    '(a.b)',
    'a..',
    'a..b',
    '()a',
  ])('%j is none', (name) => expect(() => stateValueOf(name)).toThrow(RangeError));
});

/** What the compiler refuses, and that it says where: a proof is only of what a table can hold. */
import { describe, expect, it } from 'vitest';
import { and, assign, fromPromise, setup } from 'xstate';
import type { Event } from '../machines/events.js';
import { EVENTS } from '../machines/events.js';
import { absorb, vocabulary } from '../machines/vocabulary.js';
import { compile } from '../src/compile.js';

/** Answers everything, so that only what a test adds can be at fault. */
const on = Object.fromEntries(EVENTS.map(({ type }) => [type, absorb('ignored')]));
const inert = (_: unknown, _params: Record<string, string> | undefined) => {};
const loose = setup({
  types: { events: {} as Event, context: {} as Record<string, number> },
  actions: { absorb: inert, endRequest: inert },
  guards: { never: () => false },
});

describe('a guard without a name', () => {
  it('is refused by the state and the event that it stands on, reached or not', () => {
    const inline = vocabulary.createMachine({
      id: 'inline',
      on,
      initial: 'here',
      states: {
        here: {},
        there: {
          initial: 'inner',
          states: { inner: { on: { 'request.end': { guard: () => true, target: '#inline' } } } },
        },
      },
    });
    expect(() => compile(inline)).toThrow(
      /"inline": state "there\.inner" has a guard without a name on "request\.end"/,
    );
  });

  it('is refused where it is made of names on the spot, and on a transition without an event', () => {
    const combined = loose.createMachine({
      id: 'combined',
      context: {},
      on: { ...on, 'request.body': { guard: and(['never', 'never']) } },
    });
    expect(() => compile(combined)).toThrow(/"combined": its root has a guard .* "request\.body"/);
    const eventless = loose.createMachine({
      id: 'eventless',
      context: {},
      on,
      initial: 'a',
      states: { a: { always: { guard: () => false, target: 'b' } }, b: {} },
    });
    expect(() => compile(eventless)).toThrow(/"eventless": state "a" has a guard .* "always"/);
  });

  it('is fine once it has one', () => {
    const fine = loose.createMachine({
      id: 'fine',
      context: {},
      on: { ...on, 'request.body': [{ guard: 'never' }, absorb('ignored')] },
    });
    expect(compile(fine).states).toHaveLength(1);
  });
});

describe('a clock of its own', () => {
  it('is refused by its state and its delay, also in the state that is the start', () => {
    const clocked = vocabulary.createMachine({
      id: 'clocked',
      on,
      initial: 'waiting',
      states: { waiting: { after: { 1000: 'over' } }, over: {} },
    });
    expect(() => compile(clocked)).toThrow(/"clocked": state "waiting" has an after \("1000"\)/);
  });
});

describe('an actor of its own', () => {
  it('is refused by its state and its id', () => {
    const calling = setup({ actors: { call: fromPromise(async () => {}) } }).createMachine({
      id: 'calling',
      initial: 'idle',
      states: { idle: {}, busy: { invoke: { id: 'theCall', src: 'call' } } },
    });
    expect(() => compile(calling)).toThrow(/"calling": state "busy" has an invoke \("theCall"\)/);
  });
});

describe('a context', () => {
  it('is refused by its keys', () => {
    const full = loose.createMachine({ id: 'full', on, context: { count: 0 } });
    expect(() => compile(full)).toThrow(
      /"full": a context cannot be compiled.*"count" from the start/,
    );
  });

  it('is refused where it grows on the way, although no new state shows it', () => {
    const growing = loose.createMachine({
      id: 'growing',
      context: {},
      on: {
        ...on,
        'response.body': {
          actions: [assign({ bodies: ({ context }) => (context.bodies ?? 0) + 1 }), 'endRequest'],
        },
      },
    });
    expect(() => compile(growing)).toThrow(
      /"growing": a context .*"bodies" after "response\.body\(false\)" in state/,
    );
  });
});

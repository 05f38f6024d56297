/** The exchange machine, its compiled table, and XState say the same of every pair there is. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AnyMachineSnapshot } from 'xstate';
import { initialTransition, setup } from 'xstate';
import type { Command } from '../machines/events.js';
import { ANOMALIES, COMMANDS, EVENTS, OUTCOMES, REASONS, textOf } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { legacy } from '../machines/legacy.js';
import { absorb, vocabulary } from '../machines/vocabulary.js';
import { compile, xstateStep } from '../src/compile.js';
import { tables } from '../src/generate.js';
import { nameOf } from '../src/names.js';
import { start, step, table } from '../src/step.js';
import type { Step } from '../src/table.js';
import { Table } from '../src/table.js';

/** Every answer of the table, by state and event. */
const cells: readonly { state: number; code: number; step: Step }[] = table.states.flatMap(
  (_, state) => EVENTS.map((_, code) => ({ state, code, step: table.step(state, code) })),
);
const ordered = new Set(cells.flatMap(({ step }) => step.commands.map(textOf)));

describe('the table', () => {
  it('is XState, on every reachable state and every event', () => {
    const [initial] = initialTransition(exchange);
    const snapshots = new Map<string, AnyMachineSnapshot>([[nameOf(initial.value), initial]]);
    let pairs = 0;
    // A map takes new entries while it is iterated, so this visits every reachable state.
    for (const [name, snapshot] of snapshots) {
      const state = table.states.indexOf(name);
      for (const [code, event] of EVENTS.entries()) {
        const wanted = xstateStep(exchange, snapshot, event);
        const found = table.step(state, code);
        const words = (commands: readonly Command[]) => commands.map(textOf).join(' ');
        if (
          table.states[found.state] !== wanted.state ||
          words(found.commands) !== words(wanted.commands) ||
          (found.answer === 'absorbed' && found.reason !== wanted.reason)
        ) {
          expect.fail(`${name} x ${textOf(event)}: table and XState differ`);
        }
        if (!snapshots.has(wanted.state)) snapshots.set(wanted.state, wanted.snapshot);
        pairs++;
      }
    }
    expect([...snapshots.keys()].sort()).toEqual([...table.states].sort());
    expect(pairs).toBe(cells.length);
  });

  it('on disk is what each machine compiles to (`npm run generate` rewrites it)', () => {
    for (const { file, text } of tables) {
      expect(readFileSync(file, 'utf8') === text, file.pathname).toBe(true);
    }
  });

  it('has the size it had', () => {
    expect(table.states.length).toBe(151);
    expect(EVENTS.length).toBe(39);
    expect(cells.length).toBe(151 * 39);
    expect(new Set(cells.map(({ step }) => step)).size).toBe(1843);
    expect(new Set(table.states).size).toBe(table.states.length);
  });

  it('starts where nothing was seen, and steps by event as by code', () => {
    expect(table.states[start()]).toBe(nameOf(initialTransition(exchange)[0].value));
    for (const { state, code, step: wanted } of cells) {
      expect(step(state, EVENTS[code] as (typeof EVENTS)[number])).toBe(wanted);
    }
    expect(() => step(0, { type: 'no.such' } as never)).toThrow(RangeError);
  });
});

describe('every pair of state and event', () => {
  it('has one of three answers, and an absorbed one changes nothing and says why', () => {
    const tally = { taken: 0, absorbed: 0, violation: 0 };
    for (const { state, step } of cells) {
      tally[step.answer]++;
      expect(step.answer === 'absorbed').toBe(step.reason !== undefined);
      if (step.answer !== 'absorbed') continue;
      expect(step.state).toBe(state);
      expect(Object.keys({ ...REASONS, ...ANOMALIES })).toContain(step.reason);
    }
    expect(tally).toEqual({ taken: 2222, absorbed: 3549, violation: 118 });
  });

  it('uses every reason but the one that is the gateway of the bug', () => {
    const used = new Set(cells.map(({ step }) => step.reason));
    const unused = Object.keys(REASONS).filter((reason) => !used.has(reason));
    expect(unused).toEqual(['ignored']);
  });

  it('counts every anomaly and reaches every outcome', () => {
    for (const anomaly of Object.keys(ANOMALIES)) {
      expect(ordered).toContain(`countAnomaly(${anomaly})`);
    }
    for (const outcome of OUTCOMES) {
      expect(ordered).toContain(`recordUsage(${outcome})`);
      expect(table.states).toContain(`settling.${outcome}`);
      expect(table.states).toContain(`processed.${outcome}`);
    }
  });

  it('orders every kind of command, and of their fields all but those that make no sense', () => {
    const types = new Set([...ordered].map((text) => text.replace(/\(.*/, '')));
    expect(
      [...new Set(COMMANDS.map(({ type }) => type))].filter((type) => !types.has(type)),
    ).toEqual([]);
    const never = COMMANDS.map(textOf).filter((text) => !ordered.has(text));
    // What completed or was cancelled needs no answer, and these end with the phase they guard.
    expect(never).toEqual([
      'answer(completed)',
      'answer(cancelled)',
      'stopDeadline(linger)',
      'stopDeadline(total)',
      'stopDeadline(drain)',
      'stopDeadline(detach)',
      'stopDeadline(settle)',
    ]);
  });
});

describe('the compiler', () => {
  it('compiles the gateway of the bug as well', () => {
    expect(new Table(compile(legacy)).states.length).toBe(5);
  });

  const on = Object.fromEntries(EVENTS.map(({ type }) => [type, absorb('ignored')]));

  it('refuses a machine that leaves an event without an answer', () => {
    const { 'response.end': _, ...others } = on;
    const silent = vocabulary.createMachine({ id: 'silent', on: others });
    expect(() => compile(silent)).toThrow(/"silent".*does not answer "response.end"/);
  });

  it('refuses an action that is no command, and a context', () => {
    const loud = setup({ actions: { shout: () => {} } });
    const shouting = loud.createMachine({
      id: 'loud',
      on: { 'request.headers': { actions: 'shout' } },
    });
    expect(() => compile(shouting)).toThrow(/"shout" is not a command/);
    const full = vocabulary.createMachine({ id: 'full', on, context: { count: 0 } });
    expect(() => compile(full)).toThrow(/context cannot be compiled/);
  });

  it('gives the same rows every time', () => {
    expect(compile(exchange)).toEqual(compile(exchange));
  });
});

/**
 * The machine as flat tables: for each state and event, where it leads and what it orders.
 *
 * `step()` is one lookup. The rows are plain data, so that the library can ship them compiled
 * (`exchange.generated.ts`) and importing it explores nothing and loads no XState.
 */
import type { Alphabet, Command, Event, Message } from '../machines/events.js';
import { alphabet, textOf } from '../machines/events.js';

/** How a state answers an event. */
export type Answer = 'taken' | 'absorbed' | 'violation';

/** One answer: the state it leads to, the commands in their order, and why, where it changes nothing. */
export interface Step<C extends Message = Command> {
  readonly state: number;
  readonly commands: readonly C[];
  readonly answer: Answer;
  /** Why the event was absorbed: a key of `REASONS` or `ANOMALIES`. */
  readonly reason?: string;
}

/** What is written to disk. `steps` are `[state, answer, reason, ...command codes]`. */
export interface Rows {
  readonly machine: string;
  readonly states: readonly string[];
  readonly steps: readonly (readonly [number, Answer, string, ...number[]])[];
  /** One row per state: the index in `steps` for each event, in the order of `EVENTS`. */
  readonly cells: readonly (readonly number[])[];
}

/** A table in the words of its machine; those of the exchange, if no other alphabet is given. */
export class Table<E extends Message = Event, C extends Message = Command> {
  readonly machine: string;
  readonly states: readonly string[];
  readonly #events: readonly Message[];
  readonly #width: number;
  readonly #steps: readonly Step<C>[];
  readonly #cells: Uint16Array;

  constructor(rows: Rows, words: Alphabet = alphabet) {
    this.machine = rows.machine;
    this.states = rows.states;
    this.#events = words.events;
    this.#width = words.events.length;
    this.#steps = rows.steps.map(([state, answer, reason, ...codes]) => {
      const commands = Object.freeze(codes.map((code) => words.commands[code] as C));
      return Object.freeze({ state, commands, answer, ...(reason === '' ? {} : { reason }) });
    });
    this.#cells = Uint16Array.from(rows.cells.flat());
  }

  /** The answer of `state` to the event with this code. Both must be of this table. */
  step(state: number, code: number): Step<C> {
    return this.#steps[this.#cells[state * this.#width + code] as number] as Step<C>;
  }

  /** The same by event, for readers that are not on the hot path. */
  answerTo(state: number, event: E): Step<C> {
    const code = this.#events.findIndex((known) => textOf(known) === textOf(event));
    return this.step(state, code);
  }
}

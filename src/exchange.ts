/** One live exchange: events in, commands out. It decides nothing that the machine has not. */
import type { Command, Event, Outcome } from '../machines/events.js';
import { codeOf, EVENTS, textOf } from '../machines/events.js';
import { InterlockError } from './errors.js';
import { start, table } from './step.js';
import type { TraceSink } from './trace.js';
import { TRACE_VERSION, wordOf } from './trace.js';

export interface ExchangeOptions {
  /** Names the exchange in traces and records. Yours to choose; never one that a client controls. */
  readonly id: string;
  /** Called once per event with its record. Without it an exchange costs one lookup per event. */
  readonly trace?: TraceSink | undefined;
  /** Milliseconds on a monotonic clock, for the trace. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

export class Exchange {
  readonly id: string;
  readonly #trace: TraceSink | undefined;
  readonly #now: () => number;
  #state = start();
  #seq = 0;

  /** Throws `INTERLOCK_BAD_OPTION` for an id that is not a non-empty string. */
  constructor({ id, trace, now = monotonic }: ExchangeOptions) {
    if (typeof id !== 'string' || id === '') {
      throw new InterlockError('INTERLOCK_BAD_OPTION', 'option "id" must be a non-empty string');
    }
    this.id = id;
    this.#trace = trace;
    this.#now = now;
  }

  /**
   * Takes an event and gives the commands to carry out, in this order. The list is frozen and
   * shared. An event that comes while commands are being carried out must wait until they are done.
   * Throws `INTERLOCK_UNKNOWN_EVENT` for an event that the alphabet does not have; the exchange is
   * as it was.
   */
  receive(event: Event): readonly Command[] {
    const code = codeOf(event);
    if (code < 0) throw unknownEvent(event);
    const { state, commands } = table.step(this.#state, code);
    this.#state = state;
    if (this.#trace !== undefined) this.#record(EVENTS[code] as Event, commands);
    return commands;
  }

  /** The name of the state, for people and logs. Adapters have no need of it. */
  get state(): string {
    return table.states[this.#state] as string;
  }

  /** The outcome, once there is one. */
  get outcome(): Outcome | undefined {
    const [phase, outcome] = this.state.split('.');
    return phase === 'settling' || phase === 'processed' ? (outcome as Outcome) : undefined;
  }

  /** Whether the exchange is over and recorded. Late events are still welcome, and change nothing. */
  get processed(): boolean {
    return this.state.startsWith('processed.');
  }

  #record(event: Event, commands: readonly Command[]): void {
    this.#trace?.({
      v: TRACE_VERSION,
      exchange: this.id,
      seq: this.#seq++,
      at: this.#now(),
      event: wordOf(event),
      state: this.state,
      commands: commands.map(wordOf),
    });
  }
}

function monotonic(): number {
  return performance.now();
}

function unknownEvent(event: unknown): InterlockError {
  const found = typeof event === 'object' && event !== null ? JSON.stringify(event) : String(event);
  return new InterlockError(
    'INTERLOCK_UNKNOWN_EVENT',
    `receive() was given ${found}, which is no event of the alphabet; it has ` +
      `${EVENTS.map(textOf).join(', ')} (an event carries no payload)`,
  );
}

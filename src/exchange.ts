/** One live exchange: events in, commands out. It decides nothing that the machine has not. */
import type { Command, Event, Outcome } from '../machines/events.js';
import { codeOf, EVENTS } from '../machines/events.js';
import { InterlockError, quoted } from './errors.js';
import { acceptedNear, nearest } from './spelling.js';
import type { StepObserver } from './step.js';
import { start, table } from './step.js';
import type { TraceSink } from './trace.js';
import { TRACE_VERSION, wordOf } from './trace.js';

export interface ExchangeOptions {
  /** Names the exchange in traces and records. Yours to choose; never one that a client controls. */
  readonly id: string;
  /** Called once per event with its record. Without it an exchange costs one lookup per event. */
  readonly trace?: TraceSink | undefined;
  /** Told of every step in numbers: what metrics are made of. See `interlock/observe`. */
  readonly observer?: StepObserver | undefined;
  /** Milliseconds on a monotonic clock, for the trace. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

export class Exchange {
  readonly id: string;
  readonly #trace: TraceSink | undefined;
  readonly #observer: StepObserver | undefined;
  readonly #now: () => number;
  #state = start();
  #seq = 0;

  /** Throws `INTERLOCK_BAD_OPTION` for an id that is no text or empty, a sink or an observer that is none. */
  constructor(options: ExchangeOptions) {
    const { id, trace, observer, now = monotonic } = options ?? {};
    if (typeof id !== 'string' || id === '') throw badOption('id', 'a non-empty string');
    if (trace !== undefined && typeof trace !== 'function') throw badOption('trace', 'a function');
    if (observer !== undefined && typeof observer?.stepped !== 'function') {
      throw badOption('observer', 'an object with a method `stepped`');
    }
    if (typeof now !== 'function') throw badOption('now', 'a function');
    this.id = id;
    this.#trace = trace;
    this.#observer = observer;
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
    const before = this.#state;
    const { state, commands } = table.step(before, code);
    this.#state = state;
    this.#observer?.stepped(code, before, state);
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

function badOption(name: string, accepted: string): InterlockError {
  return new InterlockError('INTERLOCK_BAD_OPTION', `option "${name}" must be ${accepted}`);
}

function unknownEvent(event: unknown): InterlockError {
  return new InterlockError(
    'INTERLOCK_UNKNOWN_EVENT',
    `receive() was given ${shown(event)}, which is no event; ${acceptedFor(event)}; ` +
      'an event carries no payload',
  );
}

/** The events of the nearest type, and some of all there are, as they are to be written. */
function acceptedFor(found: unknown): string {
  const type = typeof found === 'string' ? found : (found as { type?: unknown } | null)?.type;
  const types = [...new Set(EVENTS.map((event) => event.type))];
  const near = typeof type === 'string' ? nearest(type, types) : [];
  const meant = EVENTS.filter((event) => near.includes(event.type));
  const written = (events: readonly Event[]) => events.map((event) => JSON.stringify(event));
  return acceptedNear(written(meant), written(EVENTS), 'EVENTS');
}

/** What was given, for a message. */
function shown(found: unknown): string {
  if (typeof found !== 'object' || found === null) return quoted(found);
  const { type } = found as { type?: unknown };
  if (typeof type !== 'string') return 'an object without a type';
  const others = Object.keys(found).filter((field) => field !== 'type');
  const few = others.slice(0, 4).map((field) => field.slice(0, 40));
  return quoted(type) + (few.length === 0 ? '' : ` with ${few.join(', ')}`);
}

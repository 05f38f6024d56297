/**
 * The trace: what happened to an exchange, one record per event, as NDJSON. Every other tool reads
 * or writes this and nothing else.
 *
 * A record says which event came (`event`), what was ordered (`commands`, in order) and where the
 * exchange stood afterwards (`state`). Events and commands are written as their one text, such as
 * `response.body(false)` or `startDeadline(idle)`. `seq` counts from 0 within an exchange; `at` is
 * milliseconds on a clock that never goes back.
 */
import type { Command, Event } from '../machines/events.js';
import { COMMANDS, EVENTS, textOf } from '../machines/events.js';
import { InterlockError, quoted } from './errors.js';
import { acceptedFor } from './spelling.js';

export const TRACE_VERSION = 1;

export interface TraceRecord {
  readonly v: typeof TRACE_VERSION;
  readonly exchange: string;
  readonly seq: number;
  readonly at: number;
  readonly event: string;
  readonly state: string;
  readonly commands: readonly string[];
}

/** Where records go. It is called once per event, after the commands were decided. */
export type TraceSink = (record: TraceRecord) => void;

const eventsByText = new Map<string, Event>(EVENTS.map((event) => [textOf(event), event]));
const commandsByText = new Map<string, Command>(COMMANDS.map((item) => [textOf(item), item]));
const texts = new Map<object, string>(
  [...EVENTS, ...COMMANDS].map((message) => [message, textOf(message)]),
);

/** The text of an event or command of the alphabet, without making it anew. */
export function wordOf(message: Event | Command): string {
  return texts.get(message) ?? textOf(message);
}

/** The event with this text, if there is one. */
export function eventOf(text: string): Event | undefined {
  return eventsByText.get(text);
}

/** Says of what is no event's text what is accepted, and first what was probably meant. */
export function acceptedEvents(found: unknown): string {
  return acceptedOf(eventsByText, found, 'EVENTS, or interlock suite --help');
}

/** One line, with its newline. */
export function encode(record: TraceRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * Reads one line. Throws `INTERLOCK_BAD_TRACE`, which names the field, for a line that is not JSON,
 * is of another version, or holds an event or a command that the alphabet does not have.
 */
export function decode(line: string): TraceRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InterlockError('INTERLOCK_BAD_TRACE', `not JSON: ${line.slice(0, 80)}`, { cause });
  }
  if (typeof value !== 'object' || value === null) throw bad('the record', 'an object', value);
  const { v, exchange, seq, at, event, state, commands } = value as Record<string, unknown>;
  if (v !== TRACE_VERSION) throw bad('"v", the version,', `${TRACE_VERSION}`, v);
  if (typeof exchange !== 'string') throw bad('"exchange"', 'a string', exchange);
  if (!Number.isSafeInteger(seq) || (seq as number) < 0) throw bad('"seq"', 'a count from 0', seq);
  if (typeof at !== 'number') throw bad('"at"', 'milliseconds', at);
  if (typeof event !== 'string' || !eventsByText.has(event)) {
    throw bad('"event"', 'an event', event, acceptedEvents(event));
  }
  if (typeof state !== 'string') throw bad('"state"', 'the name of a state', state);
  if (!Array.isArray(commands)) throw bad('"commands"', 'a list', commands);
  for (const command of commands as unknown[]) {
    if (typeof command !== 'string' || !commandsByText.has(command)) {
      const accepted = acceptedOf(commandsByText, command, 'COMMANDS');
      throw bad('"commands"', 'a list of commands', command, accepted);
    }
  }
  return { v, exchange, seq: seq as number, at, event, state, commands };
}

/** One line for people: the time, the event, where it led, and what was ordered. */
export function format(record: TraceRecord): string {
  const orders =
    record.commands.length === 0 ? '' : `\n${' '.repeat(12)}${record.commands.join(', ')}`;
  const time = record.at.toFixed(1).padStart(10);
  return `${time}  ${record.exchange} ${record.event} -> ${record.state}${orders}`;
}

function acceptedOf(known: ReadonlyMap<string, unknown>, found: unknown, all: string): string {
  return acceptedFor(typeof found === 'string' ? found : '', [...known.keys()], all);
}

function bad(field: string, what: string, found: unknown, accepted?: string): InterlockError {
  const rest = accepted === undefined ? '' : `; ${accepted}`;
  const message = `${field} must be ${what}; found ${quoted(found)}${rest}`;
  return new InterlockError('INTERLOCK_BAD_TRACE', message);
}

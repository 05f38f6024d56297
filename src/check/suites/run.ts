/**
 * Runs a suite on an implementation, through an adapter: what each event of a scenario is answered
 * with, beside what the machine answers.
 */
import type { Command, Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import { InterlockError, quoted } from '../../errors.js';
import { table as exchange } from '../../step.js';
import type { Table } from '../../table.js';
import { acceptedEvents, eventOf, wordOf } from '../../trace.js';
import type { Suite } from './suite.js';

/** What an implementation ordered: commands, or their texts, in their order. */
export type Answered = Iterable<Command | string>;

/** One exchange of the implementation, of which nothing has been seen. */
export interface Session {
  /** Takes an event and gives what was ordered until the implementation is at rest again. */
  take(event: Event): Answered | PromiseLike<Answered>;
  /** Called once, when the scenario is over or has diverged. */
  close?(): void | PromiseLike<void>;
}

export interface Adapter {
  start(): Session | PromiseLike<Session>;
  /**
   * Whether a command can be seen through this adapter; what cannot is asked of neither side.
   * Default: every command. The guarantee of a suite is given for an adapter that sees them all.
   */
  sees?(command: string): boolean;
}

/** The first event of a scenario that was answered otherwise than the machine does. */
export interface Divergence {
  /** The number of the scenario, from 0. */
  readonly scenario: number;
  /** The events up to the one that was answered wrongly, and with it. */
  readonly events: readonly string[];
  readonly expected: readonly string[];
  /** What was ordered; nothing if the adapter threw. */
  readonly found?: readonly string[];
  /** What the adapter threw. */
  readonly error?: unknown;
}

export interface SuiteResult {
  readonly suite: string;
  readonly scenarios: number;
  /** How many events were delivered. */
  readonly events: number;
  /** How many scenarios diverged. */
  readonly failed: number;
  /** The first divergence of each of them, in their order, up to the most that are kept. */
  readonly divergences: readonly Divergence[];
  /** One paragraph for people: the verdict, and the shortest divergence. */
  readonly text: string;
}

export interface RunOptions {
  /** The machine whose answers are right. Default: the exchange. It must be the suite's. */
  readonly table?: Table;
  /** How many divergences are kept. Default: 100. */
  readonly divergencesMax?: number;
  /** Stops after the first scenario that diverges. Default: all are run. */
  readonly stopAtFirst?: boolean;
}

/**
 * Runs every scenario, one after the other, each in a session of its own. What the adapter throws
 * is a divergence. Throws `INTERLOCK_BAD_OPTION` for a suite of another machine, or with an event
 * that the alphabet does not have.
 */
export async function runSuite(
  suite: Suite,
  adapter: Adapter,
  options: RunOptions = {},
): Promise<SuiteResult> {
  const { table = exchange, divergencesMax = 100, stopAtFirst = false } = options;
  if (suite.machine !== table.machine) {
    throw badSuite(`is of the machine "${suite.machine}", and the table of "${table.machine}"`);
  }
  const divergences: Divergence[] = [];
  let [scenarios, events, failed] = [0, 0, 0];
  let shortest: Divergence | undefined;
  for (const scenario of suite.scenarios) {
    const found = await runScenario(adapter, table, scenario, scenarios);
    scenarios++;
    events += found.delivered;
    const { divergence } = found;
    if (divergence === undefined) continue;
    failed++;
    if (divergences.length < divergencesMax) divergences.push(divergence);
    if (divergence.events.length < (shortest?.events.length ?? Number.POSITIVE_INFINITY)) {
      shortest = divergence;
    }
    if (stopAtFirst) break;
  }
  const told = { suite: suite.name, scenarios, events, failed, divergences };
  return { ...told, text: textOf(told, shortest) };
}

async function runScenario(
  adapter: Adapter,
  table: Table,
  scenario: readonly string[],
  number: number,
): Promise<{ readonly delivered: number; readonly divergence?: Divergence }> {
  const sees = (command: string) => adapter.sees?.(command) ?? true;
  let state = 0;
  let delivered = 0;
  let session: Session | undefined;
  let expected: readonly string[] = [];
  const diverges = (what: { found: readonly string[] } | { error: unknown }): Divergence => ({
    scenario: number,
    events: scenario.slice(0, delivered),
    expected,
    ...what,
  });
  try {
    session = await adapter.start();
    for (const text of scenario) {
      const event = eventOf(text);
      if (event === undefined) throw badEvent(text);
      const step = table.step(state, EVENTS.indexOf(event));
      state = step.state;
      expected = step.commands.map(wordOf).filter(sees);
      delivered++;
      const pending = session.take(event);
      // Nothing is awaited that is there already: suites have millions of events.
      const answered = isPromise(pending) ? await pending : pending;
      const found = [...answered].map(wordIn).filter(sees);
      if (found.length !== expected.length || found.some((word, at) => word !== expected[at])) {
        return { delivered, divergence: diverges({ found }) };
      }
    }
  } catch (error) {
    if (error instanceof SuiteError) throw error;
    return { delivered, divergence: diverges({ error }) };
  } finally {
    await session?.close?.();
  }
  return { delivered };
}

function isPromise(value: Answered | PromiseLike<Answered>): value is PromiseLike<Answered> {
  return typeof (value as { then?: unknown }).then === 'function';
}

function wordIn(command: Command | string): string {
  return typeof command === 'string' ? command : wordOf(command);
}

/** The suite itself is at fault, and not what it is run on. */
class SuiteError extends InterlockError {}

function badSuite(what: string): SuiteError {
  return new SuiteError('INTERLOCK_BAD_OPTION', `the suite ${what}`);
}

function badEvent(text: string): SuiteError {
  return badSuite(`has ${quoted(text)}, which is no event; ${acceptedEvents(text)}`);
}

function textOf(
  { suite, scenarios, events, failed }: Omit<SuiteResult, 'text'>,
  shortest: Divergence | undefined,
): string {
  const run = `${suite}: ${scenarios} scenarios, ${events} events`;
  if (shortest === undefined) return `${run}: every event was answered as the machine does.`;
  const { error, expected, found = [] } = shortest;
  const answer = error === undefined ? listed(found) : `the adapter threw: ${String(error)}`;
  return [
    `${run}: ${failed} diverge. The shortest, scenario ${shortest.scenario}:`,
    ...shortest.events.map((event) => `  ${event}`),
    `  expected: ${listed(expected)}`,
    `  found:    ${answer}`,
  ].join('\n');
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? 'no command' : words.join(', ');
}

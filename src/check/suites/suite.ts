/**
 * Suites: scenarios of the machine by a method of testing theory, with what passing them proves.
 *
 * A suite is sized before anything of it is made, and its scenarios are made one by one.
 */
import type { Event } from '../../../machines/events.js';
import { EVENTS } from '../../../machines/events.js';
import { InterlockError, quoted } from '../../errors.js';
import { table as exchange } from '../../step.js';
import type { Table } from '../../table.js';
import { acceptedEvents, eventOf, wordOf } from '../../trace.js';
import { countOrderings, countOrderingsOfBag, orderings, orderingsOfBag } from '../orderings.js';
import type { Cover, Size } from './cover.js';
import { coverOf } from './cover.js';
import { identifiersOf } from './hsi.js';
import type { View } from './mealy.js';
import { viewOf } from './mealy.js';
import { minimise } from './minimal.js';

export const SUITE_VERSION = 1;

export const METHODS = ['hsi', 'transitions', 'switch', 'orderings', 'bag'] as const;
export type Method = (typeof METHODS)[number];

export interface Suite {
  readonly v: typeof SUITE_VERSION;
  readonly name: string;
  readonly method: Method;
  readonly parameters: Readonly<Record<string, number | readonly string[]>>;
  /** What an implementation that passes has been shown to do, and under which assumption. */
  readonly guarantee: string;
  /** What the events of the suite stand for, and so what it does not ask. */
  readonly abstraction: string;
  /** The machine whose answers are right. */
  readonly machine: string;
  readonly size: Size;
  /** Texts of events, each scenario from a fresh start. They may be walked any number of times. */
  readonly scenarios: Iterable<readonly string[]>;
}

export interface SuiteOptions {
  readonly method: Method;
  /** `hsi`: how many states an implementation may have beyond the minimal machine. Default: 1. */
  readonly k?: number;
  /** `switch`: how many switches from transition to transition. Default: 1, every two in a row. */
  readonly n?: number;
  /** `orderings`: how many events each has. */
  readonly length?: number;
  /** `bag`: the texts of its events, as often as each is in it. */
  readonly bag?: readonly string[];
  /** The texts of the events that happen. Default: the whole alphabet. */
  readonly events?: readonly string[];
  /** The machine. Default: the exchange. */
  readonly table?: Table;
  /** The most events that a suite may have in all. Default: ten million. */
  readonly limit?: number;
}

export const LIMIT = 10_000_000;

/** More than any suite that can be made needs, and few enough that its size is found at once. */
const DEEPEST = 40;

/** What a method makes of a table. */
interface Plan {
  readonly name: string;
  readonly parameters: Suite['parameters'];
  readonly guarantee: string;
  readonly size: Size;
  readonly scenarios: () => Iterable<readonly Event[]>;
}

/**
 * The suite of a method. Throws `INTERLOCK_BAD_OPTION`, which names the option, for a value that is
 * not accepted, and for a suite of more events than the limit, with how large it would be.
 */
export function suiteOf(options: SuiteOptions): Suite {
  const { method, table = exchange, limit = LIMIT } = options;
  if (!METHODS.includes(method)) throw bad('method', `one of ${METHODS.join(', ')}`, method);
  if (!(limit > 0)) throw bad('limit', 'a number of events above 0', limit);
  const events = options.events === undefined ? EVENTS : eventsIn('events', options.events);
  const plan = PLANS[method]({ ...options, table }, [...new Set(events)]);
  const { name, parameters, guarantee, size } = plan;
  if (!(size.events <= limit)) {
    throw new InterlockError(
      'INTERLOCK_BAD_OPTION',
      `the suite "${name}" would have ${about(size.scenarios)} scenarios of ` +
        `${about(size.events)} events in all, and the limit is ${about(limit)} events: ` +
        `give a smaller ${SMALLER[method]}, or a higher option "limit"`,
    );
  }
  return {
    v: SUITE_VERSION,
    name,
    method,
    parameters:
      options.events === undefined ? parameters : { ...parameters, events: words(events) },
    guarantee,
    abstraction: ABSTRACTION,
    machine: table.machine,
    size,
    scenarios: {
      *[Symbol.iterator]() {
        for (const scenario of plan.scenarios()) yield words(scenario);
      },
    },
  };
}

const SMALLER: Record<Method, string> = {
  hsi: 'option "k" or list in option "events"',
  transitions: 'list in option "events"',
  switch: 'option "n" or list in option "events"',
  orderings: 'option "length" or list in option "events"',
  bag: 'option "bag"',
};

const ABSTRACTION =
  'An event is its text: bytes, header fields and causes are chosen by the adapter and are the ' +
  'same each time; the passing of time is the event deadline.expired. The answer to an event is ' +
  'its list of commands, in their order, and they are done before the next event comes. What ' +
  'depends on other data, on load, or on events that come while commands are being carried out ' +
  'is not asked.';

type Planner = (options: SuiteOptions & { table: Table }, events: readonly Event[]) => Plan;

const PLANS: Record<Method, Planner> = {
  hsi({ table, k = 1 }, events) {
    const extra = whole('k', k);
    const view = viewOf(table, events);
    const { machine, classOf } = minimise(view.machine);
    const identifiers = identifiersOf(machine);
    // The states are covered as they are written, and not one for each that the minimal machine
    // has: an implementation that keeps them apart may err in one of them alone.
    const cover = coverOf(
      view.machine,
      extra + 1,
      classOf.map((state) => identifiers[state] as readonly (readonly number[])[]),
    );
    return {
      name: `hsi-${extra}`,
      parameters: { k: extra },
      guarantee:
        `Complete for k = ${extra}: an implementation that passes answers every sequence of ` +
        `these ${events.length} events, of any length, as the machine does, if it is ` +
        'deterministic, starts anew for each scenario, takes every event at any time, and tells ' +
        `apart at most ${machine.states + extra} states (the machine: ${machine.states} that its ` +
        `commands tell apart, of ${view.machine.states} that are written).`,
      ...covering(view, cover),
    };
  },

  transitions({ table }, events) {
    const view = viewOf(table, events);
    return {
      name: 'transitions',
      parameters: {},
      guarantee:
        `All transitions: each of the ${view.machine.states} states answers each of these ` +
        `${events.length} events once. It shows a wrong answer wherever it is given; that the ` +
        'state that follows is the right one is not shown.',
      ...covering(view, coverOf(view.machine, 1)),
    };
  },

  switch({ table, n = 1 }, events) {
    const switches = whole('n', n);
    const view = viewOf(table, events);
    const row = switches === 0 ? 'transition' : `${switches + 1} transitions in a row`;
    return {
      name: `${switches}-switch`,
      parameters: { n: switches },
      guarantee:
        `${switches}-switch: from each of the ${view.machine.states} states, every ${row} by ` +
        `these ${events.length} events. A wrong state is shown where one of the events after it ` +
        'is answered differently.',
      ...covering(view, coverOf(view.machine, switches + 1)),
    };
  },

  orderings({ table, length }, events) {
    const each = whole('length', length);
    const options = { events, length: each, table };
    const scenarios = countOrderings(options);
    return {
      name: `orderings-${each}`,
      parameters: { length: each },
      guarantee:
        `Exhaustive to a length: every sequence of at most ${each} of these ${events.length} ` +
        'events, late and duplicate ones included, each once; the shorter ones are the ' +
        'beginnings of the longer. An implementation that passes answers each of them as the ' +
        'machine does, however many states it has; of longer ones nothing is shown.',
      size: { scenarios, events: scenarios * each },
      scenarios: () => orderings(options),
    };
  },

  bag({ bag = [] }) {
    const all = eventsIn('bag', bag);
    const scenarios = countOrderingsOfBag(all);
    return {
      name: 'bag',
      parameters: { bag: words(all) },
      guarantee:
        `Every order of these ${all.length} events, duplicates included, each once. An ` +
        'implementation that passes answers each of them as the machine does, however many ' +
        'states it has; of other events nothing is shown.',
      size: { scenarios, events: scenarios * all.length },
      scenarios: () => orderingsOfBag(all),
    };
  },
};

function covering({ events }: View, { size, sequences }: Cover): Pick<Plan, 'size' | 'scenarios'> {
  return {
    size,
    *scenarios() {
      for (const inputs of sequences()) yield inputs.map((input) => events[input] as Event);
    },
  };
}

const words = (events: readonly Event[]) => events.map(wordOf);

function eventsIn(option: string, texts: readonly string[]): Event[] {
  const noEvents = (found: unknown) =>
    bad(option, 'a list of events', found, `; ${acceptedEvents(found)}`);
  if (!Array.isArray(texts) || texts.length === 0) throw noEvents(texts);
  return texts.map((text) => eventOf(text) ?? fail(noEvents(text)));
}

function whole(option: string, value: number | undefined): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= DEEPEST) {
    return value as number;
  }
  throw bad(option, `a whole number from 0 to ${DEEPEST}`, value);
}

function about(count: number): string {
  if (!Number.isFinite(count)) return 'more than 10^308';
  return count < 1e15 ? count.toLocaleString('en-US') : count.toExponential(1);
}

function bad(option: string, what: string, found: unknown, rest = ''): InterlockError {
  return new InterlockError(
    'INTERLOCK_BAD_OPTION',
    `option "${option}" must be ${what}; found ${quoted(found)}${rest}`,
  );
}

function fail(error: Error): never {
  throw error;
}

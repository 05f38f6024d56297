/// <reference lib="dom" />
/**
 * The machine by hand: a run that is made step by step, or drawn by lot, of what the peers of an
 * environment may do. What may come next is offered as buttons, each with its answer.
 */
import { environments } from '../../../machines/environments.js';
import { chanceOf, mayFollow, walk } from '../../../src/check/walks.js';
import { byId } from './parts.js';
import type { ByHand } from './place.js';
import type { Kind, Machine, Run } from './runs.js';
import { eventCodes, MARKS, machines, offered, played } from './runs.js';

/** How many events a run by lot has at most: a whole life, and what comes late. */
const DRAWN_MAX = 40;
const words = [...eventCodes.keys()];

/** Shows in its controls what a place by hand says. Throws a `RangeError` that names what is none. */
export function runByHand({ machine: name, environment, seed, events }: ByHand): Run {
  const machine = machineNamed(name);
  const { sentence } = environmentNamed(environment);
  byId<HTMLSelectElement>('machine').value = name;
  byId<HTMLSelectElement>('environment').value = environment;
  const drawn = seed === undefined ? '' : `, drawn by the seed ${seed}`;
  if (seed !== undefined) byId<HTMLInputElement>('seed').value = `${seed}`;
  return {
    title: `By hand: the machine ${name}${drawn}`,
    notes: [`${sentence} Each button is an event. Go back, and another makes another future.`],
    machine,
    records: played(machine, events),
  };
}

/** What the controls ask for, before its first event. */
export function begun(): ByHand {
  const value = (id: string) => byId<HTMLSelectElement>(id).value;
  const [machine, environment] = [value('machine'), value('environment')];
  return { kind: 'hand', machine, environment, events: [], step: 0 };
}

/** What the controls ask for, drawn by lot. */
export function drawn(): ByHand {
  const place = begun();
  const seed = Math.abs(Math.trunc(byId<HTMLInputElement>('seed').valueAsNumber)) || 0;
  const { table } = machineNamed(place.machine);
  const environment = environmentNamed(place.environment);
  const codes = walk(table, { environment, length: DRAWN_MAX }, chanceOf(seed));
  return { ...place, seed, events: codes.map((code) => words[code] as string) };
}

/** What may come after these events from whoever may speak. */
export function mayCome(
  machine: Machine,
  environment: string,
  events: readonly string[],
): string[] {
  // Who may say anything need not be asked what was said, which may be much.
  if (environment === 'anyone') return words;
  const codes = events.map((event) => eventCodes.get(event) as number);
  const may = mayFollow(machine.table, environmentNamed(environment), codes);
  return may.map((code) => words[code] as string);
}

function machineNamed(name: string): Machine {
  const machine = machines.find((one) => one.name === name);
  if (machine === undefined) throw new RangeError(`no machine ${name}`);
  return machine;
}

function environmentNamed(name: string) {
  const environment = environments.find((one) => one.name === name);
  if (environment === undefined) throw new RangeError(`no environment ${name}`);
  return environment;
}

/** In this order, since the first is what is looked for. */
const GROUPS: readonly (readonly [string, readonly Kind[]])[] = [
  ['Taken', ['taken']],
  ['Counted as an anomaly, or a violation', ['anomaly', 'violation']],
  ['Absorbed: changes nothing', ['absorbed']],
];

/** Offers what may come. `told` is called with the event of the button that is pressed. */
export function offer(
  machine: Machine,
  state: string,
  may: readonly string[],
  told: (event: string) => void,
): void {
  const place = byId('offers');
  const answering = `${machine.name} ${state} ${may.join()}`;
  // A live run comes back to the same state again and again, and a button must stay to be pressed.
  if (place.dataset.answering === answering) return;
  place.dataset.answering = answering;
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const event = focused?.getAttribute('data-event');
  const all = offered(machine, state).filter((one) => may.includes(one.event));
  const groups = GROUPS.map(([title, kinds]) => {
    const group = document.createElement('div');
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', title);
    const heading = document.createElement('h3');
    heading.textContent = title;
    const among = all.filter(({ kind }) => kinds.includes(kind));
    group.append(heading, ...among.map((one) => button(one.event, one.kind, told)));
    group.hidden = among.length === 0;
    return group;
  });
  place.replaceChildren(...(may.length === 0 ? ['Nothing may come any more.'] : groups));
  // The button that was pressed was made anew; whoever uses the keyboard must not lose the place.
  if (event != null) place.querySelector<HTMLElement>(`[data-event="${event}"]`)?.focus();
}

function button(event: string, kind: Kind, told: (event: string) => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.dataset.event = event;
  made.textContent = kind === 'taken' ? event : `${MARKS[kind].slice(0, 1)} ${event}`;
  made.title = MARKS[kind];
  made.addEventListener('click', () => told(event));
  return made;
}

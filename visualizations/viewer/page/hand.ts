/// <reference lib="dom" />
/** The machine by hand: every event with the answer of the state that is shown, as a button. */
import { byId } from './parts.js';
import type { Kind, Machine } from './runs.js';
import { MARKS, offered } from './runs.js';

/** In this order, since the first is what is looked for. */
const GROUPS: readonly (readonly [string, readonly Kind[]])[] = [
  ['Taken', ['taken']],
  ['Counted as an anomaly, or a violation', ['anomaly', 'violation']],
  ['Absorbed: changes nothing', ['absorbed']],
];

/** Offers what the state answers. `told` is called with the event of the button that is pressed. */
export function offer(machine: Machine, state: string, told: (event: string) => void): void {
  const place = byId('offers');
  const answering = `${machine.name} ${state}`;
  // A live run comes back to the same state again and again, and a button must stay to be pressed.
  if (place.dataset.answering === answering) return;
  place.dataset.answering = answering;
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const event = focused?.getAttribute('data-event');
  const all = offered(machine, state);
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
  place.replaceChildren(...groups);
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

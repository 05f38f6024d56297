/**
 * Where exchanges are, for people who count them: the states of the machine are products of what
 * each region is in, and 151 of them say less than the twenty or so that they are made of.
 */
import { EVENTS, OUTCOMES } from '../../machines/events.js';
import type { StateValue } from '../names.js';
import { stateValueOf } from '../names.js';
import { table } from '../step.js';

/** A region's own state, as a label: `request.ended`, `response.started.flow.blocked`, `settling`. */
interface Phase {
  /** What can only be in one such phase at a time: the exchange, or one of its regions. */
  readonly region: string;
  readonly label: string;
}

const found = table.states.map((name) => phasesIn(stateValueOf(name)));

/** The labels of all phases, each once. Its place is the number of a phase. */
export const PHASES: readonly string[] = [
  ...new Set(found.flatMap((phases) => phases.map(({ label }) => label))),
];
const regions = [...new Set(found.flatMap((phases) => phases.map(({ region }) => region)))];

/** In how many phases an exchange can be at once: the width of a row of `phasesOf`. */
export const REGIONS = regions.length;

/** The phase of each region in each state, or -1 where the state has no such region. */
export const phasesOf = new Int8Array(table.states.length * REGIONS).fill(-1);
for (const [state, phases] of found.entries()) {
  for (const { region, label } of phases) {
    phasesOf[state * REGIONS + regions.indexOf(region)] = PHASES.indexOf(label);
  }
}

/** A region that goes from one phase to another, -1 standing for none: it ends, or begins. */
export interface Move {
  readonly region: number;
  readonly left: number;
  readonly entered: number;
}

/** What a step moves, and which of the phases entered are events of a span. */
export interface Moves {
  readonly all: readonly Move[];
  readonly told: readonly number[];
}

/** By the cell of the step. */
const moves = new Array<Moves | undefined>(table.states.length * EVENTS.length);
/** Whether a client reads may change at every chunk, and the end of a span says itself that it is over. */
const UNTOLD = /\bflow\b|^shutdown|^processed$/;

/** A state and an event that comes in it, as one number: a cell of the machine's table. */
export function cellOf(state: number, event: number): number {
  return state * EVENTS.length + event;
}

/** What the step of this cell moves. Few cells do, and each is worked out once. */
export function movesOf(cell: number): Moves {
  let found = moves[cell];
  if (found === undefined) {
    const event = cell % EVENTS.length;
    const before = (cell - event) / EVENTS.length;
    const after = table.step(before, event).state;
    const all = Array.from({ length: REGIONS }, (_, region) => ({
      region,
      left: phasesOf[before * REGIONS + region] as number,
      entered: phasesOf[after * REGIONS + region] as number,
    })).filter(({ left, entered }) => left !== entered);
    const told = all
      .map(({ entered }) => entered)
      .filter((phase) => phase >= 0 && !UNTOLD.test(PHASES[phase] as string));
    found = { all, told };
    moves[cell] = found;
  }
  return found;
}

/** 1 for each state that an exchange is processed in. */
export const isProcessed = Uint8Array.from(table.states, (name) =>
  name.startsWith('processed.') ? 1 : 0,
);

function phasesIn(value: StateValue): Phase[] {
  if (typeof value === 'string') return [{ region: '', label: value }];
  const [[top, inner]] = Object.entries(value) as [[string, StateValue]];
  if (typeof inner === 'string') return [{ region: '', label: labelOf([top, inner]) }];
  return regionsIn(inner, []);
}

/** The phases of regions that run side by side, and of those inside of them. */
function regionsIn(value: { [part: string]: StateValue | undefined }, path: string[]): Phase[] {
  return Object.entries(value).flatMap(([region, inner]) => {
    const here = [...path, region];
    let steps: StateValue | undefined = inner;
    const down = here.slice();
    while (typeof steps === 'object' && Object.keys(steps).length === 1) {
      const [[key, next]] = Object.entries(steps) as [[string, StateValue | undefined]];
      down.push(key);
      steps = next;
    }
    if (typeof steps === 'object') return regionsIn(steps, down);
    return [{ region: here.join('.'), label: labelOf([...down, steps ?? '']) }];
  });
}

/** An outcome is counted by a metric of its own. */
function labelOf(path: readonly string[]): string {
  const outcomes: readonly string[] = OUTCOMES;
  return path.filter((part) => part !== '' && !outcomes.includes(part)).join('.');
}

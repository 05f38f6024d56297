/**
 * Covers: the sequences "a shortest way to a state, then any `depth` inputs, then the identifiers
 * of where that is", for every state. With identifiers this is HSI (`hsi.ts`); without, depth 1 is
 * all transitions, and depth n + 1 is n-switch, every n + 1 transitions in a row (Chow, "Testing
 * software design modeled by finite-state machines", 1978).
 *
 * The sequences form a tree, in which whatever is the beginning of another is not a test of its
 * own. The tree is never built: where two of its branches go on alike they are one place, so the
 * places are few, sizes are exact before anything is made, and sequences are made one by one.
 */
import type { Identifiers } from './hsi.js';
import type { Mealy } from './mealy.js';

export interface Size {
  readonly scenarios: number;
  /** Events of all scenarios together. */
  readonly events: number;
}

/** Where a branch stands. */
interface Place {
  readonly state: number;
  /** Whether the branch is a shortest way to this state, and nothing else so far. */
  readonly onTheWay: boolean;
  /** How many inputs of any kind may still follow; below 0, only what `owed` says. */
  readonly free: number;
  /** What is left of the identifiers that began before. */
  readonly owed: readonly (readonly number[])[];
}

/** A place with its branches as numbers: the inputs, and the place after each. */
interface Branches {
  readonly inputs: readonly number[];
  readonly to: readonly number[];
}

export interface Cover {
  readonly size: Size;
  /** Yields each sequence of inputs. */
  readonly sequences: () => Generator<readonly number[]>;
}

export function coverOf(machine: Mealy, depth: number, identifiers?: Identifiers): Cover {
  const places = new Map<string, number>();
  const branches: Branches[] = [];
  const sizes: Size[] = [];
  const ways = waysOf(machine);

  const visit = (place: Place): number => {
    const key = `${place.state} ${place.onTheWay} ${place.free} ${place.owed.join(';')}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    const next = after(machine, ways, depth, identifiers, place);
    const to = next.map(([, then]) => visit(then));
    const number = branches.push({ inputs: next.map(([input]) => input), to }) - 1;
    sizes.push(sizeOf(to.map((then) => sizes[then] as Size)));
    places.set(key, number);
    return number;
  };
  const start = visit({ state: 0, onTheWay: true, free: depth, owed: [] });
  return { size: sizes[start] as Size, sequences: () => walk(branches, start) };
}

function sizeOf(parts: readonly Size[]): Size {
  if (parts.length === 0) return { scenarios: 1, events: 0 };
  return parts.reduce(
    (sum, { scenarios, events }) => ({
      scenarios: sum.scenarios + scenarios,
      events: sum.events + events + scenarios,
    }),
    { scenarios: 0, events: 0 },
  );
}

function after(
  machine: Mealy,
  ways: Uint8Array,
  depth: number,
  identifiers: Identifiers | undefined,
  { state, onTheWay, free, owed }: Place,
): [number, Place][] {
  const due = free >= 0 ? [...owed, ...(identifiers?.[state] ?? [])] : owed;
  const next: [number, Place][] = [];
  for (let input = 0; input < machine.inputs; input++) {
    const cell = state * machine.inputs + input;
    const goesOn = onTheWay && ways[cell] === 1;
    const begun = due.filter(([first]) => first === input);
    if (!goesOn && free <= 0 && begun.length === 0) continue;
    const rests = begun.map((sequence) => sequence.slice(1)).filter((rest) => rest.length > 0);
    const then = {
      state: machine.next[cell] as number,
      onTheWay: goesOn,
      free: goesOn ? depth : Math.max(free - 1, -1),
      owed: distinct(rests),
    };
    next.push([input, then]);
  }
  return next;
}

function distinct(sequences: readonly (readonly number[])[]): (readonly number[])[] {
  const byText = new Map(sequences.map((sequence) => [sequence.join(), sequence]));
  return [...byText.keys()].sort().map((text) => byText.get(text) as readonly number[]);
}

/** Marks the steps of a tree of shortest ways to all states. */
function waysOf({ states, inputs, next }: Mealy): Uint8Array {
  const ways = new Uint8Array(states * inputs);
  const found = [0];
  const seen = new Set(found);
  for (let at = 0; at < found.length; at++) {
    for (let input = 0; input < inputs; input++) {
      const cell = (found[at] as number) * inputs + input;
      const to = next[cell] as number;
      if (seen.has(to)) continue;
      seen.add(to);
      found.push(to);
      ways[cell] = 1;
    }
  }
  return ways;
}

/** Depth first, with a stack of its own, since generators inside of generators are slow. */
function* walk(branches: readonly Branches[], start: number): Generator<readonly number[]> {
  const stack = [branches[start] as Branches];
  const turns = [0];
  const prefix: number[] = [];
  if (stack[0]?.to.length === 0) yield [];
  while (stack.length > 0) {
    const { inputs, to } = stack.at(-1) as Branches;
    const turn = turns[turns.length - 1] as number;
    if (turn === to.length) {
      stack.pop();
      turns.pop();
      prefix.pop();
      continue;
    }
    turns[turns.length - 1] = turn + 1;
    const then = branches[to[turn] as number] as Branches;
    prefix.push(inputs[turn] as number);
    if (then.to.length === 0) {
      yield prefix.slice();
      prefix.pop();
    } else {
      stack.push(then);
      turns.push(0);
    }
  }
}

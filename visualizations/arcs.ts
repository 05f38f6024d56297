/**
 * A machine's definition as states and arcs: what every picture of it is drawn from.
 *
 * Only arcs that some ordering takes are drawn. The definition has a few more, where a guard that
 * states share can never hold in one of them.
 */
import type { AnyStateMachine, AnyStateNode, StateValue } from 'xstate';
import { EVENTS, textOf } from '../machines/events.js';
import { stateValueOf } from '../src/names.js';
import type { Table } from '../src/table.js';

/** One answer of one state to one event, as it stands in the definition. */
export interface Arc {
  readonly source: AnyStateNode;
  /** Its type, or a family such as `downstream.*`. */
  readonly event: string;
  /** Its place among the alternatives of its event, whose guards are asked in this order. */
  readonly at: number;
  readonly guard?: string;
  /** The texts of what it orders, without what entries and exits add. */
  readonly commands: readonly string[];
  /** Where it leads; without one, it stays. */
  readonly target?: AnyStateNode;
}

/** The guard of an alternative that has none, behind others that have. */
export const ELSE = 'else';

/** A machine as it is drawn. */
export interface Chart {
  readonly machine: AnyStateMachine;
  /** Every arc that some ordering takes and that does more than absorb or count. */
  readonly arcs: readonly Arc[];
}

type Transition = ReturnType<AnyStateMachine['getTransitionData']>[number];

/** `table` is the machine's own: its states are all that can be reached. */
export function chartOf(machine: AnyStateMachine, table: Table): Chart {
  const taken = new Set<Transition>();
  for (const name of table.states) {
    const snapshot = machine.resolveState({ value: stateValueOf(name) as StateValue, context: {} });
    for (const event of EVENTS) {
      for (const one of machine.getTransitionData(snapshot, event)) taken.add(one);
    }
  }
  const arcs = nodesIn(machine.root).flatMap((node) =>
    [...node.transitions.values()].flatMap((among) =>
      among.filter((one) => taken.has(one)).map(arcOf),
    ),
  );
  return { machine, arcs: arcs.filter((arc) => arc.target !== undefined || orders(arc)) };
}

function arcOf({ source, eventType, guard, actions, target }: Transition, at: number): Arc {
  const [to] = target ?? [];
  const asked = typeof guard === 'string' ? guard : at > 0 ? ELSE : undefined;
  return {
    source,
    event: eventType,
    at,
    ...(asked === undefined ? {} : { guard: asked }),
    commands: actions.map(textOfAction).filter((text) => !text.startsWith('absorb(')),
    ...(to === undefined ? {} : { target: to }),
  };
}

/** Whether it does more than to count an anomaly. */
const orders = ({ commands }: Arc) => commands.some((text) => !text.startsWith('countAnomaly('));

/** What a state orders when it is entered or left. */
export function textOfAction(action: unknown): string {
  if (typeof action === 'string') return action;
  const { type, params } = action as { type: string; params?: Record<string, string> };
  return textOf({ type, ...params });
}

export function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states);
}

/** The state and all in it, in the order of the definition. */
export function nodesIn(node: AnyStateNode): AnyStateNode[] {
  return [node, ...childrenOf(node).flatMap(nodesIn)];
}

export function isWithin(node: AnyStateNode, outer: AnyStateNode): boolean {
  return outer.path.every((key, at) => node.path[at] === key);
}

/**
 * Whether a state is drawn as one box with the names of its states in it: where none of them leads
 * to another, they are variants, such as the outcomes.
 */
export function isFolded({ arcs }: Chart, node: AnyStateNode): boolean {
  if (node.type === 'parallel' || childrenOf(node).length === 0) return false;
  if (childrenOf(node).some((child) => childrenOf(child).length > 0)) return false;
  return !arcs.some(
    ({ source, target }) =>
      target !== undefined && target !== source && isWithin(source, node) && isWithin(target, node),
  );
}

/** What stands on a line of a picture: some events, the guard, and what is ordered. */
export interface Line {
  readonly events: readonly string[];
  readonly guard?: string;
  readonly commands: readonly string[];
  readonly target?: AnyStateNode;
}

/**
 * Arcs of one source as lines. Alternatives that come to the same are one, and so are events that
 * are answered alike. `shown` picks the commands that the picture tells.
 */
export function linesOf(
  arcs: readonly Arc[],
  shown: (command: string) => boolean = () => true,
): Line[] {
  const lines: Line[] = [];
  const sameAs = (one: Line) => (other: Line) => keyOf(one) === keyOf(other);
  for (const event of new Set(arcs.map((arc) => arc.event))) {
    for (const line of alternatives(
      arcs.filter((arc) => arc.event === event),
      shown,
    )) {
      const at = lines.findIndex(sameAs(line));
      const known = lines[at];
      if (known === undefined) lines.push(line);
      else lines[at] = { ...known, events: [...known.events, ...line.events] };
    }
  }
  return lines;
}

const keyOf = ({ guard, commands, target }: Line) =>
  JSON.stringify([guard, commands, target?.id ?? '']);

/** The answers to one event. Those that stand behind each other and come to the same are one. */
function alternatives(arcs: readonly Arc[], shown: (command: string) => boolean): Line[] {
  const lines: { line: Line; since: number; until: number }[] = [];
  for (const { event, at, guard, commands, target } of arcs) {
    const bare: Line = {
      events: [event],
      commands: commands.filter(shown),
      ...(target === undefined ? {} : { target }),
    };
    const last = lines.at(-1);
    const { guard: asked, ...before } = last?.line ?? bare;
    const merges = last !== undefined && last.until === at - 1 && keyOf(before) === keyOf(bare);
    if (merges) lines.pop();
    const since = merges ? last.since : at;
    const both = merges && guard !== ELSE ? `${asked} or ${guard}` : guard;
    const none = both === undefined || (both === ELSE && since === 0);
    lines.push({ line: none ? bare : { ...bare, guard: both }, since, until: at });
  }
  return lines.map(({ line }) => line);
}

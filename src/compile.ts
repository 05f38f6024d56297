/**
 * The only calls into XState: a machine is explored once, breadth first, into the rows of a table.
 *
 * It refuses what a table cannot hold or a proof cannot cover: a state that does not answer an
 * event, a command that the alphabet does not have, a context, a clock or an actor of the machine's
 * own, and a guard without a name, which no picture and no reader would see. Each by its place.
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';
import { initialTransition, transition } from 'xstate';
import type { Alphabet, Command, Message } from '../machines/events.js';
import { alphabet, textOf } from '../machines/events.js';
import { nameOf } from './names.js';
import type { Answer, Rows } from './table.js';

/** One step of XState itself, in the words of the table. */
export interface XStateStep<C extends Message = Command> {
  readonly snapshot: AnyMachineSnapshot;
  readonly state: string;
  readonly commands: readonly C[];
  readonly reason: string;
}

/** What XState makes of an event: the oracle that the table is compiled from and tested against. */
export function xstateStep<C extends Message = Command>(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: Message,
  words: Alphabet = alphabet,
): XStateStep<C> {
  const [next, actions] = transition(machine, snapshot, event);
  const commands: C[] = [];
  let reason = '';
  for (const action of actions) {
    const type: string = action.type;
    const fields = { ...(action.params as unknown as Record<string, string>) };
    if (type === 'absorb') reason = fields.reason as string;
    else commands.push(commandOf({ type, ...fields }, words, machine.id) as C);
    if (type === 'countAnomaly' && reason === '') reason = fields.anomaly as string;
  }
  return { snapshot: next, state: nameOf(next.value), commands, reason };
}

function commandOf(message: Message, { commands }: Alphabet, machine: string): Message {
  const command = commands.find((known) => textOf(known) === textOf(message));
  if (command !== undefined) return command;
  throw new Error(
    `machine "${machine}": action "${message.type}" is not a command of the alphabet`,
  );
}

/** Explores `machine` from its initial state and gives its rows. States are numbered as found. */
export function compile(machine: AnyStateMachine, words: Alphabet = alphabet): Rows {
  for (const node of nodesOf(machine.root)) refuseNode(machine.id, node);
  const [initial] = initialTransition(machine);
  const states = [nameOf(initial.value)];
  const snapshots: AnyMachineSnapshot[] = [initial];
  const numbers = new Map([[states[0] as string, 0]]);
  const steps: Rows['steps'][number][] = [];
  const stepNumbers = new Map<string, number>();
  const cells: number[][] = [];

  for (let state = 0; state < states.length; state++) {
    const snapshot = snapshots[state] as AnyMachineSnapshot;
    if (state === 0) refuseContext(machine.id, snapshot, 'from the start');
    const row = words.events.map((event) => {
      const step = xstateStep<Message>(machine, snapshot, event, words);
      const place = `after "${textOf(event)}" in state "${states[state]}"`;
      refuseContext(machine.id, step.snapshot, place);
      if (!numbers.has(step.state)) {
        numbers.set(step.state, states.length);
        states.push(step.state);
        snapshots.push(step.snapshot);
      }
      const next = numbers.get(step.state) as number;
      const answer = answerOf(machine.id, states[state] as string, event, step);
      const reason = answer === 'absorbed' ? step.reason : '';
      const codes = step.commands.map((command) => words.commands.indexOf(command));
      const key = JSON.stringify([next, answer, reason, ...codes]);
      if (!stepNumbers.has(key)) {
        stepNumbers.set(key, steps.length);
        steps.push([next, answer, reason, ...codes]);
      }
      return stepNumbers.get(key) as number;
    });
    cells.push(row);
  }
  return { machine: machine.id, states, steps, cells };
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const inner of Object.values(node.states)) yield* nodesOf(inner);
}

/** What stands in a state's definition and has no place in a table, whether it is reached or not. */
function refuseNode(machine: string, node: AnyStateNode): void {
  const at = node.path.length === 0 ? 'its root' : `state "${node.path.join('.')}"`;
  const refuse = (what: string): never => {
    throw new Error(`machine "${machine}": ${at} has ${what}`);
  };
  const [invoked] = node.invoke;
  if (invoked !== undefined) {
    refuse(`an invoke ("${invoked.id}"); an exchange orders commands, and is told by events`);
  }
  const [delayed] = node.after;
  if (delayed !== undefined) {
    refuse(`an after ("${String(delayed.delay)}"); order a deadline, whose expiry is an event`);
  }
  const taken = [...node.transitions].flatMap(([on, among]) => among.map((one) => ({ on, one })));
  const eventless = (node.always ?? []).map((one) => ({ on: 'always', one }));
  for (const { on, one } of [...taken, ...eventless]) {
    const { guard } = one;
    if (guard === undefined || typeof guard === 'string') continue;
    if (typeof guard === 'object' && typeof guard.type === 'string') continue;
    refuse(`a guard without a name on "${on}"; name it in setup(), and use its name`);
  }
}

function refuseContext(machine: string, { context }: AnyMachineSnapshot, place: string): void {
  const keys = Object.keys(context);
  if (keys.length === 0) return;
  throw new Error(
    `machine "${machine}": a context cannot be compiled; use states. Found "${keys.join('", "')}" ${place}`,
  );
}

function answerOf(
  machine: string,
  from: string,
  event: Message,
  step: XStateStep<Message>,
): Answer {
  if (step.state === 'settling.violated' && from !== step.state) return 'violation';
  if (step.state !== from) return 'taken';
  if (step.reason !== '') return 'absorbed';
  if (step.commands.length > 0) return 'taken';
  throw new Error(`machine "${machine}": state "${from}" does not answer "${textOf(event)}"`);
}

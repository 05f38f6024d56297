/**
 * The only calls into XState: a machine is explored once, breadth first, into the rows of a table.
 *
 * It refuses what a table cannot hold or a proof cannot cover: a state that does not answer an
 * event, a command that the alphabet does not have, a context.
 */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { initialTransition, transition } from 'xstate';
import type { Command, Event } from '../machines/events.js';
import { COMMANDS, EVENTS, textOf } from '../machines/events.js';
import { nameOf } from './names.js';
import type { Answer, Rows } from './table.js';

const commandCodes = new Map(COMMANDS.map((command, code) => [textOf(command), code]));

/** One step of XState itself, in the words of the table. */
export interface XStateStep {
  readonly snapshot: AnyMachineSnapshot;
  readonly state: string;
  readonly commands: readonly Command[];
  readonly reason: string;
}

/** What XState makes of an event: the oracle that the table is compiled from and tested against. */
export function xstateStep(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: Event,
): XStateStep {
  const [next, actions] = transition(machine, snapshot, event);
  const commands: Command[] = [];
  let reason = '';
  for (const action of actions) {
    const type: string = action.type;
    const fields = { ...(action.params as unknown as Record<string, string>) };
    if (type === 'absorb') reason = fields.reason as string;
    else commands.push(commandOf(type, fields, machine.id));
    if (type === 'countAnomaly' && reason === '') reason = fields.anomaly as string;
  }
  return { snapshot: next, state: nameOf(next.value), commands, reason };
}

function commandOf(type: string, fields: Record<string, string>, machine: string): Command {
  const code = commandCodes.get(textOf({ type, ...fields }));
  if (code === undefined) {
    throw new Error(`machine "${machine}": action "${type}" is not a command of the alphabet`);
  }
  return COMMANDS[code] as Command;
}

/** Explores `machine` from its initial state and gives its rows. States are numbered as found. */
export function compile(machine: AnyStateMachine): Rows {
  const [initial] = initialTransition(machine);
  const states = [nameOf(initial.value)];
  const snapshots: AnyMachineSnapshot[] = [initial];
  const numbers = new Map([[states[0] as string, 0]]);
  const steps: Rows['steps'][number][] = [];
  const stepNumbers = new Map<string, number>();
  const cells: number[][] = [];

  for (let state = 0; state < states.length; state++) {
    const snapshot = snapshots[state] as AnyMachineSnapshot;
    if (Object.keys(snapshot.context).length > 0) {
      throw new Error(`machine "${machine.id}": a context cannot be compiled; use states`);
    }
    const row = EVENTS.map((event) => {
      const step = xstateStep(machine, snapshot, event);
      if (!numbers.has(step.state)) {
        numbers.set(step.state, states.length);
        states.push(step.state);
        snapshots.push(step.snapshot);
      }
      const next = numbers.get(step.state) as number;
      const answer = answerOf(machine.id, states[state] as string, event, step);
      const reason = answer === 'absorbed' ? step.reason : '';
      const codes = step.commands.map((command) => commandCodes.get(textOf(command)) as number);
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

function answerOf(machine: string, from: string, event: Event, step: XStateStep): Answer {
  if (step.state === 'settling.violated' && from !== step.state) return 'violation';
  if (step.state !== from) return 'taken';
  if (step.reason !== '') return 'absorbed';
  if (step.commands.length > 0) return 'taken';
  throw new Error(`machine "${machine}": state "${from}" does not answer "${textOf(event)}"`);
}

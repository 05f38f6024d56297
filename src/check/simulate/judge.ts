/**
 * Judges an exchange while it goes on: every step is folded into every monitor, and counted as a
 * transition. What was judged once is looked up: a step costs a look-up, and not forty folds.
 */
import type { Command, Event } from '../../../machines/events.js';
import { COMMANDS, codeOf, EVENTS } from '../../../machines/events.js';
import type { Memory, Property, Step } from '../../../machines/properties.js';
import type { Table } from '../../table.js';
import type { TraceRecord } from '../../trace.js';
import { eventOf, wordOf } from '../../trace.js';
import { stepAt } from '../explore.js';

/** What is wrong with an exchange: a stable name, and a sentence. */
export interface Wrong {
  readonly name: string;
  readonly sentence: string;
}

const WIDTH = EVENTS.length;
const commandsByWord = new Map<string, Command>(COMMANDS.map((item) => [wordOf(item), item]));

/** Where all monitors stand together, and where each step takes them. */
interface Standing {
  readonly memories: readonly Memory[];
  /** By cell of the table. */
  readonly after: Map<number, Standing | Wrong>;
}

export class Judge {
  readonly table: Table;
  /** How often each transition was taken, by state and event. */
  readonly transitions: Float64Array;
  readonly #properties: readonly Property[];
  readonly #states: ReadonlyMap<string, number>;
  readonly #known = new Map<string, Standing>();
  readonly #start: Standing;
  #standing: Standing;
  #state = 0;
  #records: TraceRecord[] = [];
  #wrong: Wrong | undefined;
  #stray: Wrong | undefined;

  constructor(table: Table, properties: readonly Property[]) {
    this.table = table;
    this.#properties = properties.filter(({ mood }) => mood === 'always');
    this.transitions = new Float64Array(table.states.length * WIDTH);
    this.#states = new Map(table.states.map((name, state) => [name, state]));
    this.#start = this.#standingOf(this.#properties.map(({ initial }) => initial));
    this.#standing = this.#start;
  }

  /** Another exchange begins. */
  begin(): void {
    this.#standing = this.#start;
    this.#state = 0;
    this.#records = [];
    this.#wrong = undefined;
    this.#stray = undefined;
  }

  /** What the exchange has done so far. */
  get records(): readonly TraceRecord[] {
    return this.#records;
  }

  /** The first claim that it broke; or that it took a step which is not the machine's. */
  get wrong(): Wrong | undefined {
    return this.#wrong ?? this.#stray;
  }

  readonly take = (record: TraceRecord): void => {
    this.#records.push(record);
    const code = codeOf(eventOf(record.event) as Event);
    const cell = this.#state * WIDTH + code;
    (this.transitions[cell] as number)++;
    const given = this.table.step(this.#state, code);
    const asGiven = this.table.states[given.state] === record.state && says(record, given.commands);
    const then = asGiven ? this.#after(cell) : this.#strayed(record, code);
    this.#state = this.#states.get(record.state) ?? 0;
    if ('name' in then) this.#wrong ??= then;
    else this.#standing = then;
  };

  #after(cell: number): Standing | Wrong {
    const known = this.#standing.after.get(cell);
    if (known !== undefined) return known;
    const step = stepAt(this.table, Math.floor(cell / WIDTH), cell % WIDTH);
    const then = this.#fold(step);
    this.#standing.after.set(cell, then);
    return then;
  }

  /** Who took this step is not the machine. Which claim it breaks says more than that. */
  #strayed(record: TraceRecord, code: number): Standing | Wrong {
    const from = this.table.states[this.#state] as string;
    const commands = record.commands.map((word) => commandsByWord.get(word) as Command);
    const step = { from, event: EVENTS[code] as Event, commands, to: record.state };
    const sentence = `In ${from}, ${record.event} was not answered as the machine does.`;
    this.#stray ??= { name: 'isTheMachine', sentence };
    return this.#fold(step);
  }

  #fold(step: Step): Standing | Wrong {
    const memories: Memory[] = [];
    for (const [at, property] of this.#properties.entries()) {
      const then = property.next(this.#standing.memories[at] as Memory, step);
      if (typeof then === 'string') return { name: property.name, sentence: property.sentence };
      memories.push(then);
    }
    return this.#standingOf(memories);
  }

  #standingOf(memories: readonly Memory[]): Standing {
    const key = memories.join();
    const known = this.#known.get(key) ?? { memories, after: new Map() };
    this.#known.set(key, known);
    return known;
  }
}

function says(record: TraceRecord, commands: readonly Command[]): boolean {
  if (record.commands.length !== commands.length) return false;
  for (let at = 0; at < commands.length; at++) {
    if (record.commands[at] !== wordOf(commands[at] as Command)) return false;
  }
  return true;
}

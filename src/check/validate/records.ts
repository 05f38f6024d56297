/** One record of our own traces, judged: `seq`, `event`, `state` and `commands` must be the machine's. */
import type { Event } from '../../../machines/events.js';
import { codeOf } from '../../../machines/events.js';
import type { TraceRecord } from '../../trace.js';
import { eventOf, wordOf } from '../../trace.js';
import type { Candidate } from './edits.js';
import type { Why } from './report.js';
import type { Space } from './states.js';
import { REFUSALS, textOfCode, WIDTH } from './states.js';

/** Where an exchange stands: its node, or `LOST`, and the `seq` that is due. */
export interface Place {
  readonly node: number;
  readonly seq: number;
}

/** The node of an exchange whose beginning was not seen, or that left the machine. */
export const LOST = -1;

export interface Fault {
  readonly why: Why;
  readonly message: string;
}

export class Judge {
  readonly #space: Space;
  readonly #named = new Map<string, number>();

  constructor(space: Space) {
    this.#space = space;
    for (let node = space.size - 1; node >= 0; node--) this.#named.set(space.nameOf(node), node);
  }

  /** A node in the state of this name, or `LOST`. */
  nodeOf(state: string): number {
    return this.#named.get(state) ?? LOST;
  }

  /** The names of the states that are possible at a node. */
  namesAt(node: number): string[] {
    return node === LOST ? [...this.#space.table.states] : [this.#space.nameOf(node)];
  }

  /** What is wrong with a record that comes here; nothing where it is the machine's own. */
  faultIn({ node, seq }: Place, record: TraceRecord): Fault | undefined {
    const code = codeIn(record);
    if (record.seq !== seq) {
      return { why: 'seq', message: `"seq" is ${record.seq} where ${seq} is due` };
    }
    if (node === LOST) {
      if (this.#explaining(record).length > 0) return undefined;
      const message = `no state leads to "state" ${record.state} with these "commands"`;
      return { why: this.nodeOf(record.state) !== LOST ? 'commands' : 'state', message };
    }
    const why = this.#space.refusalAt(node, code);
    if (why !== undefined) return { why, message: REFUSALS[why] };
    const { state, commands } = this.#expected(node, code);
    if (record.state !== state) {
      const known = this.#space.table.states.includes(record.state);
      const what = known ? '' : `, which is no state of the machine "${this.#space.table.machine}"`;
      return { why: 'state', message: `"state" is ${record.state}${what}` };
    }
    if (record.commands.join() === commands.join()) return undefined;
    return { why: 'commands', message: `"commands" are ${listed(record.commands)}` };
  }

  #expected(node: number, code: number) {
    const { state, commands } = this.#space.table.step(this.#space.stateOf(node), code);
    return { state: this.#space.table.states[state] as string, commands: commands.map(wordOf) };
  }

  after(place: Place, record: TraceRecord): Place | undefined {
    if (this.faultIn(place, record) !== undefined) return undefined;
    const from = place.node === LOST ? (this.#explaining(record)[0] as number) : place.node;
    const node = this.#space.after[from * WIDTH + codeIn(record)] as number;
    return { node, seq: record.seq + 1 };
  }

  /** The nodes from which the machine would have written this record. */
  #explaining(record: TraceRecord): number[] {
    const found: number[] = [];
    for (let node = 0; node < this.#space.size; node++) {
      if (this.faultIn({ node, seq: record.seq }, record) === undefined) found.push(node);
    }
    return found;
  }

  /** Events that could be missing before a record: those that the machine takes come first. */
  #inserts(node: number, record: TraceRecord): Candidate<Place>[] {
    const found: (readonly [number, Candidate<Place>])[] = [];
    for (let missing = 0; missing < WIDTH; missing++) {
      const between = this.#space.after[node * WIDTH + missing] as number;
      if (between < 0) continue;
      const place = this.after({ node: between, seq: record.seq }, record);
      if (place === undefined) continue;
      const { answer } = this.#space.table.step(this.#space.stateOf(node), missing);
      const odd = this.#space.anomalyAt(node, missing) !== undefined || answer === 'violation';
      const edit = { kind: 'insert', what: textOfCode(missing) } as const;
      found.push([answer === 'taken' ? 0 : odd ? 2 : 1, { edit, place }]);
    }
    return found.sort(([one], [other]) => one - other).map(([, candidate]) => candidate);
  }

  /** What would have been legal: the record for this event, or, if it is refused, the events. */
  legal({ node, seq }: Place, code: number): string[] {
    if (node === LOST) return [];
    if (this.#space.refusalAt(node, code) !== undefined) return this.#space.legalAt([node]);
    const { state, commands } = this.#expected(node, code);
    return [`seq ${seq}, state ${state}, commands ${listed(commands)}`];
  }

  /** The edits that mend a record that is at fault here. */
  candidates(before: Place, record: TraceRecord): Candidate<Place>[] {
    const { node, seq } = before;
    const deleted = { edit: { kind: 'delete' }, place: before } as const;
    if (node === LOST) return [deleted];
    // A record that is numbered too low was not preceded by one that is missing.
    const inserts = record.seq < seq ? [] : this.#inserts(node, record);
    const then = this.#space.after[node * WIDTH + codeIn(record)] as number;
    if (then < 0) return [...inserts, deleted];
    const amended = { edit: { kind: 'amend' }, place: { node: then, seq: seq + 1 } } as const;
    return record.seq === seq ? [amended, deleted, ...inserts] : [...inserts, deleted, amended];
  }
}

export function codeIn(record: TraceRecord): number {
  return codeOf(eventOf(record.event) as Event);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

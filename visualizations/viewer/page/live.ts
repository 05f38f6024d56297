/// <reference lib="dom" />
/** Live exchanges: their table, as the server tells it, and the run of the one that is chosen. */
import type { Frame } from '../../../src/observe/rows.js';
import type { TraceRecord } from '../../../src/trace.js';
import { Grid } from './grid.js';
import { recordOf } from './messages.js';
import { byId } from './parts.js';
import type { Filter, Row } from './rows.js';
import { COLUMNS, cellsOf, Rows } from './rows.js';
import type { Machine, Run } from './runs.js';

export interface LiveOptions {
  readonly machine: Machine;
  /** An exchange is chosen. Its run grows for as long as it is followed. */
  readonly chosen: (id: string, run: Run) => void;
  /** The run of the exchange that was chosen last has grown; so many of its records are gone. */
  readonly grew: (gone: number) => void;
  readonly say: (text: string) => void;
}

/** Of a run that does not end its first records are kept, and its newest. */
const RECORDS_MAX = 10_000;
const FIRST_RECORDS = 32;
const RUNS_MAX = 50;

const GONE = `What came is kept. A gateway that is started again prints another address: open that.`;

export class Live {
  readonly #options: LiveOptions;
  readonly #rows: Rows;
  readonly #grid: Grid;
  readonly #socket: WebSocket;
  #shown: Row[] = [];
  #chosen: string | undefined;
  /** The records of those that were chosen, which is all that was asked for. */
  readonly #runs = new Map<string, TraceRecord[]>();
  #frame: Frame | undefined;
  #frameAt = 0;
  #drawing = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#rows = new Rows(options.machine);
    this.#grid = new Grid({
      id: 'live-exchanges',
      label: 'Live exchanges',
      columns: COLUMNS,
      row: (at) => cellsOf(this.#shown[at] as Row, this.#now),
      chosen: (at) => this.choose((this.#shown[at] as Row).id),
    });
    byId('live-place').append(this.#grid.element);
    byId('live').hidden = false;
    byId('live-filter').addEventListener('change', () => this.#draw(true));
    byId('live-hold').addEventListener('change', () => this.#draw());
    this.#grid.element.addEventListener('pointerleave', () => this.#draw());
    this.#socket = new WebSocket(new URL('rows', location.href.replace(/^http/, 'ws')));
    this.#socket.addEventListener('open', () => this.#follow());
    this.#socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(data)));
    this.#socket.addEventListener('close', ({ code }) => this.#closed(code));
  }

  /** Shows an exchange, and follows it from now on. */
  choose(id: string): void {
    this.#chosen = id;
    this.#follow();
    const { machine } = this.#options;
    const records = this.#runOf(id);
    const live = 'At its end (the key End) you go along with what comes.';
    const over = records.length === 0 ? 'Its steps were not asked for while there was one.' : '';
    const notes = [`Machine ${machine.name}.`, this.#gone ? `The gateway is gone. ${over}` : live];
    const title = `Exchange ${id}, live`;
    this.#options.chosen(id, { title, notes, machine, records, sampled: true });
    this.#grid.show(this.#shown.length, this.#chosenAt());
  }

  /** Something else is shown. */
  leave(): void {
    if (this.#chosen === undefined) return;
    this.#chosen = undefined;
    this.#follow();
    this.#grid.update(this.#shown.length, -1);
  }

  /** Now, on the clock of the server: it stands still when nothing is heard any more. */
  get #now(): number {
    const since = this.#gone ? 0 : performance.now() - this.#frameAt;
    return (this.#frame?.at ?? 0) + Math.round(since);
  }

  get #gone(): boolean {
    return this.#socket.readyState >= WebSocket.CLOSING;
  }

  /** Whether no row is to move: who points at one means that one. */
  get #held(): boolean {
    return byId<HTMLInputElement>('live-hold').checked || this.#grid.element.matches(':hover');
  }

  #follow(): void {
    const message = { follow: this.#chosen ?? null };
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take(frame: Frame): void {
    this.#frame = frame;
    this.#frameAt = performance.now();
    this.#rows.take(frame);
    this.#grow(frame.messages);
    if (frame.unknown !== undefined && frame.unknown === this.#chosen) {
      this.#options.say(`Exchange ${frame.unknown} is not known any more; its steps are gone.`);
    }
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#draw();
    });
  }

  #grow(messages: readonly unknown[]): void {
    const told = messages as readonly { type: string; sessionId: string }[];
    const ours = told.filter(({ sessionId }) => sessionId === this.#chosen);
    if (this.#chosen === undefined || ours.length === 0) return;
    const records = this.#runOf(this.#chosen);
    for (const message of ours) {
      // An actor is told first of all. What came before was for somebody who chose it earlier.
      if (message.type === '@xstate.actor') records.length = 0;
      const record = recordOf(message);
      if (record !== undefined) records.push(record);
    }
    const gone = Math.max(0, records.length - RECORDS_MAX);
    records.splice(FIRST_RECORDS, gone);
    this.#options.grew(gone);
  }

  #runOf(id: string): TraceRecord[] {
    const records = this.#runs.get(id) ?? [];
    this.#runs.delete(id);
    this.#runs.set(id, records);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > RUNS_MAX) this.#runs.delete(oldest as string);
    return records;
  }

  /** The order stays if it is held, unless others are to be shown. */
  #draw(others = false): void {
    const filter = byId<HTMLSelectElement>('live-filter').value as Filter;
    const ordered = this.#rows.ordered(filter);
    const held = this.#held;
    if (!held || others) this.#shown = ordered;
    this.#grid.update(this.#shown.length, this.#chosenAt());
    const { inFlight = 0, begun = 0, leftOut = 0 } = this.#frame ?? {};
    const parts = [`${inFlight} in flight`, `${begun} begun`, `${this.#rows.size} in the table`];
    if (leftOut > 0) parts.push(`${leftOut} left out, as they came too fast`);
    const more = ordered.length - this.#shown.length;
    if (held) parts.push(`the order is held, and ${more} more wait`);
    byId('live-counts').textContent = `${parts.join('; ')}.`;
  }

  #chosenAt(): number {
    return this.#shown.findIndex(({ id }) => id === this.#chosen);
  }

  #closed(code: number): void {
    const why =
      this.#frame === undefined
        ? 'The gateway takes no more viewers, or is gone.'
        : code === 1001
          ? 'The gateway has ended.'
          : 'The gateway is gone, or has let this page go as it did not read; reload it to see.';
    this.#options.say(`${why} ${GONE}`);
    byId('live').dataset.gone = 'true';
    this.#draw();
  }
}

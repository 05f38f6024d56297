/**
 * Reads traces of any length in a browser: as a stream, a bounded number of records kept, and every
 * fault told with its line while the rest is read on. Pure but for the stream.
 */
import type { TraceRecord } from '../../../src/trace.js';
import { decode } from '../../../src/trace.js';
import type { Machine } from './runs.js';
import { eventCodes, machineWith } from './runs.js';

/** Records kept in all, some 100 bytes each. What comes after them is counted. */
export const RECORDS_MAX = 300_000;
const LINE_LETTERS_MAX = 1 << 20;
const FAULTS_TOLD_MAX = 20;
/** A file of which this many lines hold no record is not read to its end. */
const PATIENCE_LINES = 1_000;

/** One exchange of a file, and what the table of exchanges says of it. */
export interface Held {
  readonly id: string;
  readonly file: string;
  readonly records: TraceRecord[];
  readonly machine: Machine | undefined;
  anomalies: number;
  violations: number;
}

/** What was read of one file. */
export interface Reading {
  readonly file: string;
  lines: number;
  records: number;
  /** Records that were read but not kept. */
  leftOut: number;
  faults: number;
  /** The first faults, each with its line. */
  readonly told: string[];
}

/** How often it is told how far a file is read, and whoever is asked may wait a moment. */
const PROGRESS_LINES = 4_000;

type Bytes = AsyncIterable<Uint8Array>;

/** The exchanges of all files that were opened. */
export class Holdings {
  readonly held: Held[] = [];
  readonly #recordsMax: number;
  /** Equal texts once: those of a state are most of what a record weighs. */
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();
  #records = 0;

  constructor(recordsMax = RECORDS_MAX) {
    this.#recordsMax = recordsMax;
  }

  /** Of several files that have such an exchange the first, if none is named. */
  find(id: string, file?: string): Held | undefined {
    return this.held.find((one) => one.id === id && (file === undefined || one.file === file));
  }

  /** Reads a file to its end, or until it is plain that it is no trace. */
  async read(
    file: string,
    bytes: Bytes,
    progress: (reading: Reading) => void | Promise<void> = () => {},
  ): Promise<Reading> {
    // A file that is opened twice is there twice: its exchanges are not gone on with.
    const byId = new Map<string, Held>();
    const reading: Reading = { file, lines: 0, records: 0, leftOut: 0, faults: 0, told: [] };
    for await (const { text, ended } of linesIn(bytes)) {
      reading.lines += 1;
      if (text.trim() !== '') this.#take(reading, byId, { text, ended });
      if (reading.records === 0 && reading.faults >= PATIENCE_LINES) {
        reading.told.unshift(`not a trace: none of the first ${reading.lines} lines is a record`);
        break;
      }
      if (reading.lines % PROGRESS_LINES === 0) await progress(reading);
    }
    if (reading.records === 0 && reading.faults === 0) reading.told.push('it holds no record');
    return reading;
  }

  #take(reading: Reading, byId: Map<string, Held>, { text, ended }: Line): void {
    try {
      if (text.length >= LINE_LETTERS_MAX) throw new RangeError('longer than any record');
      const record = decode(text);
      reading.records += 1;
      if (this.#records >= this.#recordsMax) reading.leftOut += 1;
      else this.#keep(reading.file, byId, record);
    } catch (error) {
      reading.faults += 1;
      if (reading.told.length >= FAULTS_TOLD_MAX) return;
      const torn = ended ? '' : 'torn, the file ends in it: ';
      const why = (error as Error).message;
      const short = why.length > 200 ? `${why.slice(0, 100)} … ${why.slice(-90)}` : why;
      reading.told.push(`line ${reading.lines}: ${torn}${short}`);
    }
  }

  #keep(file: string, byId: Map<string, Held>, record: TraceRecord): void {
    this.#records += 1;
    const kept: TraceRecord = {
      ...record,
      exchange: this.#once(record.exchange),
      event: this.#once(record.event),
      state: this.#once(record.state),
      commands: this.#listOnce(record.commands),
    };
    const held = byId.get(kept.exchange) ?? this.#add(file, kept);
    byId.set(held.id, held);
    this.#count(held, kept);
    held.records.push(kept);
  }

  #add(file: string, { exchange: id, state }: TraceRecord): Held {
    const held = {
      id,
      file,
      records: [],
      machine: machineWith(state),
      anomalies: 0,
      violations: 0,
    };
    this.held.push(held);
    return held;
  }

  #count(held: Held, record: TraceRecord): void {
    if (record.commands.some((text) => text.startsWith('countAnomaly('))) held.anomalies += 1;
    const { machine, records } = held;
    const before = records.at(-1)?.state ?? machine?.table.states[0] ?? '';
    const code = machine?.codes.get(before);
    if (machine === undefined || code === undefined) return;
    const { answer } = machine.table.step(code, eventCodes.get(record.event) as number);
    if (answer === 'violation') held.violations += 1;
  }

  #once(text: string): string {
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  #listOnce(list: readonly string[]): readonly string[] {
    const key = list.join();
    const known = this.#lists.get(key);
    if (known === undefined) this.#lists.set(key, list);
    return known ?? list;
  }
}

/** What is to be said of a file that was read. */
export function summaryOf({ file, lines, records, leftOut, faults }: Reading): string {
  const parts = [`${file}: ${records} records in ${lines} lines`];
  if (leftOut > 0) parts.push(`${leftOut} not kept, since the page holds no more`);
  if (faults > 0) parts.push(`${faults} ${faults === 1 ? 'line' : 'lines'} not readable`);
  return `${parts.join('; ')}.`;
}

/** The outcome of an exchange, or a dash while it has none. */
export function outcomeOf({ records }: Held): string {
  const [phase, outcome] = (records.at(-1)?.state ?? '').split('.');
  return (phase === 'settling' || phase === 'processed') && outcome ? outcome : '–';
}

interface Line {
  readonly text: string;
  /** Whether a newline follows. */
  readonly ended: boolean;
}

/** Of a line that is too long its beginning, as long as it may be. */
async function* linesIn(bytes: Bytes): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const pieces = decoder.decode(chunk, { stream: true }).split('\n');
    for (const [at, piece] of pieces.entries()) {
      rest = (rest + piece).slice(0, LINE_LETTERS_MAX);
      if (at === pieces.length - 1) break;
      yield { text: rest, ended: true };
      rest = '';
    }
  }
  if (rest !== '') yield { text: rest, ended: false };
}

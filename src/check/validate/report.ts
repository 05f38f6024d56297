/** What is said of a log: each exchange that diverges, what could not be read, and the counts. */
import type { Edit } from './edits.js';

/** Why a record is one that the exchange cannot have. */
export type Why = 'seq' | 'state' | 'commands' | 'environment' | 'violation' | 'anomaly' | 'event';

export interface Divergence {
  readonly exchange: string;
  /** The line of the log, from 1. */
  readonly line: number;
  /** Which of the exchange's records it is, from 0. */
  readonly index: number;
  readonly event: string;
  readonly why: Why;
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** The names of the states that were possible before it. */
  readonly before: readonly string[];
  /** What would have been legal instead: events, or for a trace of ours the record itself. */
  readonly legal: readonly string[];
  /** The nearest edits, all equally near, best first. */
  readonly edits: readonly Edit[];
}

/** A line, or a part of the log, that is not what the mapping says. */
export interface Unreadable {
  readonly line: number;
  readonly message: string;
}

export interface Report {
  readonly lines: number;
  /** Records that were judged: one for each event. */
  readonly records: number;
  readonly exchanges: number;
  /** How many exchanges diverge, and how many of their records were not legal. */
  readonly diverging: number;
  readonly faults: number;
  /** Lines that the mapping ignores. */
  readonly ignored: number;
  readonly unreadable: number;
  /** Exchanges that were open when the log ended, or were given up because too many were. */
  readonly open: number;
  readonly anomalies: Readonly<Record<string, number>>;
  /** The first of them, as many as were asked for, by line. */
  readonly divergences: readonly Divergence[];
  readonly faulty: readonly Unreadable[];
}

/** How many names are shown of a set that may be large. */
const SHOWN = 6;

export class Findings {
  readonly #max: number;
  readonly #divergences: Divergence[] = [];
  readonly #faulty: { line: number; message: string }[] = [];
  readonly #anomalies = new Map<string, number>();
  lines = 0;
  records = 0;
  exchanges = 0;
  diverging = 0;
  faults = 0;
  ignored = 0;
  unreadable = 0;
  open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Reports may come late, when an edit was followed, and so the first by line are sorted out. */
  diverges(divergence: Divergence): void {
    this.diverging++;
    const kept = this.#divergences;
    kept.push(divergence);
    if (kept.length <= 2 * this.#max) return;
    kept.sort((a, b) => a.line - b.line).splice(this.#max);
  }

  /** `again` adds to what was said of the same line. */
  cannotRead(line: number, message: string, again = false): void {
    const told = this.#faulty.at(-1);
    if (again) {
      if (told?.line === line) told.message = `${message}: ${told.message}`;
      return;
    }
    this.unreadable++;
    if (this.#faulty.length < this.#max) this.#faulty.push({ line, message });
  }

  /** Says of the whole log, before all else, that it is not what the mapping speaks of. */
  wrongMapping(message: string): void {
    this.unreadable++;
    this.#faulty.unshift({ line: 1, message });
    this.#faulty.splice(Math.max(1, this.#max));
  }

  anomaly(name: string, times = 1): void {
    this.#anomalies.set(name, (this.#anomalies.get(name) ?? 0) + times);
  }

  get report(): Report {
    const { lines, records, exchanges, diverging, faults, ignored, unreadable } = this;
    const divergences = [...this.#divergences].sort((a, b) => a.line - b.line);
    return {
      lines,
      records,
      exchanges,
      diverging,
      faults,
      ignored,
      unreadable,
      open: this.open,
      anomalies: Object.fromEntries(this.#anomalies),
      divergences: divergences.slice(0, this.#max),
      faulty: this.#faulty,
    };
  }
}

export function isValid({ diverging, unreadable }: Report): boolean {
  return diverging === 0 && unreadable === 0;
}

/** The report for people. `log` names the log. */
export function textOf(report: Report, log: string): string {
  const { divergences, faulty, diverging, unreadable } = report;
  const parts = [
    ...faulty.map(({ line, message }) => `${log}:${line}: ${message}\n`),
    ...more(unreadable - faulty.length, 'line', 'cannot be read'),
    ...divergences.map((divergence) => textOfDivergence(divergence, log)),
    ...more(diverging - divergences.length, 'exchange', 'diverge'),
  ];
  return `${parts.join('')}${countsOf(report)}`.replace(UNPRINTABLE, escaped);
}

/** What a log may hold and a terminal would obey: controls, but for line ends, and reorderings. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNPRINTABLE = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function more(left: number, thing: string, what: string): string[] {
  return left > 0 ? [`and ${counted(left, `more ${thing}`)} that ${what}\n`] : [];
}

function textOfDivergence(divergence: Divergence, log: string): string {
  const { exchange, line, index, event, message, before, legal, edits } = divergence;
  const edit = edits.map(textOfEdit).join(', or ');
  return [
    `${log}:${line}: exchange ${JSON.stringify(exchange)}, record ${index}, ${event}: ${message}`,
    ...rows('possible before', before),
    ...rows('legal instead', legal),
    `  nearest edit     ${edit === '' ? 'no single one' : edit}`,
    '',
  ].join('\n');
}

function rows(title: string, names: readonly string[]): string[] {
  const shown = names.slice(0, SHOWN);
  if (names.length > SHOWN) shown.push(`and ${names.length - SHOWN} more`);
  if (shown.length === 0) shown.push('nothing');
  return shown.map((name, place) => `  ${(place === 0 ? title : '').padEnd(17)}${name}`);
}

export function textOfEdit({ kind, what }: Edit): string {
  switch (kind) {
    case 'amend':
      return 'change this record to what is legal';
    case 'insert':
      return `insert ${what} before it`;
    case 'swapPrevious':
      return 'swap it with the record before it';
    case 'swapNext':
      return 'swap it with the next record';
    case 'delete':
      return 'delete it';
    case 'deletePrevious':
      return 'delete the record before it';
  }
}

function countsOf(report: Report): string {
  const { lines, records, exchanges, diverging, anomalies, open } = report;
  const asides = [
    [report.faults - diverging, 'more fault', 'in exchanges that diverge'],
    [report.unreadable, 'line', 'that cannot be read'],
    [report.ignored, 'line', 'ignored by the mapping'],
    [open, 'exchange', 'without an outcome'],
  ] as const;
  let verdict = diverging === 0 ? 'none diverges' : `${diverging} diverging`;
  if (records === 0) verdict = 'there is nothing to judge';
  const odd = Object.entries(anomalies).map(([name, times]) => `${name} ${times}`);
  return [
    `${counted(records, 'record')} of ${counted(exchanges, 'exchange')} in ` +
      `${counted(lines, 'line')}: ${verdict}`,
    ...asides.filter(([n]) => n > 0).map(([n, thing, what]) => `  ${counted(n, thing)} ${what}`),
    ...(odd.length === 0 ? [] : [`  anomalies, absorbed: ${odd.join(', ')}`]),
    '',
  ].join('\n');
}

function counted(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? '' : 's'}`;
}

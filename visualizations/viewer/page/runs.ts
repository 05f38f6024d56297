/** Runs as the page shows them: records with what the machine itself makes of each. Pure. */
import type { Event } from '../../../machines/events.js';
import { ANOMALIES, EVENTS, REASONS, textOf } from '../../../machines/events.js';
import { rows as legacyRows } from '../../../src/legacy.generated.js';
import { table } from '../../../src/step.js';
import { Table } from '../../../src/table.js';
import type { TraceRecord } from '../../../src/trace.js';
import { TRACE_VERSION, wordOf } from '../../../src/trace.js';

/** A compiled machine, by the names that traces have for its states and events. */
export interface Machine {
  readonly name: string;
  readonly table: Table;
  readonly codes: ReadonlyMap<string, number>;
}

const machineOf = (compiled: Table): Machine => ({
  name: compiled.machine,
  table: compiled,
  codes: new Map(compiled.states.map((state, code) => [state, code])),
});

export const machines: readonly Machine[] = [machineOf(table), machineOf(new Table(legacyRows))];
export const eventCodes: ReadonlyMap<string, number> = new Map(
  EVENTS.map((event, code) => [textOf(event), code]),
);

/** The machine that has a state of this name. No two of them share one. */
export function machineWith(state: string): Machine | undefined {
  return machines.find(({ codes }) => codes.has(state));
}

/** What is stepped through: records of one exchange, and where they come from. */
export interface Run {
  readonly title: string;
  /** What is to be seen in it, in sentences. */
  readonly notes: readonly string[];
  readonly machine: Machine | undefined;
  readonly records: readonly TraceRecord[];
  /** Records may be missing, since whoever told them left some out. */
  readonly sampled?: true;
}

/** How the machine answers: `divergent` if it would have done other than the record says. */
export type Kind = 'taken' | 'absorbed' | 'anomaly' | 'violation' | 'divergent' | 'unknown';

/** A shape and a word for each, since a colour alone tells nothing to some. */
export const MARKS: Readonly<Record<Kind, string>> = {
  taken: '● taken',
  absorbed: '○ absorbed',
  anomaly: '▲ anomaly',
  violation: '■ violation',
  divergent: '✕ diverges',
  unknown: '? not known',
};

export interface Judgement {
  readonly kind: Kind;
  /** Why it changes nothing, or why it is not what the machine does. */
  readonly why: string;
}

/** The name of the state before a record, where it is known. */
export function stateBefore({ machine, records }: Run, at: number): string | undefined {
  if (at > 0) return records[at - 1]?.state;
  return records.length === 0 || records[0]?.seq === 0 ? machine?.table.states[0] : undefined;
}

/** Holds the record at this place against the machine. */
export function judge(run: Run, at: number): Judgement {
  const record = run.records[at] as TraceRecord;
  const before = stateBefore(run, at);
  const { machine } = run;
  if (machine === undefined) return { kind: 'unknown', why: 'no machine here has such a state' };
  if (before === undefined) return { kind: 'unknown', why: 'what came before was not recorded' };
  const code = machine.codes.get(before);
  if (code === undefined) return { kind: 'unknown', why: 'the state before is of no machine here' };
  if (at > 0 && record.seq !== (run.records[at - 1] as TraceRecord).seq + 1) {
    if (run.sampled) return { kind: 'unknown', why: 'steps before it were left out' };
    return { kind: 'divergent', why: 'records before it are missing' };
  }
  const answer = machine.table.step(code, eventCodes.get(record.event) as number);
  const state = machine.table.states[answer.state] as string;
  const commands = answer.commands.map(wordOf);
  if (state !== record.state || commands.join() !== record.commands.join()) {
    const ordered = commands.length === 0 ? 'orders nothing' : `orders ${commands.join(', ')}`;
    return { kind: 'divergent', why: `the machine goes to ${state} and ${ordered}` };
  }
  return answerOf(answer.answer, answer.reason ?? '', commands);
}

function answerOf(answer: string, reason: string, commands: readonly string[]): Judgement {
  if (answer === 'violation') return { kind: 'violation', why: 'a peer broke the protocol' };
  const counted = commands.flatMap((text) => /^countAnomaly\((.*)\)$/.exec(text)?.[1] ?? []);
  const why = (name: string) => ({ ...ANOMALIES, ...REASONS })[name as keyof typeof REASONS] ?? '';
  const [anomaly] = counted;
  if (anomaly !== undefined) return { kind: 'anomaly', why: `${anomaly}: ${why(anomaly)}` };
  if (answer === 'absorbed') return { kind: 'absorbed', why: why(reason) };
  return { kind: 'taken', why: '' };
}

/** The step in a sentence, for the line that screen readers speak. `at` records have been taken. */
export function telling(run: Run, at: number): string {
  const { records } = run;
  const record = records[at - 1];
  if (record === undefined) {
    return `Before the first of ${records.length} steps: ${stateBefore(run, 0) ?? 'not recorded'}.`;
  }
  const { kind, why } = judge(run, at - 1);
  const verb: Record<Kind, string> = {
    taken: 'Taken',
    absorbed: 'Absorbed',
    anomaly: 'Absorbed and counted as an anomaly',
    violation: 'A violation',
    divergent: 'Not what the machine does',
    unknown: 'Not judged',
  };
  const stays = stateBefore(run, at - 1) === record.state;
  const verbOf = kind === 'anomaly' && !stays ? 'Taken, and counted as an anomaly' : verb[kind];
  const orders = record.commands.length === 0 ? 'nothing' : record.commands.join(', ');
  return [
    `Step ${at} of ${records.length}: ${record.event}.`,
    `${verbOf}${why === '' ? '' : ` (${why})`}.`,
    `The state ${stays ? 'stays' : 'is now'} ${record.state}. Ordered: ${orders}.`,
  ].join(' ');
}

/** Plays events on a machine. Throws a `RangeError` for a text that is no event. */
export function played(machine: Machine, texts: readonly string[]): TraceRecord[] {
  let state = 0;
  return texts.map((text, seq) => {
    const code = eventCodes.get(text);
    if (code === undefined) throw new RangeError(`no such event: ${text}`);
    const answer = machine.table.step(state, code);
    state = answer.state;
    return {
      v: TRACE_VERSION,
      exchange: machine.name,
      seq,
      at: seq,
      event: textOf(EVENTS[code] as Event),
      state: machine.table.states[state] as string,
      commands: answer.commands.map(wordOf),
    };
  });
}

/** Every event with the answer of a state to it: what the simulator offers. */
export function offered(machine: Machine, state: string): { event: string; kind: Kind }[] {
  const code = machine.codes.get(state) as number;
  return [...eventCodes].map(([event, place]) => {
    const { answer, reason = '', commands } = machine.table.step(code, place);
    return { event, kind: answerOf(answer, reason, commands.map(wordOf)).kind };
  });
}

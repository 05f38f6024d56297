/**
 * A counterexample as things that can be kept: a trace, a story, a test that replays it, the events
 * for any adapter, and the messages for Envoy's wire where Envoy can bring it about. Pure texts;
 * whoever asks for them decides where they go.
 */
import type { Environment } from '../../machines/environments.js';
import type { Event } from '../../machines/events.js';
import { codeOf, textOf } from '../../machines/events.js';
import type { Decision, Memory, Property } from '../../machines/properties.js';
import type { Table } from '../table.js';
import type { TraceRecord } from '../trace.js';
import { decode, encode, eventOf } from '../trace.js';
import type { Run } from './explore.js';
import { runOf, stepAt } from './explore.js';

/** A run that breaks an `always`, and of what. */
export interface Counterexample {
  readonly machine: string;
  readonly environment: Pick<Environment, 'name' | 'sentence'>;
  readonly property: Pick<Property, 'name' | 'sentence'>;
  readonly run: Run;
  /** How many of its last events go round for ever, where the claim is about whole runs. */
  readonly cycle?: number;
}

/** A file to be: its name, and what is in it. */
export interface Artefact {
  readonly name: string;
  readonly text: string;
}

/** The name of its files, without an ending. */
export function slugOf({ machine, environment, property }: Counterexample): string {
  return `${machine}-${environment.name}-${property.name}`;
}

/**
 * All there is of one counterexample. `home` is the folder of the program's own modules, `src` or
 * `dist/src`, as the test is to import it from where it will lie.
 */
export function artefactsOf(found: Counterexample, home: string): Artefact[] {
  const slug = slugOf(found);
  const messages = messagesOf(found.run.events);
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return [
    { name: `${slug}.ndjson`, text: traceTextOf(found.run) },
    { name: `${slug}.txt`, text: storyOf(found) },
    // What goes wrong only by going on for ever cannot be seen in a replay that ends.
    ...(found.cycle === undefined
      ? [{ name: `${slug}.test.ts`, text: replayTestOf(found, home) }]
      : []),
    { name: `${slug}.events.json`, text: json(found.run.events.map(textOf)) },
    ...(messages === undefined ? [] : [{ name: `${slug}.envoy.json`, text: json(messages) }]),
  ];
}

export function traceTextOf(run: Run): string {
  return run.trace.map(encode).join('');
}

/** The run for people: what came, what was ordered, and what is wrong in the end. */
export function storyOf(found: Counterexample): string {
  const { machine, environment, property, run } = found;
  const { trace } = run;
  const digits = String(trace.length).length;
  const margin = ' '.repeat(digits + 4);
  const steps = trace.map(({ event, commands, state }, at) => {
    const before = trace[at - 1]?.state;
    const ordered = commands.length === 0 ? 'nothing is ordered' : commands.join(', ');
    const led = at > 0 && before === state ? `${state}, as before` : state;
    return [
      `  ${String(at + 1).padStart(digits)}. ${event}`,
      `${margin}orders: ${ordered}`,
      `${margin}then:   ${led}`,
    ].join('\n');
  });
  const count = `${trace.length} ${trace.length === 1 ? 'event' : 'events'}`;
  return [
    `The machine "${machine}" breaks a claim, in ${count}.`,
    `Who speaks: ${environment.sentence} (${environment.name})`,
    '',
    ...steps,
    '',
    `${endingOf(found)} ${property.sentence}`,
    `(${property.name})`,
    '',
  ].join('\n');
}

/** What is wrong in the end; the sentence that it breaks follows. */
export function endingOf({ run: { trace }, cycle }: Counterexample): string {
  if (cycle === undefined) return `Broken by event ${trace.length}, "${trace.at(-1)?.event}":`;
  if (cycle === 0) return 'Broken, since nothing more may come:';
  return `Broken, since from event ${trace.length - cycle + 1} on this can go round for ever:`;
}

/** What came of a trace that was played again. Both are places in it, from 0. */
export interface Replay {
  /** The first record that the table does not give. */
  readonly diverges?: number;
  /** The record that decides the property. */
  readonly decides?: number;
  readonly decision?: Decision;
}

/** Plays the events of a trace on a table, and folds a property over what the table makes of them. */
export function replay(table: Table, property: Property, trace: readonly TraceRecord[]): Replay {
  const events = trace.map(({ event }) => eventOf(event) as Event);
  const made = runOf(table, events).trace;
  const diverges = made.findIndex((record, at) => !sameStep(record, trace[at] as TraceRecord));
  let [state, memory]: [number, Memory] = [0, property.initial];
  for (const [at, event] of events.entries()) {
    const code = codeOf(event);
    const then = property.next(memory, stepAt(table, state, code));
    if (typeof then === 'string') {
      return { ...(diverges < 0 ? {} : { diverges }), decides: at, decision: then };
    }
    memory = then;
    ({ state } = table.step(state, code));
  }
  return diverges < 0 ? {} : { diverges };
}

function sameStep(one: TraceRecord, other: TraceRecord): boolean {
  const facts = ({ event, state, commands }: TraceRecord) => [event, state, ...commands].join(' ');
  return facts(one) === facts(other);
}

/** The records of a trace's text. Throws `INTERLOCK_BAD_TRACE` for one that is none. */
export function traceOf(text: string): TraceRecord[] {
  return text.split('\n').slice(0, -1).map(decode);
}

/**
 * A test that fails as long as the machine breaks the claim on this run, and passes when it is
 * mended; then it is a regression to keep.
 */
export function replayTestOf(found: Counterexample, home: string): string {
  const slug = slugOf(found);
  const { machine, environment, property } = found;
  const text = (value: string) => `'${value.replace(/[\\']/g, '\\$&')}'`;
  return `/**
 * Written by \`interlock check\`: machine "${machine}", environment "${environment.name}".
 * It fails until the machine keeps the claim on this run. Then it is a regression: keep it.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rows } from '${home}/${machine}.generated.js';
import { allProperties } from '${home}/check/claims.js';
import { replay, traceOf } from '${home}/check/counterexample.js';
import { Table } from '${home}/table.js';

const property = allProperties.find(({ name }) => name === '${property.name}')!;
const trace = traceOf(readFileSync(new URL('./${slug}.ndjson', import.meta.url), 'utf8'));

it(${text(property.sentence)}, () => {
  const { decides, decision } = replay(new Table(rows), property, trace);
  const orders = trace[decides ?? -1]?.commands.join(', ');
  expect(decision, \`broken by event \${(decides ?? 0) + 1}, which orders: \${orders}\`).toBe(undefined);
});
`;
}

/** A message of Envoy's, in protobuf's JSON: bytes are base64. */
export type EnvoyMessage = Readonly<Record<string, unknown>>;

const bytes = (text: string) => Buffer.from(text).toString('base64');
const headers = (fields: Readonly<Record<string, string>>) => ({
  headers: Object.entries(fields).map(([key, value]) => ({ key, rawValue: bytes(value) })),
});
const body = (text: string, endOfStream: boolean) => ({ body: bytes(text), endOfStream });
const response = (status: string): EnvoyMessage => ({
  responseHeaders: {
    headers: headers({ ':status': status, 'content-type': 'application/json' }),
    endOfStream: false,
  },
});
const REQUEST = { ':method': 'POST', ':path': '/v1/chat/completions', ':authority': 'llm.test' };
const USAGE = '{"usage":{"prompt_tokens":4,"completion_tokens":37,"total_tokens":41}}';

/** The events that Envoy brings about, each by a message of its own. */
const MESSAGES: Readonly<Record<string, EnvoyMessage>> = {
  'request.headers': { requestHeaders: { headers: headers(REQUEST), endOfStream: false } },
  'request.body': { requestBody: body('{"model":"m"}', false) },
  'request.end': { requestBody: body('', true) },
  'request.trailers': { requestTrailers: { trailers: headers({}) } },
  'response.headers(success)': response('200'),
  'response.headers(refusal)': response('404'),
  'response.headers(failure)': response('503'),
  'response.body(false)': { responseBody: body(USAGE, false) },
  'response.body(true)': { responseBody: body('', false) },
  'response.end': { responseBody: body('', true) },
  'response.trailers': { responseTrailers: { trailers: headers({}) } },
};

/** The run as messages; undefined where it has an event that Envoy cannot bring about. */
export function messagesOf(events: readonly Event[]): readonly EnvoyMessage[] | undefined {
  const messages = events.map((event) => MESSAGES[textOf(event)]);
  return messages.every((message) => message !== undefined) ? messages : undefined;
}

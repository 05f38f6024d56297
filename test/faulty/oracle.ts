/**
 * What is right. It is a function of the messages alone: what must be answered, and what must stand
 * in the ledger once the stream is over. It knows no server.
 */
import { status as grpc } from '@grpc/grpc-js';
import type {
  HttpBody,
  Kind,
  ProcessingResponse,
  Struct,
} from '../../src/adapters/ext-proc/wire.js';
import { KINDS } from '../../src/adapters/ext-proc/wire.js';
import type { StreamEnd } from '../../src/envoy/stream.js';
import type { Counts, Half, Message } from './messages.js';
import { halfOf } from './messages.js';

export const REQUIREMENTS = {
  answer: 'Outside of full duplex each message has one answer of its kind, in its order.',
  duplex: 'In full duplex a half is answered as headers, streamed body, trailers, with one end.',
  immediate: 'Nothing that is legal or a mere quirk is answered by an ImmediateResponse.',
  started: 'No ImmediateResponse comes once the response has started.',
  bytes: 'Bodies pass as they came.',
  status: 'A stream that its peer ends is ended without an error.',
  violation: 'A body before its headers closes the stream with INVALID_ARGUMENT.',
  silence: 'A stream that its peer has ended ends.',
  record: 'Each exchange that began has one record, and nothing else has one.',
  outcome: 'The outcome is what the messages told; a close alone tells none.',
  usage: 'The usage is what the response has shown, at each point where it may break off.',
  code: 'The record has the status of the response.',
  told: 'A usage is told by the answer to the message that showed it.',
} as const;
export type Requirement = keyof typeof REQUIREMENTS;

/** What is asked of a usage record. */
export interface Billed {
  readonly outcome: string;
  readonly status?: number | undefined;
  readonly usage: { readonly kind: string } & Counts;
}

/** What was wrong, at which of the messages; -1 is their end. */
export interface Fault {
  readonly at: number;
  readonly requirement: Requirement;
  readonly found: string;
}

/** What one stream saw. */
export interface Seen {
  readonly answers: readonly ProcessingResponse[];
  /** Undefined if it did not end in the time that it had. */
  readonly end: StreamEnd | undefined;
  readonly cancelled: boolean;
}

/** What a stream of messages comes to. */
export interface Expected {
  /** The message that breaks the grammar of its half, if one does. */
  readonly violation: number | undefined;
  readonly billed: Billed | undefined;
  /** The counts known behind each message; undefined where only the body's end can tell. */
  readonly known: readonly (Counts | undefined)[];
}

export function expectationOf(messages: readonly Message[]): Expected {
  const begun = new Set<Half>();
  const ended = new Set<Half>();
  const known: (Counts | undefined)[] = [];
  let status: number | undefined;
  let verdict: string | undefined;
  let counts: Counts = {};
  for (const [at, { kind, shown, ...message }] of messages.entries()) {
    const half = halfOf(kind);
    const isHeaders = kind === 'requestHeaders' || kind === 'responseHeaders';
    if (!isHeaders && !begun.has(half)) {
      return { violation: at, billed: { outcome: 'violated', usage: { kind: 'unknown' } }, known };
    }
    if (kind === 'responseHeaders') status ??= message.status;
    // Behind the end of its half a message shows nothing; nor does the body of an error.
    if (half === 'response' && !ended.has(half) && (status as number) < 400) {
      verdict ??= shown.verdict;
      counts = { ...counts, ...shown.counts };
    }
    known.push(shown.counts && message.isJson && !message.end ? undefined : counts);
    begun.add(half);
    if (message.end) ended.add(half);
  }
  if (begun.size === 0) return { violation: undefined, billed: undefined, known };
  const outcome = outcomeOf(status, verdict, ended.has('response'));
  const isFinal = verdict === 'completed';
  const kind = counts.inputTokens === undefined ? 'unknown' : isFinal ? 'final' : 'partial';
  return { violation: undefined, billed: { outcome, status, usage: { kind, ...counts } }, known };
}

function outcomeOf(status: number | undefined, verdict: string | undefined, ended: boolean) {
  if (status !== undefined && status >= 500) return 'upstreamFailed';
  if (status !== undefined && status >= 400) return 'rejected';
  return verdict ?? (ended ? 'completed' : 'unknown');
}

/** What is wrong with what a stream saw, or undefined. */
export function faultOfAnswers(messages: readonly Message[], seen: Seen): Fault | undefined {
  const { violation } = expectationOf(messages);
  const legal = violation === undefined ? messages : messages.slice(0, violation);
  const fault = immediate(legal, seen) ?? wrongAnswer(legal, seen);
  if (fault !== undefined) return fault;
  if (seen.end === undefined) return { at: -1, requirement: 'silence', found: 'nothing' };
  if (violation !== undefined) {
    return seen.end.code === grpc.INVALID_ARGUMENT
      ? undefined
      : { at: violation, requirement: 'violation', found: endText(seen) };
  }
  // Its own cancel is all that a client sees of a stream that it cancelled.
  if (seen.cancelled || seen.end.code === grpc.OK) return undefined;
  return { at: -1, requirement: 'status', found: endText(seen) };
}

function immediate(messages: readonly Message[], { answers }: Seen): Fault | undefined {
  const at = answers.findIndex((answer) => answer.immediateResponse != null);
  if (at < 0) return undefined;
  const started = answers.slice(0, at).some((answer) => answer.responseHeaders != null);
  return {
    at: Math.min(at, messages.length - 1),
    requirement: started ? 'started' : 'immediate',
    found: `an ImmediateResponse, ${answers[at]?.immediateResponse?.status.code}`,
  };
}

function wrongAnswer(messages: readonly Message[], seen: Seen): Fault | undefined {
  if (messages[0]?.mode !== 'FULL_DUPLEX_STREAMED') return wrongPlain(messages, seen);
  return wrongStreamed(messages, seen, 'request') ?? wrongStreamed(messages, seen, 'response');
}

const kindOf = (answer: ProcessingResponse) => KINDS.find((kind) => answer[kind] != null);

function wrongPlain(messages: readonly Message[], seen: Seen): Fault | undefined {
  for (const [at, message] of messages.entries()) {
    const answer = seen.answers[at];
    if (answer === undefined) {
      return { at, requirement: 'answer', found: `no answer; ${endText(seen)}` };
    }
    const kind = kindOf(answer);
    if (kind !== message.kind) return { at, requirement: 'answer', found: `${kind}` };
    if (!passes(answer, message)) return { at, requirement: 'bytes', found: 'another body' };
  }
  const extra = seen.answers[messages.length];
  if (extra === undefined) return undefined;
  return { at: -1, requirement: 'answer', found: `one more answer, ${kindOf(extra)}` };
}

/** Whether an answer leaves the body as it is. */
function passes(answer: ProcessingResponse, { kind, bytes }: Message): boolean {
  if (kind === 'requestTrailers' || kind === 'responseTrailers') return true;
  const { bodyMutation, status } = answer[kind]?.response ?? {};
  if (status === 'CONTINUE_AND_REPLACE') return false;
  return bodyMutation == null || (bodyMutation.body != null && bytes.equals(bodyMutation.body));
}

/** In full duplex: the answers of a half against all that was sent of it. */
function wrongStreamed(all: readonly Message[], seen: Seen, half: Half): Fault | undefined {
  const messages = all.filter(({ kind }) => halfOf(kind) === half);
  const stop = messages.findIndex(({ end }) => end);
  const told = stop < 0 ? messages : messages.slice(0, stop + 1);
  const answers = seen.answers.filter((answer) => halfOf(kindOf(answer) as Kind) === half);
  const wrong = (found: string, requirement: Requirement = 'duplex'): Fault => ({
    at: all.indexOf(told.at(-1) as Message),
    requirement,
    found,
  });
  const shapes = answers.map(shapeOf);
  // The end of the answers is of the same kind as the end of what was sent.
  const grammar = new RegExp(
    `^${told.length > 0 ? 'H' : ''}b*${stop < 0 ? '' : shapeOfEnd(told[stop] as Message)}$`,
  );
  if (!grammar.test(shapes.join(''))) return wrong(`${shapes.join(' ')}; ${endText(seen)}`);
  const sent = Buffer.concat(told.map(({ bytes }) => bytes));
  const came = Buffer.concat(answers.map((answer) => streamedOf(answer)?.body ?? Buffer.alloc(0)));
  const whole = stop < 0 ? sent.subarray(0, came.length) : sent;
  return whole.equals(came) ? undefined : wrong(`${came}`, 'bytes');
}

function streamedOf(answer: ProcessingResponse): HttpBody | undefined {
  const common = answer.requestBody ?? answer.responseBody;
  return common?.response?.bodyMutation?.streamedResponse;
}

/** Headers, a piece of body, its end, trailers; and a body answer that is not streamed. */
function shapeOf(answer: ProcessingResponse): string {
  if (answer.requestHeaders ?? answer.responseHeaders) return 'H';
  if (answer.requestTrailers ?? answer.responseTrailers) return 'T';
  const streamed = streamedOf(answer);
  if (streamed === undefined) return '?';
  return streamed.endOfStream ? 'E' : 'b';
}

function shapeOfEnd({ kind }: Message): string {
  if (kind === 'requestHeaders' || kind === 'responseHeaders') return '';
  return kind === 'requestBody' || kind === 'responseBody' ? 'E' : 'T';
}

const endText = ({ end }: Seen) =>
  end === undefined ? 'the stream is open' : `the stream ended with ${end.code} (${end.details})`;

/** Whether each usage was told at once, in whatever namespace of the dynamic metadata. */
export function faultOfMetadata(
  messages: readonly Message[],
  { answers }: Seen,
): Fault | undefined {
  const { known } = expectationOf(messages);
  const isDuplex = messages[0]?.mode === 'FULL_DUPLEX_STREAMED';
  for (const [at, counts] of known.entries()) {
    const until = isDuplex ? answers : answers.slice(0, at + 1);
    const told = until.flatMap((answer) => numbersIn(answer.dynamicMetadata));
    const missing = Object.values(counts ?? {}).filter((count) => !told.includes(count));
    if (missing.length > 0) return { at, requirement: 'told', found: `[${told}] in the metadata` };
  }
  return undefined;
}

function numbersIn(struct: Struct | undefined): number[] {
  return Object.values(struct?.fields ?? {}).flatMap(({ numberValue, structValue }) =>
    numberValue === undefined ? numbersIn(structValue) : [numberValue],
  );
}

/** What is wrong with the records of some exchanges that ran together, or undefined. */
export function faultOfRecords(
  exchanges: readonly (readonly Message[])[],
  records: readonly Billed[],
): Fault | undefined {
  const expected = exchanges.flatMap((messages) => expectationOf(messages).billed ?? []);
  const found = records.map(billText).join(' and ') || 'no record';
  const wrong = (requirement: Requirement): Fault => ({ at: -1, requirement, found });
  if (records.length !== expected.length) return wrong('record');
  const differs = (text: (billed: Billed) => string) =>
    expected.map(text).sort().join() !== records.map(text).sort().join();
  if (differs(({ outcome }) => outcome)) return wrong('outcome');
  if (differs(usageText)) return wrong('usage');
  // What a client is told where no response was shown is the server's to say.
  const codes = records.map(({ status }) => status);
  for (const { status } of expected) {
    if (status === undefined) continue;
    if (!codes.includes(status)) return wrong('code');
    codes.splice(codes.indexOf(status), 1);
  }
  return undefined;
}

function usageText({ usage: { kind, inputTokens, outputTokens } }: Billed): string {
  return kind === 'unknown' ? kind : `${kind} ${inputTokens}/${outputTokens}`;
}

const billText = (billed: Billed) => `${billed.outcome} with usage ${usageText(billed)}`;

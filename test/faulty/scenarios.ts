/**
 * What the judge plays: every story, and every story broken off after each of its messages by a
 * half-close, and after its first ones by a cancel. The shortest come first, so the first that
 * convicts is a shortest.
 */
import {
  ANSWER,
  DELTA,
  DONE,
  EMPTY,
  ERROR_EVENT,
  FAILED_ANSWER,
  FINISH,
  MALFORMED,
  MESSAGE_DELTA,
  MESSAGE_START,
  MESSAGE_STOP,
  OTHER_ANSWER,
  QUESTION,
  REFUSAL,
  RESPONSE_COMPLETED,
  USAGE,
  USAGE_AS_TEXT,
  USAGE_SO_FAR,
} from './bodies.js';
import type { Message } from './messages.js';
import {
  cut,
  joined,
  requestBody as rb,
  requestHeaders,
  requestTrailers as rt,
  responseBody as sb,
  responseHeaders as sh,
  responseTrailers as st,
} from './messages.js';

export type Ending = 'half-close' | 'cancel';
/** What stream it is on, and a message or how the peer ends the stream. */
export interface Step {
  readonly stream: number;
  readonly does: Message | Ending;
}
export type Scenario = readonly Step[];

const rh = requestHeaders();
const rhEnd = requestHeaders({ end: true });
const buffered = requestHeaders({ mode: 'BUFFERED' });
const duplex = requestHeaders({ mode: 'FULL_DUPLEX_STREAMED' });
const json = sh(200, 'json');
const sse = sh(200, 'sse');
const over = sh(204, undefined, true);
const last = sb(EMPTY, true);
const [question1, question2] = cut(QUESTION, '"messages"');
const [answer1, answer2] = cut(ANSWER, '"choices"');
const [delta1, delta2] = cut(DELTA, 'Hel');
const [usage1, usage2] = cut(USAGE, '"usage":{"prompt', 'usage, cut in its counts');
const [key1, key2] = cut(USAGE, '"us', 'usage, cut in its name');
const crlf = { ...USAGE, text: USAGE.text.replaceAll('\n', '\r\n') };
const [crlf1, crlf2] = cut(crlf, '}\r', 'usage, cut in a CRLF');
const [completed1, completed2] = cut(RESPONSE_COMPLETED, '}}\n');

/** Almost every exchange begins with its request. Ends, and what comes behind them. */
const ends: Message[][] = [
  [rh, sh(200, 'json', true), last],
  [rh, over],
  [rh, sh(201, undefined, true)],
  [rh, sh(206, undefined, true)],
  [rh, sh(304, undefined, true)],
  [rhEnd, rb(EMPTY, true)],
  [rhEnd, json, json, sb(ANSWER, true)],
  // field: A1. The story that this project starts from.
  [rh, json, sb(ANSWER, true), last, last],
  [rh, json, sb(ANSWER, true), sb(OTHER_ANSWER, true)],
  [rh, json, sb(answer1), sb(EMPTY), sb(answer2), last],
  [rh, json, sb(ANSWER), last],
  // field: A5. A mode is no promise: the end says that a body is whole.
  [buffered, json, sb(answer1), sb(answer2, true)],
  [rh, json, last],
  // field: G7, G6. Trailers are an end too.
  [rh, json, st],
  [rh, json, sb(ANSWER), st],
  [rh, sse, sb(USAGE), sb(DONE), st],
  [rh, rt],
  [rh, rb(QUESTION), rt],
  [rh, rb(QUESTION, true), rt],
  [rh, json, sb(ANSWER, true), st],
];

/** Statuses, and errors inside a response that began well. */
const failures: Message[][] = [
  [rh, sh(400, 'json'), sb(REFUSAL, true)],
  [rh, sh(401, 'json'), sb(REFUSAL), last],
  [rh, sh(503, 'json', true)],
  [rh, json, sb(FAILED_ANSWER, true)],
  [rh, sse, sb(ERROR_EVENT), sb(DONE, true)],
  [rh, sse, sb(DELTA), sb(ERROR_EVENT)],
  [rh, sse, sb(USAGE), sb(ERROR_EVENT, true)],
  [rh, sse, sb(MALFORMED), sb(USAGE), sb(DONE, true)],
];

/** Streams, cut wherever it hurts. */
const streams: Message[][] = [
  [rh, sse, sb(joined('whole', DELTA, FINISH, USAGE, DONE), true), last],
  [rh, sse, sb(DELTA), sb(FINISH), sb(USAGE), sb(DONE), last],
  // field: G10
  [rh, sse, sb(joined('usage, [DONE]', USAGE, DONE)), last],
  [rh, sse, sb(delta1), sb(delta2), sb(USAGE), sb(DONE, true)],
  [rh, sse, sb(usage1), sb(usage2), sb(DONE, true)],
  [rh, sse, sb(key1), sb(key2), sb(DONE, true)],
  [rh, sse, sb(completed1), sb(completed2), last],
  // field: K11
  [rh, sse, sb(crlf1), sb(crlf2), sb(DONE, true)],
  [rh, sse, sb(USAGE_AS_TEXT), sb(FINISH), sb(USAGE), sb(DONE, true)],
  [rh, sse, sb(USAGE_SO_FAR), sb(USAGE), sb(DONE, true)],
  [rh, sse, sb(MESSAGE_START), sb(MESSAGE_DELTA), sb(MESSAGE_STOP, true)],
];

/** The halves beside each other, and messages where they do not belong. */
const orders: Message[][] = [
  [rh, rb(question1), rb(question2, true), json, sb(ANSWER, true)],
  [rh, json, rb(QUESTION), sb(ANSWER, true), rb(EMPTY, true)],
  // field: E16. A local reply has no request.
  [sh(503, 'json', true)],
  [sh(503, 'json'), sb(REFUSAL, true)],
  // field: D15
  [rb(QUESTION, true)],
  [rh, sb(ANSWER, true)],
  // field: D18
  [rh, rh, json, sb(ANSWER, true)],
  [rh, sh(400, 'json'), rh, sb(REFUSAL, true)],
];

const duplexes: Message[][] = [
  [duplex, rb(question1), rb(question2, true), json, sb(answer1), sb(answer2, true)],
  // field: G2, E1
  [duplex, rb(QUESTION, true), rb(question2, true)],
  [duplex, rb(QUESTION, true), rb(EMPTY, true), sse, sb(USAGE), sb(DONE), last, last],
  [duplex, rb(QUESTION), rt, json, sb(ANSWER), st],
  [requestHeaders({ mode: 'FULL_DUPLEX_STREAMED', end: true }), over],
];

const on = (stream: number, ...does: Step['does'][]): Step[] =>
  does.map((one) => ({ stream, does: one }));

/** Two exchanges of one id, which is a client's to choose (field: D17, A11). */
const pairs: Step[][] = [
  [
    ...on(0, rh, json, sb(answer1)),
    ...on(1, rh, json, sb(OTHER_ANSWER, true)),
    ...on(0, sb(answer2, true)),
  ],
  [...on(0, rh, json, sb(answer1), 'half-close'), ...on(1, rh, json, sb(OTHER_ANSWER, true))],
  [...on(0, rh, json, sb(answer1), 'cancel'), ...on(1, rh, json, sb(OTHER_ANSWER, true))],
  // field: A10. The one is over while the other is not, and closes only then.
  [...on(0, rh, over), ...on(1, rh), ...on(0, 'half-close'), ...on(1, over)],
];

function prefixesOf<T>(story: readonly T[]): T[][] {
  return story.map((_, at) => story.slice(0, at + 1));
}

function endedBy(steps: readonly Step[], ending: Ending): Scenario {
  const open = [0, 1].filter(
    (stream) =>
      steps.some((step) => step.stream === stream) &&
      !steps.some(({ stream: of, does }) => of === stream && typeof does === 'string'),
  );
  return [...steps, ...open.flatMap((stream) => on(stream, ending))];
}

/** A cancel is told apart from a half-close early or never, so long stories are cancelled once. */
const CANCELLED_AT_MOST = 3;

const told = [...ends, ...streams, ...failures, ...orders, ...duplexes];
const all: Scenario[] = [
  on(0, 'half-close'),
  ...told.flatMap(prefixesOf).map((story) => endedBy(on(0, ...story), 'half-close')),
  ...pairs.flatMap(prefixesOf).map((story) => endedBy(story, 'half-close')),
  // What streamed answers there will be before the end is not for the judge to say.
  ...told
    .filter(([first]) => first?.mode !== 'FULL_DUPLEX_STREAMED')
    .flatMap((story) => [...prefixesOf(story.slice(0, CANCELLED_AT_MOST)), story])
    .map((story) => endedBy(on(0, ...story), 'cancel')),
];

export function namesOf(scenario: Scenario): string[] {
  const isPair = scenario.some(({ stream }) => stream > 0);
  return scenario.map(({ stream, does }) => {
    const name = typeof does === 'string' ? does : does.name;
    return isPair ? `${'ab'[stream]}: ${name}` : name;
  });
}

const unique = new Map(all.map((scenario) => [namesOf(scenario).join(), scenario]));

/** Shortest first; among equals those that a half-close ends, then as they are told above. */
export const scenarios: readonly Scenario[] = [...unique.values()].sort(
  (one, other) => one.length - other.length,
);

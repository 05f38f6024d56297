// The healthy stream that the faults are made from: five words in chat chunks, usage, `[DONE]`.

import {
  chunk,
  type Framing,
  type HeaderList,
  head,
  SSE_HEADERS,
  type SseEvent,
  type Step,
  send,
  sseText,
} from '../script.js';

const WORDS = ['Every', ' door', ' is', ' locked', ' now.'];

export const PROMPT_TOKENS = 3;
export const COMPLETION_TOKENS = WORDS.length;

export const DONE: SseEvent = { data: '[DONE]' };

/** The usage object after so many completion tokens. */
export function usage(completionTokens: number): object {
  return {
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens: completionTokens,
    total_tokens: PROMPT_TOKENS + completionTokens,
  };
}

/** One chat chunk; `rest` goes beside `choices`. */
export function piece(choices: unknown[], rest: object = {}): SseEvent {
  const start = {
    id: 'chatcmpl-fault',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'fault',
  };
  return { data: { ...start, choices, ...rest } };
}

/** A chat chunk with one word. */
export function word(content: string, rest: object = {}): SseEvent {
  return piece([{ index: 0, delta: { content }, finish_reason: null }], rest);
}

/** The chat chunk that finishes the only choice. */
export function finish(rest: object = {}): SseEvent {
  return piece([{ index: 0, delta: {}, finish_reason: 'stop' }], rest);
}

/** The chunk that carries usage and nothing else. */
export function usageOnly(completionTokens = COMPLETION_TOKENS): SseEvent {
  return piece([], { usage: usage(completionTokens) });
}

/** The words; the first chunk names the role. */
export const SPOKEN: readonly SseEvent[] = WORDS.map((content, index) =>
  index === 0
    ? piece([{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }])
    : word(content),
);

/** A whole healthy stream. */
export const HEALTHY: readonly SseEvent[] = [...SPOKEN, finish(), usageOnly(), DONE];

/** A whole healthy answer in JSON. */
export const ANSWER = {
  id: 'chatcmpl-fault',
  object: 'chat.completion',
  created: 1,
  model: 'fault',
  choices: [
    { index: 0, message: { role: 'assistant', content: WORDS.join('') }, finish_reason: 'stop' },
  ],
  usage: usage(COMPLETION_TOKENS),
};

/** Steps that open a response: the request has come whole, then status 200 and these headers. */
export function open(headers: HeaderList, status = 200): Step[] {
  return [{ awaitRequestEnd: true }, send(head(status, headers))];
}

/** The headers of a stream. `length` goes with the framing 'length'. */
export function streamHeaders(framing: Framing, length = 0): HeaderList {
  if (framing === 'chunked') return [...SSE_HEADERS, ['transfer-encoding', 'chunked']];
  if (framing === 'length') return [...SSE_HEADERS, ['content-length', String(length)]];
  return [...SSE_HEADERS, ['connection', 'close']];
}

/** One write per event, each in a chunk of its own. */
export function chunks(events: readonly SseEvent[]): Step[] {
  return events.map((event) => send(chunk(sseText(event))));
}

/** One write per event, without chunk framing. */
export function plain(events: readonly SseEvent[]): Step[] {
  return events.map((event) => send(sseText(event)));
}

/** A chunk that announces its full size and carries only its first half. */
export function halfChunk(event: SseEvent): Step {
  const whole = chunk(sseText(event));
  return send(whole.subarray(0, Math.floor(whole.length / 2)));
}

/** The bytes of all events as one text. */
export function textOfEvents(events: readonly SseEvent[]): string {
  return events.map((event) => sseText(event)).join('');
}

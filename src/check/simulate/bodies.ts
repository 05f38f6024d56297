/** What requests ask and responses say, as bytes, with the usage that must be read from them. */
import type { Random } from '../../upstream/random.js';
import { draw } from '../../upstream/random.js';

/** The shapes of a response body, by the API whose it is and how it is framed. */
export const SHAPES = ['chatJson', 'chatStream', 'messagesStream', 'inBandError'] as const;
export type Shape = (typeof SHAPES)[number];

export interface Counts {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const TOKENS_MAX = 900;
const DELTAS_MAX = 4;
const WORDS = ['lock', ' gate', ' signal', ' é', ' key', ' 鍵', ' token', ' "end"', ' lever'];

export function countsOf(rng: Random): Counts {
  return { inputTokens: 1 + draw(rng, TOKENS_MAX), outputTokens: 1 + draw(rng, TOKENS_MAX) };
}

export function requestOf(model: string, rng: Random): Buffer {
  const content = wordsOf(rng);
  return json({ model, messages: [{ role: 'user', content }] });
}

export function responseOf(shape: Shape, counts: Counts, rng: Random): Buffer {
  switch (shape) {
    case 'chatJson':
      return json({ ...HEAD, choices: [choiceOf(wordsOf(rng))], usage: openAi(counts) });
    case 'chatStream':
      return Buffer.from(
        `${deltasOf(rng)}${data({ ...HEAD, choices: [], usage: openAi(counts) })}data: [DONE]\n\n`,
      );
    case 'messagesStream':
      return messagesOf(counts, rng);
    case 'inBandError':
      // fault: F18 - an error object inside a stream that began well
      return Buffer.from(
        `${deltasOf(rng)}${data({ error: { message: 'out of memory', type: 'api_error' } })}`,
      );
  }
}

export function typeOf(shape: Shape): string {
  return shape === 'chatJson' ? 'application/json' : 'text/event-stream';
}

/** What an upstream says that does not serve the request. */
export const REFUSAL = json({ error: { message: 'not here', type: 'invalid_request_error' } });

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion', model: 'sim-small' };

function openAi({ inputTokens, outputTokens }: Counts) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
}

function choiceOf(content: string) {
  return { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
}

function deltasOf(rng: Random): string {
  let text = '';
  for (let left = 1 + draw(rng, DELTAS_MAX); left > 0; left--) {
    const last = left === 1;
    const delta = { content: wordsOf(rng) };
    text += data({ ...HEAD, choices: [{ index: 0, delta, finish_reason: last ? 'stop' : null }] });
    if (draw(rng, 6) === 0) text += ': ping\n\n';
  }
  return text;
}

/** Anthropic's dialect: the input is counted at the start, the output in the end. */
function messagesOf({ inputTokens, outputTokens }: Counts, rng: Random): Buffer {
  const usage = { input_tokens: inputTokens, output_tokens: 1 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'sim-small', usage };
  const delta = { type: 'text_delta', text: wordsOf(rng) };
  const events: { type: string }[] = [
    { type: 'message_start', ...{ message } },
    { type: 'content_block_delta', ...{ index: 0, delta } },
    { type: 'message_delta', ...{ delta: {}, usage: { output_tokens: outputTokens } } },
    { type: 'message_stop' },
  ];
  return Buffer.from(events.map((event) => `event: ${event.type}\n${data(event)}`).join(''));
}

function wordsOf(rng: Random): string {
  let text = '';
  for (let left = 1 + draw(rng, 5); left > 0; left--) text += WORDS[draw(rng, WORDS.length)];
  return text;
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** What requests and responses of language models carry, in pieces. */
import type { Piece } from './messages.js';

const json = (name: string, value: object, shown: Piece['shown'] = {}): Piece => ({
  name,
  text: JSON.stringify(value),
  shown,
  isJson: true,
});

const event = (name: string, data: object, shown: Piece['shown'] = {}): Piece => ({
  name,
  text: `data: ${JSON.stringify(data)}\n\n`,
  shown,
});

const typed = (
  name: string,
  data: { type: string; [key: string]: unknown },
  shown: Piece['shown'] = {},
): Piece => ({
  name,
  text: `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`,
  shown,
});

const counted = (inputTokens: number, outputTokens: number) => ({
  usage: {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  },
});

const completion = { id: 'c1', object: 'chat.completion', model: 'small' };
const chunk = { id: 'c1', object: 'chat.completion.chunk', model: 'small' };
const delta = (content: string, finish: string | null = null) => ({
  ...chunk,
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});

export const EMPTY: Piece = { name: '""', text: '' };

export const QUESTION: Piece = {
  name: 'json',
  text: '{"model":"small","messages":[{"role":"user","content":"Hi"}]}',
};

const answered = (inputTokens: number, outputTokens: number) => ({
  ...completion,
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  ...counted(inputTokens, outputTokens),
});

/** Whole bodies. */
export const ANSWER = json('json', answered(11, 7), {
  counts: { inputTokens: 11, outputTokens: 7 },
  verdict: 'completed',
});
export const OTHER_ANSWER = json('other json', answered(3, 2), {
  counts: { inputTokens: 3, outputTokens: 2 },
  verdict: 'completed',
});
export const REFUSAL = json('error', { error: { message: 'Unauthorized', type: 'auth' } });
const overloaded = { error: { message: 'overloaded', type: 'server_error', code: 504 } };
export const FAILED_ANSWER = json('error', overloaded, { verdict: 'upstreamFailed' });

/** Events of a stream of chat completions. */
export const DELTA = event('delta', delta('Hello'));
/** A token that is the word which a search for usage would look for (field: D3). */
export const USAGE_AS_TEXT = event('delta "usage"', delta('usage'));
export const FINISH = event('finish', delta('', 'stop'), { verdict: 'completed' });
export const USAGE = event(
  'usage',
  { ...chunk, choices: [], ...counted(11, 7) },
  { counts: { inputTokens: 11, outputTokens: 7 } },
);
/** Providers may say the usage so far with each token (field: I2, K13). */
export const USAGE_SO_FAR = event(
  'delta and usage',
  { ...delta('Hel'), ...counted(11, 1) },
  { counts: { inputTokens: 11, outputTokens: 1 } },
);
export const DONE: Piece = {
  name: '[DONE]',
  text: 'data: [DONE]\n\n',
  shown: { verdict: 'completed' },
};
export const ERROR_EVENT = event('error', overloaded, { verdict: 'upstreamFailed' });
export const MALFORMED: Piece = { name: 'malformed', text: 'data: {"choices":[{"index":0,,]}\n\n' };

/** Events of Anthropic's messages: the usage is in two of them, a part in each (field: D5). */
export const MESSAGE_START = typed(
  'message_start',
  {
    type: 'message_start',
    message: { model: 'large', usage: { input_tokens: 25, output_tokens: 1 } },
  },
  { counts: { inputTokens: 25, outputTokens: 1 } },
);
export const MESSAGE_DELTA = typed(
  'message_delta',
  { type: 'message_delta', usage: { output_tokens: 15 } },
  { counts: { outputTokens: 15 } },
);
export const MESSAGE_STOP = typed(
  'message_stop',
  { type: 'message_stop' },
  { verdict: 'completed' },
);

/** The last event of the Responses API, which alone has the usage (field: I3). */
export const RESPONSE_COMPLETED = typed(
  'response.completed',
  {
    type: 'response.completed',
    response: { model: 'small', usage: { input_tokens: 9, output_tokens: 4 } },
  },
  { counts: { inputTokens: 9, outputTokens: 4 }, verdict: 'completed' },
);

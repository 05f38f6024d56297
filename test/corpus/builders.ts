// The words that the shapes are made of.
import type { Usage, Verdict } from '../../src/accounting/usage.js';
import { sse } from './replay.js';

export interface Shape {
  /** The row of the shape, and what is special about it. */
  name: string;
  contentType: string;
  text: string;
  usage: Usage;
  /** What the response itself says of its end, if anything. */
  verdict: Verdict | 'none';
}

const SSE = 'text/event-stream; charset=utf-8';
export const DONE = 'data: [DONE]\n\n';
export const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
export const COUNTS = { inputTokens: 3, outputTokens: 2, totalTokens: 5 };
export const CHAT = { dialect: 'chat', model: 'm' } as const;
export const FINAL = { kind: 'final', ...COUNTS, ...CHAT } satisfies Usage;

export function chunk(fields: object): string {
  return sse({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields });
}

export function content(text: string, more: object = {}, index = 0): string {
  return chunk({ choices: [{ index, delta: { content: text }, finish_reason: null }], ...more });
}

export function finish(more: object = {}, index = 0): string {
  return chunk({ choices: [{ index, delta: {}, finish_reason: 'stop' }], ...more });
}

export const usageChunk = (usage: object = USAGE) => chunk({ choices: [], usage });

export function responses(last: string, response: object): string {
  return (
    sse({ type: 'response.created', response: { model: 'm', usage: null } }, 'response.created') +
    sse({ type: 'response.output_text.delta', delta: 'hé🙂' }, 'response.output_text.delta') +
    sse({ type: last, response: { model: 'm', ...response } }, last)
  );
}

export const RESPONSES_USAGE = {
  input_tokens: 3,
  output_tokens: 2,
  total_tokens: 5,
  input_tokens_details: { cached_tokens: 1 },
  output_tokens_details: { reasoning_tokens: 0 },
};
export const RESPONSES_FINAL: Usage = {
  kind: 'final',
  ...COUNTS,
  cachedInputTokens: 1,
  reasoningTokens: 0,
  dialect: 'responses',
  model: 'm',
};

export const MESSAGE_START = sse(
  {
    type: 'message_start',
    message: { model: 'claude', usage: { input_tokens: 25, output_tokens: 1 } },
  },
  'message_start',
);
export const MESSAGE_DELTAS =
  sse({ type: 'content_block_start', index: 0 }, 'content_block_start') +
  sse({ type: 'ping' }, 'ping') +
  sse({ type: 'content_block_delta', delta: { text: '€' } }, 'content_block_delta');
export const MESSAGE_END =
  sse({ type: 'message_delta', usage: { output_tokens: 15 } }, 'message_delta') +
  sse({ type: 'message_stop' }, 'message_stop');
export const MESSAGES = { dialect: 'messages', model: 'claude' } as const;
export const VLLM_ERROR = sse({ error: { message: 'late', type: 'timeout', code: 504 } });

export function shape(
  name: string,
  text: string,
  usage: Usage,
  verdict: Verdict | 'none' = 'succeeded',
  contentType = SSE,
): Shape {
  return { name, contentType, text, usage, verdict };
}

export function unknown(
  reason: Extract<Usage, { kind: 'unknown' }>['reason'],
  origin: object = CHAT,
) {
  return { kind: 'unknown', reason, ...origin } as Usage;
}

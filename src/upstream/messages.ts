// The Anthropic Messages dialect: named events, and usage that accumulates.

import { z } from 'zod';
import type { Endpoint } from './endpoint.js';
import type { SseEvent } from './script.js';
import { type Composed, compose, countTokens, textOf } from './text.js';

const REQUEST = z.looseObject({
  model: z.string(),
  messages: z.array(z.unknown()).min(1),
  system: z.union([z.string(), z.array(z.unknown())]).nullish(),
  max_tokens: z.number().int().min(1),
  min_tokens: z.number().int().min(0).max(1_000_000).nullish(),
  stream: z.boolean().nullish(),
});

/** `POST /v1/messages`. */
export const messages: Endpoint = (body, { seed }, id) => {
  const request = REQUEST.parse(body);
  const prompt = textOf(request.messages);
  const composed = compose(seed, `0\n${prompt}`, request.min_tokens ?? 0, request.max_tokens);
  const inputTokens = countTokens(prompt) + countTokens(textOf(request.system));
  const start = {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model: request.model,
    content: [] as unknown[],
    stop_reason: null as string | null,
    stop_sequence: null,
    usage: usage(inputTokens, 1),
  };
  if (request.stream) return { events: stream(start, composed) };
  return {
    json: {
      ...start,
      content: [{ type: 'text', text: composed.text, citations: null }],
      stop_reason: stopReason(composed),
      usage: usage(inputTokens, composed.tokens.length),
    },
  };
};

function stream(start: object, composed: Composed): SseEvent[] {
  const say = (type: string, rest: object = {}): SseEvent => ({
    event: type,
    data: { type, ...rest },
  });
  return [
    say('message_start', { message: start }),
    say('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    say('ping'),
    ...composed.tokens.map((text) =>
      say('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
    ),
    say('content_block_stop', { index: 0 }),
    say('message_delta', {
      delta: { stop_reason: stopReason(composed), stop_sequence: null },
      usage: { output_tokens: composed.tokens.length },
    }),
    say('message_stop'),
  ];
}

function stopReason({ finish }: Composed): string {
  return finish === 'stop' ? 'end_turn' : 'max_tokens';
}

function usage(inputTokens: number, outputTokens: number) {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
  };
}

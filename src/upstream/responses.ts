// The OpenAI Responses dialect: named events, numbered, and no `[DONE]`.

import { z } from 'zod';
import { CREATED, type Endpoint } from './endpoint.js';
import type { SseEvent } from './script.js';
import { type Composed, compose, countTokens, textOf } from './text.js';

const REQUEST = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.unknown())]),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.number().int().min(1).nullish(),
  min_tokens: z.number().int().min(0).max(1_000_000).nullish(),
});

interface Call {
  readonly id: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly output: Composed;
  readonly maxOutputTokens: number | null;
}

/** `POST /v1/responses`. */
export const responses: Endpoint = (body, { seed }, id) => {
  const request = REQUEST.parse(body);
  const input = textOf(request.input);
  const max = request.max_output_tokens ?? null;
  const call: Call = {
    id,
    model: request.model,
    inputTokens: countTokens(input) + countTokens(request.instructions ?? ''),
    output: compose(seed, `0\n${input}`, request.min_tokens ?? 0, max ?? undefined),
    maxOutputTokens: max,
  };
  return request.stream ? { events: stream(call) } : { json: finished(call) };
};

function stream(call: Call): SseEvent[] {
  const events: SseEvent[] = [];
  const say = (type: string, rest: object) => {
    events.push({ event: type, data: { type, sequence_number: events.length, ...rest } });
  };
  const item = { item_id: `msg_${call.id}`, output_index: 0 };
  const part = { ...item, content_index: 0 };
  const started = response(call, 'in_progress', []);
  say('response.created', { response: started });
  say('response.in_progress', { response: started });
  say('response.output_item.added', { output_index: 0, item: message(call, 'in_progress', []) });
  say('response.content_part.added', { ...part, part: outputText('') });
  for (const delta of call.output.tokens) {
    say('response.output_text.delta', { ...part, delta, logprobs: [] });
  }
  const { text } = call.output;
  const done = finished(call);
  say('response.output_text.done', { ...part, text, logprobs: [] });
  say('response.content_part.done', { ...part, part: outputText(text) });
  say('response.output_item.done', { output_index: 0, item: done.output[0] });
  say(`response.${done.status}`, { response: done });
  return events;
}

function finished(call: Call) {
  const status = call.output.finish === 'stop' ? 'completed' : 'incomplete';
  const outputTokens = call.output.tokens.length;
  const output = [message(call, status, [outputText(call.output.text)])];
  return {
    ...response(call, status, output),
    incomplete_details: status === 'completed' ? null : { reason: 'max_output_tokens' },
    usage: {
      input_tokens: call.inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: call.inputTokens + outputTokens,
    },
  };
}

function response(call: Call, status: string, output: unknown[]) {
  return {
    id: `resp_${call.id}`,
    object: 'response',
    created_at: CREATED,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: call.maxOutputTokens,
    metadata: {},
    model: call.model,
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: null,
  };
}

function message(call: Call, status: string, content: unknown[]) {
  return { id: `msg_${call.id}`, type: 'message', status, role: 'assistant', content };
}

function outputText(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

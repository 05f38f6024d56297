// The OpenAI dialects of chat completions and of the older text completions.

import { z } from 'zod';
import { CREATED, type Endpoint, type Speech } from './endpoint.js';
import type { SseEvent } from './script.js';
import { type Composed, compose, countTokens, textOf } from './text.js';

type Kind = 'chat' | 'text';

const SHARED = {
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({
      include_usage: z.boolean().nullish(),
      continuous_usage_stats: z.boolean().nullish(),
    })
    .nullish(),
  n: z.number().int().min(1).max(128).nullish(),
  max_tokens: z.number().int().min(0).nullish(),
  /** Of vLLM: asks for a text of at least as many tokens. */
  min_tokens: z.number().int().min(0).max(1_000_000).nullish(),
};

const REQUESTS = {
  chat: z.looseObject({
    ...SHARED,
    messages: z.array(z.unknown()).min(1),
    max_completion_tokens: z.number().int().min(0).nullish(),
  }),
  text: z.looseObject({ ...SHARED, prompt: z.union([z.string(), z.array(z.unknown())]) }),
};

interface Call {
  readonly kind: Kind;
  readonly id: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly choices: readonly Composed[];
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
}

/** The endpoint of one of the two dialects. */
export function completions(kind: Kind): Endpoint {
  return (body, speech, id) => {
    const request = REQUESTS[kind].parse(body);
    const call = toCall(kind, request, speech, id);
    return request.stream ? { events: stream(call) } : { json: whole(call) };
  };
}

function toCall(
  kind: Kind,
  request: z.infer<(typeof REQUESTS)[Kind]>,
  { seed }: Speech,
  id: string,
): Call {
  const prompt = textOf('messages' in request ? request.messages : request.prompt);
  const max = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  const options = request.stream_options;
  return {
    kind,
    id: `${kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${id}`,
    model: request.model,
    promptTokens: countTokens(prompt),
    choices: Array.from({ length: request.n ?? 1 }, (_, index) =>
      compose(
        seed,
        `${index}\n${prompt}`,
        request.min_tokens ?? 0,
        typeof max === 'number' ? max : undefined,
      ),
    ),
    includeUsage: options?.include_usage ?? false,
    // vLLM gives usage on every chunk only to those who asked for usage at all.
    continuousUsage: Boolean(options?.include_usage && options.continuous_usage_stats),
  };
}

function whole(call: Call): unknown {
  const choices = call.choices.map(({ text, finish }, index) => ({
    index,
    ...(call.kind === 'chat'
      ? { message: { role: 'assistant', content: text, refusal: null } }
      : { text }),
    logprobs: null,
    finish_reason: finish,
  }));
  const completionTokens = call.choices.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const object = call.kind === 'chat' ? 'chat.completion' : 'text_completion';
  return { ...envelope(call, object), choices, usage: usage(call, completionTokens) };
}

/** Chunks of all choices, interleaved token by token; then usage if asked for; then `[DONE]`. */
function stream(call: Call): SseEvent[] {
  const events: SseEvent[] = [];
  let sent = 0;
  const say = (index: number, part: object, finish: string | null = null) => {
    const choice = { index, ...part, logprobs: null, finish_reason: finish };
    events.push({ data: piece(call, [choice], sent) });
  };
  const text = (token: string) =>
    call.kind === 'chat' ? { delta: { content: token } } : { text: token };
  if (call.kind === 'chat') {
    const role = { delta: { role: 'assistant', content: '' } };
    for (const index of call.choices.keys()) say(index, role);
  }
  const longest = Math.max(...call.choices.map(({ tokens }) => tokens.length));
  for (let turn = 0; turn <= longest; turn += 1) {
    for (const [index, { tokens, finish }] of call.choices.entries()) {
      const token = tokens[turn];
      if (token !== undefined) {
        sent += 1;
        say(index, text(token));
      } else if (turn === tokens.length) {
        say(index, call.kind === 'chat' ? { delta: {} } : { text: '' }, finish);
      }
    }
  }
  if (call.includeUsage) {
    const chunk = { ...envelope(call, chunkObject(call)), choices: [], usage: usage(call, sent) };
    events.push({ data: chunk });
  }
  events.push({ data: '[DONE]' });
  return events;
}

function piece(call: Call, choices: unknown[], sent: number): unknown {
  const body = { ...envelope(call, chunkObject(call)), choices };
  if (call.continuousUsage) return { ...body, usage: usage(call, sent) };
  return call.includeUsage ? { ...body, usage: null } : body;
}

function chunkObject(call: Call): string {
  return call.kind === 'chat' ? 'chat.completion.chunk' : 'text_completion';
}

function envelope(call: Call, object: string) {
  return {
    id: call.id,
    object,
    created: CREATED,
    model: call.model,
    system_fingerprint: 'fp_interlock',
  };
}

function usage(call: Call, completionTokens: number) {
  return {
    prompt_tokens: call.promptTokens,
    completion_tokens: completionTokens,
    total_tokens: call.promptTokens + completionTokens,
  };
}

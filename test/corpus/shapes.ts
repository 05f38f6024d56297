// The shapes in which upstreams speak, as small synthetic examples. Licence: synthetic, ours.
import {
  CHAT,
  COUNTS,
  chunk,
  content,
  DONE,
  FINAL,
  finish,
  MESSAGE_DELTAS,
  MESSAGE_END,
  MESSAGE_START,
  MESSAGES,
  RESPONSES_FINAL,
  RESPONSES_USAGE,
  responses,
  type Shape,
  shape,
  USAGE,
  unknown,
  usageChunk,
  VLLM_ERROR,
} from './builders.js';
import { sse } from './replay.js';

export const SHAPES: readonly Shape[] = [
  shape('C01 chat without usage', content('a') + finish() + DONE, unknown('no_usage')),
  shape(
    'C02 usage chunk before [DONE], usage null before',
    content('"usage"', { usage: null }) + finish({ usage: null }) + usageChunk() + DONE,
    FINAL,
  ),
  shape(
    'C02 broken off before the usage chunk',
    content('a', { usage: null }),
    unknown('truncated'),
    'none',
  ),
  shape(
    'C03 legacy completions',
    sse({ object: 'text_completion', choices: [{ text: 'hi', index: 0, finish_reason: null }] }) +
      sse({ object: 'text_completion', choices: [], usage: USAGE }) +
      DONE,
    { kind: 'final', ...COUNTS, dialect: 'completions' },
  ),
  shape(
    'C04 responses completed, no [DONE]',
    responses('response.completed', { status: 'completed', error: null, usage: RESPONSES_USAGE }),
    RESPONSES_FINAL,
  ),
  shape(
    'C04 responses incomplete',
    responses('response.incomplete', { status: 'incomplete', usage: RESPONSES_USAGE }),
    RESPONSES_FINAL,
  ),
  shape(
    'C04 responses failed with its usage',
    responses('response.failed', { error: { code: 'x' }, usage: RESPONSES_USAGE }),
    RESPONSES_FINAL,
    'failed',
  ),
  shape(
    'C04 responses failed without usage',
    responses('response.failed', { error: { code: 'x' }, usage: null }),
    unknown('in_band_error', { dialect: 'responses', model: 'm' }),
    'failed',
  ),
  shape(
    'C04 event: error',
    sse({ type: 'error', code: 'x', message: 'y' }, 'error'),
    unknown('in_band_error', {}),
    'failed',
  ),
  shape('C05 obfuscation', content('a', { obfuscation: 'aZ9' }) + usageChunk() + DONE, FINAL),
  shape(
    'C06 Azure prompt filter and annotations after the end',
    sse({ choices: [], id: '', model: '', object: '', prompt_filter_results: [{}] }) +
      content('a') +
      finish() +
      usageChunk() +
      chunk({ choices: [{ index: 0, finish_reason: null, content_filter_results: {} }] }) +
      DONE,
    FINAL,
  ),
  shape(
    'C07 usage in each chunk',
    content('a', { usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } }) +
      finish({ usage: USAGE }) +
      DONE,
    FINAL,
  ),
  shape(
    'C07 usage in each chunk, broken off',
    content('a', { usage: USAGE }),
    { kind: 'partial', ...COUNTS, ...CHAT },
    'none',
  ),
  shape('C07 usage in each chunk but the last', content('a', { usage: USAGE }) + finish() + DONE, {
    kind: 'partial',
    ...COUNTS,
    ...CHAT,
  }),
  shape('C08 error, then [DONE]', VLLM_ERROR + DONE, unknown('in_band_error', {}), 'failed'),
  shape(
    'C08 usage in each chunk, then an error',
    content('a', { usage: USAGE }) + VLLM_ERROR + DONE,
    { kind: 'partial', ...COUNTS, ...CHAT },
    'failed',
  ),
  shape(
    'C09 finish_reason is an object',
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: { type: 'length' } }] }) + usageChunk(),
    FINAL,
  ),
  shape(
    'C10 TGI error without type',
    sse({ error: { message: 'x', http_status_code: 422 } }) + DONE,
    unknown('in_band_error', {}),
    'failed',
  ),
  shape(
    'C10 TGI native error is a text',
    sse({ error: 'overloaded', error_type: 'overloaded' }),
    unknown('in_band_error', {}),
    'failed',
  ),
  shape(
    'C11 llama.cpp timings',
    content('a') +
      finish() +
      chunk({ choices: [], usage: USAGE, timings: { prompt_n: 75, predicted_ms: 1.5e1 } }) +
      DONE,
    FINAL,
  ),
  shape(
    'C12 Ollama native',
    '{"model":"m","message":{"content":"a"},"done":false}\n' +
      '{"model":"m","message":{},"done":true,"prompt_eval_count":5,"eval_count":7}\n',
    { kind: 'final', inputTokens: 5, outputTokens: 7, dialect: 'ollama', model: 'm' },
    'succeeded',
    'application/x-ndjson',
  ),
  shape(
    'C12 Ollama native, last line without its end',
    '{"model":"m","done":true,"prompt_eval_count":5,"eval_count":7}',
    { kind: 'final', inputTokens: 5, outputTokens: 7, dialect: 'ollama', model: 'm' },
    'succeeded',
    'application/x-ndjson',
  ),
  shape('C13 usage on the finish chunk', content('a') + finish({ usage: USAGE }) + DONE, FINAL),
  shape('C14 Anthropic', MESSAGE_START + MESSAGE_DELTAS + MESSAGE_END, {
    kind: 'final',
    inputTokens: 25,
    outputTokens: 15,
    ...MESSAGES,
  }),
  shape(
    'C14 Anthropic, broken off',
    MESSAGE_START + MESSAGE_DELTAS,
    { kind: 'partial', inputTokens: 25, outputTokens: 1, ...MESSAGES },
    'none',
  ),
  shape(
    'C14 Anthropic error after the start',
    MESSAGE_START + sse({ type: 'error', error: { type: 'overloaded_error' } }, 'error'),
    { kind: 'partial', inputTokens: 25, outputTokens: 1, ...MESSAGES },
    'failed',
  ),
  shape(
    'C15 OpenRouter comments and a late error',
    `: OPENROUTER PROCESSING\n\n${content('a')}${chunk({
      error: { code: 'server_error' },
      choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
    })}`,
    unknown('in_band_error'),
    'failed',
  ),
  shape(
    'C16 usage first, then the real one',
    usageChunk({ completion_tokens: 4 }) +
      content('a') +
      finish() +
      usageChunk({ ...USAGE, completion_tokens: 252 }) +
      DONE,
    { ...FINAL, outputTokens: 252 },
  ),
  shape(
    'C16 usage first and no other',
    usageChunk({ completion_tokens: 4 }) + content('a') + finish() + DONE,
    { kind: 'partial', outputTokens: 4, ...CHAT },
  ),
  shape('C17 lastOne', content('a', { usage: USAGE, lastOne: true }), FINAL),
  shape('C17 usage last, no finish_reason', content('a') + usageChunk() + DONE, FINAL),
  shape(
    'C18 CRLF and pings',
    `: ping - 2026-01-01\n\n${content('a')}${usageChunk()}${DONE}`.replaceAll('\n', '\r\n'),
    FINAL,
  ),
  shape('C19 CR only', (content('a') + usageChunk() + DONE).replaceAll('\n', '\r'), FINAL),
  shape(
    'C19 many lines of data, no space, id and retry',
    `id:7\nretry:10\ndata:{"choices":[],\ndata:"usage":\ndata: {"total_tokens":5}}\nevent:x\n\n${DONE}`,
    { kind: 'final', totalTokens: 5 },
  ),
  shape(
    'C20 [DONE] without its blank line is no event',
    `${content('a') + usageChunk()}data: [DONE]\n`,
    { kind: 'partial', ...COUNTS, ...CHAT },
    'none',
  ),
  shape(
    'C20 frames and garbage after [DONE]',
    `${content('a') + usageChunk() + DONE + usageChunk({ total_tokens: 9 })}\0\xff data: {`,
    FINAL,
  ),
  shape(
    'C21 JSON error to a stream request',
    '{"error":{"message":"bad key"}}',
    unknown('error_body', {}),
    'failed',
    'application/json',
  ),
  shape('C21 HTML', '<html></html>', unknown('not_recognised', {}), 'none', 'text/html'),
  shape('C21 empty', '', unknown('no_body', {}), 'none'),
  shape(
    'C23 tool call arguments cut in their JSON',
    chunk({ choices: [{ index: 0, delta: { tool_calls: [{ function: { arguments: '{"a' } }] } }] }),
    unknown('truncated'),
    'none',
  ),
  shape(
    'C24 two choices that finish at different times',
    content('a') + content('b', {}, 1) + finish({}, 1) + content('c') + finish() + usageChunk(),
    FINAL,
  ),
  shape(
    'C25 reasoning',
    chunk({ choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] }) +
      usageChunk({ ...USAGE, completion_tokens_details: { reasoning_tokens: 1 } }) +
      DONE,
    { ...FINAL, reasoningTokens: 1 },
  ),
  shape(
    'C26 JSON, pretty, with a byte order mark',
    `\ufeff${JSON.stringify({ object: 'chat.completion', model: 'm', usage: USAGE }, null, 2)}\n`,
    FINAL,
    'succeeded',
    'application/json; charset=utf-8',
  ),
  shape(
    'C26 embeddings',
    JSON.stringify({
      object: 'list',
      data: [{ embedding: [-1.5e-3, 0] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    }),
    { kind: 'final', inputTokens: 3, totalTokens: 3, dialect: 'embeddings' },
    'succeeded',
    'application/json',
  ),
  shape(
    'C26 Anthropic JSON with its cache',
    JSON.stringify({
      type: 'message',
      model: 'claude',
      usage: { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 9 },
    }),
    { kind: 'final', inputTokens: 3, outputTokens: 2, cachedInputTokens: 9, ...MESSAGES },
    'succeeded',
    'application/json',
  ),
];

/** Shapes that are too large for every split. */
export const LARGE: readonly Shape[] = [
  shape(
    'C22 2 MB in one event',
    sse({ type: 'image_generation.partial_image', b64_json: 'A'.repeat(2 * 1024 * 1024) }) +
      content('a') +
      usageChunk() +
      DONE,
    FINAL,
  ),
];

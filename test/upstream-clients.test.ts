// The official clients, straight against the upstream: what they accept is a well-behaved API.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstream, type Upstream } from '../src/upstream/index.js';

let upstream: Upstream;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  upstream = await startUpstream({ seed: 3 });
  openai = new OpenAI({ baseURL: `${upstream.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: upstream.url, apiKey: 'none', maxRetries: 0 });
});

afterAll(() => upstream.close());

const messages = [{ role: 'user' as const, content: 'Who locks the door?' }];
const model = 'interlock-small';

describe('chat completions', () => {
  it('says the same streamed and whole, and counts words', async () => {
    const whole = await openai.chat.completions.create({ model, messages });
    const stream = openai.chat.completions.stream({
      model,
      messages,
      stream_options: { include_usage: true },
    });
    const streamed = await stream.finalChatCompletion();
    const said = whole.choices[0]?.message.content ?? '';
    expect(streamed.choices[0]?.message.content).toBe(said);
    expect(streamed.choices[0]?.finish_reason).toBe('stop');
    expect(said).toMatch(/^[A-Z].*\.$/);
    const words = said.split(' ').length;
    expect(whole.usage).toEqual({
      prompt_tokens: 4,
      completion_tokens: words,
      total_tokens: 4 + words,
    });
    expect(streamed.usage).toEqual(whole.usage);
  });

  it('sends usage only when asked, in the last chunk', async () => {
    const plain = await openai.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of plain) expect(chunk).not.toHaveProperty('usage');
    const asked = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of asked) chunks.push(chunk);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('sends usage so far in every chunk to those who ask as one asks vLLM', async () => {
    const options = { include_usage: true, continuous_usage_stats: true };
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: options,
    });
    const counts: (number | undefined)[] = [];
    for await (const chunk of stream) counts.push(chunk.usage?.completion_tokens);
    expect(counts).toEqual(counts.toSorted((a, b) => Number(a) - Number(b)));
    expect(counts.slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('gives n choices, interleaved, and each its own text', async () => {
    const stream = openai.chat.completions.stream({ model, messages, n: 2 });
    const order: number[] = [];
    stream.on('chunk', ({ choices }) => order.push(...choices.map(({ index }) => index)));
    const { choices } = await stream.finalChatCompletion();
    expect(order.slice(0, 4)).toEqual([0, 1, 0, 1]);
    const whole = await openai.chat.completions.create({ model, messages, n: 2 });
    expect(choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    expect(choices[0]?.message.content).not.toBe(choices[1]?.message.content);
  });

  it('stops at max_tokens, and goes on to min_tokens', async () => {
    const short = await openai.chat.completions.create({ model, messages, max_tokens: 3 });
    expect(short.choices[0]?.finish_reason).toBe('length');
    expect(short.usage?.completion_tokens).toBe(3);
    const request = { model, messages, min_tokens: 2000 };
    const long = await openai.chat.completions.create(request);
    expect(long.usage?.completion_tokens).toBeGreaterThanOrEqual(2000);
  });
});

describe('the other OpenAI endpoints', () => {
  it('completes a prompt', async () => {
    const request = { model, prompt: 'Once upon a time' };
    const whole = await openai.completions.create(request);
    let text = '';
    for await (const chunk of await openai.completions.create({ ...request, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(whole.usage?.prompt_tokens).toBe(4);
  });

  it('answers responses, in numbered events that end with usage', async () => {
    const request = { model, input: 'Who locks the door?', instructions: 'Be brief.' };
    const whole = await openai.responses.create(request);
    const stream = openai.responses.stream(request);
    const numbers: number[] = [];
    stream.on('event', ({ sequence_number }) => numbers.push(sequence_number));
    const streamed = await stream.finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.status).toBe('completed');
    expect(streamed.usage).toEqual(whole.usage);
    expect(whole.usage?.input_tokens).toBe(6);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  it('ends a response that hits its limit as incomplete', async () => {
    const request = { model, input: 'Hi', max_output_tokens: 2 };
    const types: string[] = [];
    for await (const event of await openai.responses.create({ ...request, stream: true })) {
      types.push(event.type);
    }
    expect(types.at(-1)).toBe('response.incomplete');
    const whole = await openai.responses.create(request);
    expect(whole.incomplete_details?.reason).toBe('max_output_tokens');
  });

  it('embeds texts as unit vectors, in both encodings', async () => {
    const input = ['a door', 'a lock'];
    const { data, usage } = await openai.embeddings.create({ model, input });
    const floats = await openai.embeddings.create({ model, input, encoding_format: 'float' });
    expect(usage.prompt_tokens).toBe(4);
    expect(data.map(({ embedding }) => embedding)).toEqual(
      floats.data.map(({ embedding }) => embedding),
    );
    expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1);
    const wide = await openai.embeddings.create({ model, input: 'a door', dimensions: 256 });
    expect(wide.data[0]?.embedding).toHaveLength(256);
  });

  it('lists its models', async () => {
    const { data } = await openai.models.list();
    expect(data.map(({ id }) => id)).toEqual(['interlock-small', 'interlock-large']);
    expect((await openai.models.retrieve('interlock-large')).object).toBe('model');
    await expect(openai.models.retrieve('nobody')).rejects.toThrow(OpenAI.NotFoundError);
  });

  it('reports errors in the words of the API', async () => {
    const post = (path: string, body: string) =>
      fetch(`${upstream.url}${path}`, { method: 'POST', body });
    const bad = await post('/v1/chat/completions', '{"model": ');
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    const lacking = await post('/v1/chat/completions', '{"model": "m"}');
    expect(await lacking.json()).toMatchObject({ error: { param: 'messages' } });
    const unknown = await post('/v1/nothing', '{}');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { code: 'unknown_url' } });
    expect((await fetch(`${upstream.url}/v1/responses`)).status).toBe(405);
    const head = await fetch(`${upstream.url}/v1/models`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });
});

describe('Anthropic messages', () => {
  it('says the same streamed and whole, with usage that accumulates', async () => {
    const request = { model, messages, max_tokens: 100, system: 'Be brief.' };
    const whole = await anthropic.messages.create(request);
    const stream = anthropic.messages.stream(request);
    const events: string[] = [];
    stream.on('streamEvent', ({ type }) => events.push(type));
    const streamed = await stream.finalMessage();
    expect(streamed.content[0]).toMatchObject({ type: 'text' });
    const textOf = ({ content }: Anthropic.Message) =>
      content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    expect(textOf(streamed)).toBe(textOf(whole));
    expect(streamed.usage).toMatchObject({
      input_tokens: 6,
      output_tokens: textOf(whole).split(' ').length,
    });
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(streamed.stop_reason).toBe('end_turn');
    expect(events[0]).toBe('message_start');
    expect(events.at(-1)).toBe('message_stop');
  });

  it('stops at max_tokens', async () => {
    const whole = await anthropic.messages.create({ model, messages, max_tokens: 2 });
    expect(whole.stop_reason).toBe('max_tokens');
  });

  it('reports errors in the words of the API', async () => {
    const lacking = { model, messages } as unknown as Anthropic.MessageCreateParamsNonStreaming;
    await expect(anthropic.messages.create(lacking)).rejects.toThrow(Anthropic.BadRequestError);
  });
});

describe('the clients under faults', () => {
  it('fail on a stream that is cut, after the words that came', async () => {
    const stream = await openai.chat.completions.create({
      model: 'fault:F03',
      messages,
      stream: true,
    });
    const words: string[] = [];
    const reading = (async () => {
      for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? '');
    })();
    await expect(reading).rejects.toThrow();
    expect(words.join('')).toBe('Every door is');
  });

  it('throw the error that comes inside a 200', async () => {
    const stream = await openai.chat.completions.create({
      model: 'fault:F18',
      messages,
      stream: true,
    });
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await expect(reading).rejects.toThrow('Engine died.');
  });

  it('are seen to leave when they abort', async () => {
    const stream = await openai.chat.completions.create({
      model: 'fault:F15',
      messages,
      stream: true,
    });
    stream.controller.abort();
    expect(await upstream.requests.at(-1)?.closed).toMatchObject({ by: 'peer', complete: false });
  });
});

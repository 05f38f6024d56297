/** The official clients, through the gateway: they see the API, and the ledger sees their usage. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import { sse, type UpstreamOptions } from '../src/upstream/index.js';
import { World } from './harness.js';

const model = 'interlock-small';
const messages = [{ role: 'user' as const, content: 'Who locks the door?' }];
/** Each token waits this long, so that a client can leave in the middle of a stream. */
const TOKEN_MS = 15;
/** What is required: this long after a client aborts, its upstream has seen the close. */
const CANCEL_MS = 100;

let world: World;
let openai: OpenAI;
let anthropic: Anthropic;

async function open(upstream: UpstreamOptions = {}) {
  // Nothing here ends because time has passed.
  world = await World.start({ upstream, config: { deadlines: { linger: 0 } } });
  openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: world.url, apiKey: 'none', maxRetries: 0 });
}
afterEach(() => world.close());

/** The one record of a test with one exchange. */
async function theRecord(): Promise<UsageRecord> {
  const records = await world.recorded();
  expect(records).toHaveLength(1);
  return records[0] as UsageRecord;
}

interface OpenAiUsage {
  prompt_tokens: number;
  completion_tokens?: number;
  total_tokens: number;
}

const asRecorded = ({ prompt_tokens, completion_tokens, total_tokens }: OpenAiUsage) => ({
  kind: 'final',
  model,
  inputTokens: prompt_tokens,
  ...(completion_tokens === undefined ? {} : { outputTokens: completion_tokens }),
  totalTokens: total_tokens,
});

describe("OpenAI's client", () => {
  beforeEach(() => open());

  it('gets a chat completion, whose usage is recorded as the upstream said it', async () => {
    const { usage } = await openai.chat.completions.create({ model, messages });
    const record = await theRecord();
    expect(record).toMatchObject({
      outcome: 'completed',
      status: 200,
      path: '/v1/chat/completions',
    });
    expect(record.usage).toMatchObject(asRecorded(usage as OpenAiUsage));
  });

  it('gets a chat completion as a stream, with the same usage', async () => {
    const stream_options = { include_usage: true };
    const stream = openai.chat.completions.stream({ model, messages, stream_options });
    const { usage, choices } = await stream.finalChatCompletion();
    expect(choices[0]?.message.content).toMatch(/^[A-Z].*\.$/);
    const record = await theRecord();
    expect(record).toMatchObject({ outcome: 'completed', status: 200 });
    expect(record.usage).toMatchObject(asRecorded(usage as OpenAiUsage));
  });

  it('gets a completion, whole and as a stream', async () => {
    const request = { model, prompt: 'Once upon a time' };
    const whole = await openai.completions.create(request);
    const stream_options = { include_usage: true };
    let text = '';
    let usage: OpenAiUsage | undefined;
    for await (const chunk of await openai.completions.create({
      ...request,
      stream: true,
      stream_options,
    })) {
      text += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.text);
    const [first, second] = await world.recorded(2);
    expect(first?.usage).toMatchObject(asRecorded(whole.usage as OpenAiUsage));
    expect(second?.usage).toMatchObject(asRecorded(usage as OpenAiUsage));
  });

  it('gets a response, whole and as a stream', async () => {
    const request = { model, input: 'Who locks the door?' };
    const whole = await openai.responses.create(request);
    const streamed = await openai.responses.stream(request).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    const { input_tokens, output_tokens, total_tokens } =
      whole.usage as OpenAI.Responses.ResponseUsage;
    for (const record of await world.recorded(2)) {
      expect(record.outcome).toBe('completed');
      expect(record.usage).toMatchObject({
        kind: 'final',
        inputTokens: input_tokens,
        outputTokens: output_tokens,
        totalTokens: total_tokens,
      });
    }
  });

  it('gets embeddings, whose usage has no output', async () => {
    const { data, usage } = await openai.embeddings.create({ model, input: ['a door', 'a lock'] });
    expect(data).toHaveLength(2);
    expect((await theRecord()).usage).toMatchObject(asRecorded(usage));
  });

  it('lists models, which use nothing', async () => {
    const { data } = await openai.models.list();
    expect(data.map(({ id }) => id)).toContain(model);
    const record = await theRecord();
    expect(record).toMatchObject({ outcome: 'completed', method: 'GET', path: '/v1/models' });
    expect(record.usage.kind).toBe('unknown');
  });

  it('is told what the upstream refuses, in its own words', async () => {
    await expect(openai.models.retrieve('nobody')).rejects.toThrow(OpenAI.NotFoundError);
    expect(await theRecord()).toMatchObject({ outcome: 'rejected', status: 404 });
  });
});

describe("Anthropic's client", () => {
  beforeEach(() => open());

  it('gets a message, whole and as a stream, with the usage that the upstream said', async () => {
    const request = { model, messages, max_tokens: 40 };
    const whole = await anthropic.messages.create(request);
    const streamed = await anthropic.messages.stream(request).finalMessage();
    expect(whole.content).toMatchObject(streamed.content);
    for (const record of await world.recorded(2)) {
      expect(record).toMatchObject({ outcome: 'completed', path: '/v1/messages' });
      expect(record.usage).toMatchObject({
        kind: 'final',
        inputTokens: whole.usage.input_tokens,
        outputTokens: whole.usage.output_tokens,
      });
    }
  });
});

describe('a client that leaves', () => {
  beforeEach(() => open({ tokenDelayMs: TOKEN_MS }));

  /** Holds the bound on how soon the upstream sees the close, and that it is recorded once. */
  async function expectCancelled(abortedAt: number): Promise<void> {
    const closed = await world.upstream.requests[0]?.closed;
    expect(closed).toMatchObject({ by: 'peer', complete: false });
    expect((closed?.at ?? Infinity) - abortedAt).toBeLessThan(CANCEL_MS);
    expect(await theRecord()).toMatchObject({ outcome: 'cancelled', cause: 'client_gone' });
  }

  it(`in the middle of a chat stream is seen by the upstream in ${CANCEL_MS} ms`, async () => {
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    for await (const _ of stream) break;
    const abortedAt = performance.now();
    stream.controller.abort();
    await expectCancelled(abortedAt);
  });

  it(`in the middle of a message stream is seen by the upstream in ${CANCEL_MS} ms`, async () => {
    const stream = anthropic.messages.stream({ model, messages, max_tokens: 200 });
    await new Promise<void>((resolve) => stream.once('text', () => resolve()));
    const abortedAt = performance.now();
    stream.abort();
    await expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError);
    await expectCancelled(abortedAt);
  });

  it(`before the first byte is seen by the upstream in ${CANCEL_MS} ms`, async () => {
    await world.close();
    await open({ script: { steps: [{ stall: true }] } });
    const abort = new AbortController();
    const asked = openai.chat.completions.create({ model, messages }, { signal: abort.signal });
    const refused = expect(asked).rejects.toThrow(OpenAI.APIUserAbortError);
    await world.upstream.nextRequest();
    const abortedAt = performance.now();
    abort.abort();
    await refused;
    await expectCancelled(abortedAt);
  });
});

describe('a client that leaves right after [DONE]', () => {
  it('has not cancelled: the exchange is completed, with its usage (field: A4)', async () => {
    // The upstream has said all, and is slow to end its response.
    const usage = { prompt_tokens: 4, completion_tokens: 9, total_tokens: 13 };
    const chunks = [
      {
        object: 'chat.completion.chunk',
        model,
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      },
      { object: 'chat.completion.chunk', model, choices: [], usage },
    ];
    const events = [...chunks.map((data) => ({ data })), { data: '[DONE]' }];
    const { steps } = sse(events);
    await open({ script: { steps: [...steps.slice(0, -1), { stall: true }] } });
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) {
      if (chunk.usage) break;
    }
    await world.event('response.terminal(succeeded)');
    stream.controller.abort();
    await world.event('downstream.closed(cancel)');
    const record = await theRecord();
    expect(record).toMatchObject({ outcome: 'completed', status: 200 });
    expect(record.usage).toMatchObject(asRecorded(usage));
  });
});

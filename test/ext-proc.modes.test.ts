/**
 * Whole exchanges by a peer that plays Envoy, in every mode: it finds no fault, the bytes are those
 * of the upstream, and there is one record with the usage, whatever the mode shows of it.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import type { BodyMode } from '../src/adapters/ext-proc/wire.js';
import { frame } from '../src/envoy/frames.js';
import type { Content, Modes, Plan, Play } from '../src/envoy/plan.js';
import { playExchange } from '../src/envoy/play.js';
import { JSON_BODY, SSE_EVENTS } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';

const FINAL = { kind: 'final', inputTokens: 3, outputTokens: 2, totalTokens: 5 };
const SSE = SSE_EVENTS.join('');

const request: Content = {
  headers: { ':method': 'POST', ':path': '/v1/chat/completions?a=b', ':authority': 'llm.test' },
  chunks: [Buffer.from('{"model":"m","mess'), Buffer.from('ages":[]}')],
};

function responseOf(
  body: string | Buffer,
  type: string,
  more: Record<string, string> = {},
): Content {
  const bytes = Buffer.from(body as string);
  const third = Math.ceil(bytes.length / 3);
  const chunks = [0, 1, 2].map((at) => bytes.subarray(at * third, (at + 1) * third));
  return { headers: { ':status': '200', 'content-type': type, ...more }, chunks };
}
const json = responseOf(JSON_BODY, 'application/json');
const sse = responseOf(SSE, 'text/event-stream');

const SHOWN: BodyMode[] = ['STREAMED', 'BUFFERED', 'BUFFERED_PARTIAL', 'FULL_DUPLEX_STREAMED'];
const isStreamed = (mode: BodyMode) => mode === 'FULL_DUPLEX_STREAMED' || mode === 'GRPC';

/** Streamed modes want their trailers; in the others they are skipped unless asked for. */
function modesOf(requestBody: BodyMode, responseBody: BodyMode, trailers = false): Modes {
  return {
    requestBody,
    responseBody,
    requestTrailers: trailers || isStreamed(requestBody),
    responseTrailers: trailers || isStreamed(responseBody),
  };
}

describe.each([true, false])('with protocol_config: %s,', (protocolConfig) => {
  let world: EnvoyWorld;
  beforeAll(async () => {
    world = await EnvoyWorld.start();
  });
  afterAll(() => world.close());

  /** Plays it, and gives the play with the record of its exchange. */
  async function play(plan: Omit<Plan, 'protocolConfig' | 'request'> & { request?: Content }) {
    const before = world.records.length;
    const played = await playExchange(world.client, {
      request,
      protocolConfig,
      messageTimeoutMs: 10_000,
      ...plan,
    });
    const records = await world.recorded(before + 1);
    expect(records).toHaveLength(before + 1);
    return { played, record: records[before] as UsageRecord };
  }

  function expectPassed(played: Play, response: Content): void {
    expect(played.faults).toEqual([]);
    const sent = Buffer.concat((response.chunks ?? []) as Buffer[]);
    expect(played.downstream.body.equals(sent)).toBe(true);
    expect(played.downstream).toMatchObject({ status: 200, complete: true });
    expect(played.upstream.body.toString()).toBe('{"model":"m","messages":[]}');
  }

  const streamed = (mode: BodyMode) => !protocolConfig && isStreamed(mode);
  const pairs = ['NONE' as const, ...SHOWN]
    .flatMap((one) => SHOWN.map((other) => [one, other] as const))
    // An Envoy that streams in full duplex says so.
    .filter((pair) => !pair.some(streamed));

  describe.each(pairs)('in %s and %s', (requestBody, responseBody) => {
    const modes = modesOf(requestBody, responseBody);

    it.each([
      ['JSON', json],
      ['a stream', sse],
      ['gzip', responseOf(gzipSync(JSON_BODY), 'application/json', { 'content-encoding': 'gzip' })],
    ])('%s passes, and its usage is recorded and told', async (_, response) => {
      const { played, record } = await play({ modes, response, close: 'graceful' });
      expectPassed(played, response);
      expect(record).toMatchObject({ outcome: 'completed', status: 200, usage: FINAL });
      expect(record).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
      const { 'io.interlock': told } = played.dynamicMetadata as Record<string, object>;
      expect(told).toMatchObject({ kind: 'final', input_tokens: 3, total_tokens: 5 });
    });

    it.each(['halfClose', 'cancel'] as const)('ends by a %s as by any other', async (close) => {
      const { played, record } = await play({ modes, response: sse, close });
      expectPassed(played, sse);
      expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
    });

    it.each(['empty', 'repeated'] as const)(
      'a late end that is %s changes nothing',
      async (late) => {
        // field: A1, E1, G2
        const quirks = { lateEnd: { request: late, response: late }, emptyChunks: true };
        const { played, record } = await play({ modes, response: json, quirks, close: 'graceful' });
        expectPassed(played, json);
        expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
      },
    );

    it('trailers end it, shown or skipped', async () => {
      // field: G7, D13
      for (const shown of [true, false]) {
        const trailed = { ...json, trailers: { 'x-order': 'kept' } };
        const { played, record } = await play({
          modes: modesOf(requestBody, responseBody, shown),
          request: { ...request, trailers: { 'x-asked': 'well' } },
          response: trailed,
        });
        expectPassed(played, json);
        expect(played.downstream.trailers).toEqual({ 'x-order': 'kept' });
        expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
      }
    });

    it('the halves interleave', async () => {
      const plan = { modes, response: json, respondAfter: 'requestHeaders' as const };
      const { played, record } = await play(plan);
      expect(played.faults).toEqual([]);
      expect(played.downstream.complete).toBe(true);
      expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
    });

    it('a response without a request is taken', async () => {
      // field: E16
      const before = world.records.length;
      const played = await playExchange(world.client, { modes, protocolConfig, response: json });
      expect(played.faults).toEqual([]);
      const [record] = (await world.recorded(before + 1)).slice(-1);
      expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
    });

    it.each([
      [204, 'completed'],
      [202, 'completed'],
      [404, 'rejected'],
      [503, 'upstreamFailed'],
    ])('a %i without a body is %s', async (status, outcome) => {
      // field: D11, D12
      const response = { headers: { ':status': String(status) } };
      const { played, record } = await play({ modes, response });
      expect(played.faults).toEqual([]);
      expect(record).toMatchObject({ outcome, status });
    });

    it('an error is passed on as it is', async () => {
      // field: A7, A14, D10
      const error = responseOf('{"error":{"message":"no"}}', 'application/json');
      const headers = { ...error.headers, ':status': '401' };
      const { played, record } = await play({ modes, response: { ...error, headers } });
      expect(played.faults).toEqual([]);
      expect(played.downstream.body.toString()).toBe('{"error":{"message":"no"}}');
      expect(record).toMatchObject({ outcome: 'rejected', status: 401 });
    });
  });

  it('a response whose body is not shown is not known to have completed', async () => {
    const { played, record } = await play({ modes: modesOf('NONE', 'NONE'), response: json });
    expect(played.faults).toEqual([]);
    expect(record).toMatchObject({ outcome: 'unknown', cause: 'transport_closed' });
  });

  it('an observer is told nothing and records the same', async () => {
    const modes = modesOf('STREAMED', 'STREAMED');
    // It waits for no answer, so only a graceful close lets all of it be read.
    const plan = { modes, response: sse, observability: true, close: 'graceful' as const };
    const { played, record } = await play(plan);
    expect(played).toMatchObject({ faults: [], answers: 0 });
    expect(record).toMatchObject({ outcome: 'completed', usage: FINAL });
  });

  it('a client that goes leaves an exchange of which nobody knows how it went', async () => {
    // field: D6, G13; fault: F39
    const controller = new AbortController();
    const modes = modesOf('STREAMED', 'STREAMED');
    async function* endless() {
      yield Buffer.from(SSE_EVENTS[0] as string);
      controller.abort();
      await new Promise(() => {});
    }
    const response = { headers: sse.headers, chunks: endless() };
    const { record } = await play({ modes, response, signal: controller.signal });
    expect(record).toMatchObject({ outcome: 'unknown', usage: { kind: 'unknown' } });
  });
});

it('GRPC messages pass one by one, empty ones too', async () => {
  const world = await EnvoyWorld.start();
  const chunks = ['one', '', 'three'].map((text) =>
    frame({ compressed: text === 'one', bytes: Buffer.from(text) }),
  );
  const headers = { ':status': '200', 'content-type': 'application/grpc' };
  const played = await playExchange(world.client, {
    modes: modesOf('GRPC', 'GRPC'),
    protocolConfig: true,
    request: { ...request, chunks },
    response: { headers, chunks, trailers: { 'grpc-status': '0' } },
  });
  expect(played.faults).toEqual([]);
  expect(played.upstream.body.equals(Buffer.concat(chunks))).toBe(true);
  expect(played.downstream.trailers).toEqual({ 'grpc-status': '0' });
  const [record] = await world.recorded();
  expect(record).toMatchObject({ outcome: 'completed', usage: { reason: 'not_recognised' } });
  await world.close();
});

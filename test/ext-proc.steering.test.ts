/** Routing by model: where Envoy is told to go, what is refused, and what is left alone. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BodyMode, CommonResponse, ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import { answerKind, inModes, JSON_BODY, RB, RH, RT, SB, SH } from './envoy/messages.js';
import type { Told } from './envoy/world.js';
import { EnvoyWorld } from './envoy/world.js';

const DESTINATION = 'x-gateway-destination-endpoint';
// biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration reads it of the environment
const KEY = 'Bearer ${KEY}';
const CONFIG = {
  upstreams: [
    { id: 'one', endpoint: '10.0.0.1:8000', headers: { Authorization: KEY } },
    { id: 'two', endpoint: '10.0.0.2:8000' },
    { id: 'rest', endpoint: '[fd00::3]:8000' },
  ],
  routes: [
    { models: ['llama-*'], path: '/v1/', upstreams: ['one', 'two'] },
    { models: ['other'], upstreams: ['rest'] },
  ],
  limits: { heldBytesMax: 64, requestBytesMax: 96 },
};

let world: EnvoyWorld;
beforeEach(async () => {
  process.env.KEY = 'secret';
  world = await EnvoyWorld.start(CONFIG);
});
afterEach(() => world.close());

/** What the answer sets, by name. */
function set(response: CommonResponse | undefined): Record<string, string> {
  const options = response?.headerMutation?.setHeaders ?? [];
  return Object.fromEntries(
    options.map(({ header }) => [header.key, Buffer.from(header.rawValue!).toString()]),
  );
}

const body = (model: string) => JSON.stringify({ model, stream: true });
const say = (request: BodyMode, messages: readonly ProcessingRequest[]) =>
  world.say(inModes(request, 'STREAMED', messages));
const kinds = ({ answers }: Told) => answers.map(answerKind);
/** The destination that each answer sets, if any. */
const destinations = ({ answers }: Told) =>
  answers.map(({ requestHeaders, requestBody }) => {
    return set((requestHeaders ?? requestBody)?.response)[DESTINATION];
  });
const RESPONSE = [SH(), SB(JSON_BODY, true)];

describe('the model of a request', () => {
  it('that is buffered is told with the answer to its body, and the route is chosen anew', async () => {
    const told = await say('BUFFERED', [RH(), RB(body('llama-3'), true), ...RESPONSE]);
    expect(destinations(told)).toEqual([undefined, '10.0.0.1:8000', undefined, undefined]);
    const { response } = told.answers[1]!.requestBody!;
    expect(response!.clearRouteCache).toBe(true);
    expect(set(response)).toMatchObject({ authorization: 'Bearer secret' });
    const [record] = await world.recorded();
    expect(record).toMatchObject({ route: 'llama-*', upstream: 'one', outcome: 'completed' });
  });

  it('that is buffered in front of trailers is known before its end', async () => {
    const told = await say('BUFFERED', [RH(), RB(body('other')), ...RESPONSE]);
    expect(destinations(told)[1]).toBe('[fd00::3]:8000');
  });

  it('is read of a body of which nobody said the mode', async () => {
    for (const ends of [true, false]) {
      const told = await world.say([RH(), RB(body('other'), ends)]);
      expect(destinations(told)).toEqual([undefined, '[fd00::3]:8000']);
    }
  });

  it('is told with the headers where they can wait, and the pieces of the body follow', async () => {
    const text = body('other');
    const pieces = [RB(text.slice(0, 5)), RB(''), RB(text.slice(5)), RB('', true)];
    const told = await say('FULL_DUPLEX_STREAMED', [RH(), ...pieces]);
    expect(kinds(told)).toEqual(['requestHeaders', ...pieces.map(() => 'requestBody')]);
    expect(destinations(told)[0]).toBe('[fd00::3]:8000');
    const bodies = told.answers.slice(1).map(({ requestBody }) => {
      return requestBody!.response!.bodyMutation!.streamedResponse!;
    });
    expect(bodies.map((item) => String(item.body ?? '')).join('')).toBe(text);
    expect(bodies.map((item) => item.endOfStream === true)).toEqual([false, false, false, true]);
  });

  it('is told in front of trailers too', async () => {
    const told = await say('FULL_DUPLEX_STREAMED', [RH(), RB(body('other')), RT()]);
    expect(kinds(told)).toEqual(['requestHeaders', 'requestBody', 'requestTrailers']);
    expect(destinations(told)[0]).toBe('[fd00::3]:8000');
  });

  it('that comes too late to be told sends nobody anywhere, and is recorded', async () => {
    for (const [place, mode] of (['STREAMED', 'BUFFERED_PARTIAL'] as const).entries()) {
      const told = await say(mode, [RH(), RB(body('other'), true)]);
      expect(destinations(told)).toEqual([undefined, undefined]);
      const record = (await world.recorded(place + 1)).at(-1)!;
      expect(record).toMatchObject({ model: 'other' });
      expect(record.upstream).toBeUndefined();
    }
  });

  it('that is not shown is nobody’s fault', async () => {
    for (const messages of [[RH({}, true)], [RH()], [RH(), RT()]]) {
      const told = await say('NONE', [...messages, SH()]);
      expect(kinds(told)).not.toContain('immediateResponse');
      expect(destinations(told).filter(Boolean)).toEqual([]);
    }
    const unsaid = await world.say([RH(), SH(), RT()]);
    expect(kinds(unsaid)).toEqual(['requestHeaders', 'responseHeaders', 'requestTrailers']);
    // What was cut is no JSON, and never will be.
    const cut = await say('BUFFERED_PARTIAL', [RH(), RB('{"model":"oth'), SH()]);
    expect(kinds(cut)).toEqual(['requestHeaders', 'requestBody', 'responseHeaders']);
  });
});

describe('of the upstreams of a route', () => {
  it('the one with the fewest in flight is taken, and one that is done is free again', async () => {
    const open = (count: number) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const stream = world.client.open();
          for (const message of inModes('BUFFERED', 'STREAMED', [
            RH(),
            RB(body('llama-3'), true),
          ])) {
            void stream.send(message);
          }
          await stream.until(() => stream.answers.length === 2);
          return { stream, to: set(stream.answers[1]!.requestBody!.response)[DESTINATION] };
        }),
      );
    const four = await open(4);
    expect(four.map(({ to }) => to).sort()).toEqual([
      '10.0.0.1:8000',
      '10.0.0.1:8000',
      '10.0.0.2:8000',
      '10.0.0.2:8000',
    ]);
    const done = four.filter(({ to }) => to === '10.0.0.2:8000');
    for (const { stream } of done) stream.cancel();
    await world.recorded(2);
    expect((await open(2)).map(({ to }) => to)).toEqual(['10.0.0.2:8000', '10.0.0.2:8000']);
  });
});

describe('a header that is ours to write', () => {
  it('is taken out of what a client sent', async () => {
    // SEC-24
    const forged = { [DESTINATION]: '169.254.169.254:80' };
    const told = await say('BUFFERED', [RH(forged), RB(body('other'), true)]);
    const [headers, buffered] = told.answers;
    expect(headers!.requestHeaders!.response!.headerMutation!.removeHeaders).toEqual([DESTINATION]);
    expect(set(buffered!.requestBody!.response)[DESTINATION]).toBe('[fd00::3]:8000');
  });

  it('is left alone where nothing is routed', async () => {
    const plain = await EnvoyWorld.start();
    const { answers } = await plain.say([RH({ [DESTINATION]: '10.1.1.1:80' }, true)]);
    expect(answers).toEqual([{ requestHeaders: { response: {} } }]);
    await plain.close();
  });
});

const REFUSED: readonly [string, string, number, string][] = [
  ['that is no JSON', '{"model"', 400, 'invalid_json'],
  ['that names no model', '{}', 400, 'model_missing'],
  ['that names two', '{"model":"other","model":"llama-1"}', 400, 'model_twice'],
  ['whose model is unknown', body('gpt'), 404, 'model_not_found'],
  ['that is too large to be held', `{"model":"${'x'.repeat(80)}"}`, 413, 'request_too_large'],
];

describe.each(['BUFFERED', 'STREAMED', 'FULL_DUPLEX_STREAMED'] as const)(
  'in %s a request',
  (mode) => {
    it.each(REFUSED)('%s is refused', async (_, text, status, code) => {
      const { answers, end } = await say(mode, [RH(), RB(text, true)]);
      expect(end.code).toBe(0);
      const { immediateResponse } = answers.at(-1)!;
      expect(immediateResponse).toMatchObject({ status: { code: status }, details: code });
      const error = JSON.parse(String(immediateResponse!.body)) as { error: { code: string } };
      expect(error.error).toMatchObject({ code, type: 'invalid_request_error', param: null });
      const headers = immediateResponse!.headers!.setHeaders!.map(({ header }) => header.key);
      expect(headers).toEqual(['content-type']);
      const [record] = await world.recorded();
      expect(record).toMatchObject({ outcome: 'rejected', cause: code, status });
    });

    it('is not refused twice, nor once its response has started', async () => {
      const told = await say(mode, [RH(), RB('{'), SH(), RB('{', true), RB('', true)]);
      expect(kinds(told).filter((kind) => kind === 'immediateResponse').length).toBeLessThanOrEqual(
        1,
      );
      const started = kinds(told).indexOf('responseHeaders');
      if (started >= 0) expect(kinds(told).slice(started)).not.toContain('immediateResponse');
      expect(await world.recorded()).toHaveLength(1);
    });
  },
);

it('an observer refuses nobody', async () => {
  const messages = [RH(), RB('{', true), SH(), SB(JSON_BODY, true)];
  const told = await say(
    'BUFFERED',
    messages.map((item) => ({ ...item, observabilityMode: true })),
  );
  expect(told.answers).toEqual([]);
  const [record] = await world.recorded();
  expect(record).toMatchObject({ outcome: 'completed', status: 200 });
});

it('a second request on a stream changes nothing of the first', async () => {
  // field: D18
  const second = [RH({ ':path': '/other' }), RB(body('llama-1'), true)];
  const told = await say('BUFFERED', [RH(), RB(body('other'), true), ...second, ...RESPONSE]);
  expect(destinations(told).filter(Boolean)).toEqual(['[fd00::3]:8000']);
  const [record] = await world.recorded();
  expect(record).toMatchObject({
    path: '/v1/chat/completions',
    upstream: 'rest',
    anomalies: { duplicateHeaders: 1, bodyAfterEnd: 1, duplicateEnd: 1 },
  });
});

/**
 * Bytes, orders and headers that no well-meaning peer sends: a clear status or a counted absorption,
 * one record at most, and the streams beside it untouched.
 */
import { status as Code } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import { service } from '../src/adapters/ext-proc/wire.js';
import { answerKind, inModes, JSON_BODY, RB, RH, RT, SB, SH, ST } from './envoy/messages.js';
import { cut, framed, RawConnection } from './envoy/raw.js';
import { EnvoyWorld } from './envoy/world.js';

const { requestSerialize } = service.Process!;
const WHOLE = [RH(), RB('{}', true), SH(), SB(JSON_BODY, true)];
const KINDS = ['requestHeaders', 'requestBody', 'responseHeaders', 'responseBody'];

let world: EnvoyWorld;
let connection: RawConnection;
beforeEach(async () => {
  world = await EnvoyWorld.start();
  connection = new RawConnection(Number(world.server.address.split(':')[1]));
});
afterEach(async () => {
  await expectWell();
  await connection.close();
  await world.close();
});

/** The server still does its work. */
async function expectWell(): Promise<void> {
  const { answers, end } = await world.say(WHOLE);
  expect(answers.map(answerKind)).toEqual(KINDS);
  expect(end.code).toBe(Code.OK);
}

describe('before the headers of its half,', () => {
  it.each([
    ['a request body', [RB('a')], 'request_body came before request_headers'],
    ['the end of a request', [RB('', true)], 'request_body came before request_headers'],
    ['request trailers', [RT()], 'request_trailers came before request_headers'],
    ['a response body', [RH(), SB('a')], 'response_body came before response_headers'],
    ['response trailers', [RH({}, true), ST()], 'response_trailers came before response_headers'],
    ['a request body, after a response began', [SH(), RB('a')], 'request_body came before'],
  ])('%s closes the stream with INVALID_ARGUMENT', async (_, messages, details) => {
    // field: D15; fault: F37
    const told = await world.say([...messages, ...WHOLE], 'wait');
    expect(told.end.code).toBe(Code.INVALID_ARGUMENT);
    expect(told.end.details).toContain(details);
    expect(told.answers).toHaveLength(messages.length - 1);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'violated', cause: 'headers_missing' });
  });
});

/** A message of a kind that nobody knows yet. */
const UNKNOWN = Buffer.from([((99 << 3) & 0x7f) | 0x82, 0x06, 0x02, 0x08, 0x01]);

describe('a message', () => {
  it('that says nothing, or nothing known, is not answered and changes nothing', async () => {
    // SEC-14
    const stream = connection.open();
    for (const message of WHOLE) {
      await stream.send({});
      await stream.write(framed(UNKNOWN));
      await stream.send(message);
    }
    const answers = await stream.answered(KINDS.length);
    expect(answers.map(answerKind)).toEqual(KINDS);
    stream.halfClose();
    expect(await stream.ended).toMatchObject({ how: 'status', code: Code.OK });
    const [record] = await world.recorded();
    expect(record!.anomalies).toEqual({ unrecognised: 8 });
  });

  it('that says two things at once is one of them', async () => {
    const both = Buffer.concat([requestSerialize(RH()), requestSerialize(SH())]);
    const stream = connection.open();
    await stream.write(framed(both));
    expect(await stream.answered(1)).toHaveLength(1);
    stream.halfClose();
    await stream.ended;
    expect(stream.answers).toHaveLength(1);
  });

  it('is the same however its bytes are cut', async () => {
    const bytes = Buffer.concat(WHOLE.map((message) => framed(message)));
    for (let at = 1; at < bytes.length; at += 7) {
      const stream = connection.open();
      for (const part of cut(bytes, at)) void stream.write(part);
      stream.halfClose();
      expect(await stream.ended).toMatchObject({ code: Code.OK });
      expect(stream.answers.map(answerKind), `${at}`).toEqual(KINDS);
    }
    const bytewise = connection.open();
    for (const byte of bytes) void bytewise.write(Buffer.of(byte));
    expect((await bytewise.answered(KINDS.length)).map(answerKind)).toEqual(KINDS);
    bytewise.reset();
    const records = await world.recorded(Math.ceil((bytes.length - 1) / 7) + 1);
    expect(new Set(records.map(({ outcome }) => outcome))).toEqual(new Set(['completed']));
  });

  it.each([
    ['is no message', framed(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['has a length that lies', framed(SB('a'), { length: 3 })],
    ['says that it is compressed and is not', framed(SB('a'), { compressed: true })],
  ])('that %s ends its stream with a status, and its exchange', async (_, bytes) => {
    const stream = connection.open({ 'grpc-encoding': 'gzip' });
    await stream.send(RH());
    await stream.answered(1);
    await stream.write(bytes);
    stream.halfClose();
    const { code } = await stream.ended;
    expect(code).not.toBe(Code.OK);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'unknown' });
  });

  it('that is torn by the end of its stream ends the exchange', async () => {
    const stream = connection.open();
    await stream.send(RH());
    await stream.answered(1);
    await stream.write(framed(SH()).subarray(0, 9));
    stream.halfClose();
    await stream.ended;
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'unknown' });
  });
});

describe('headers', () => {
  const bytes = Buffer.from([0x2f, 0xff, 0xc3, 0x0a, 0x1b]);

  it('need not be UTF-8, nor text', async () => {
    // SEC-14, SEC-22
    const path = { key: ':path', rawValue: bytes };
    const key = { key: '\ud800', value: '\ud800' };
    const message = { requestHeaders: { headers: { headers: [path, key] }, endOfStream: true } };
    const { answers } = await world.say([message, SH(), SB(JSON_BODY, true)]);
    expect(answers.map(answerKind)).toEqual(['requestHeaders', 'responseHeaders', 'responseBody']);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'completed', path: bytes.toString('latin1') });
  });

  it('may be missing, and a response that does not say its status did not go well', async () => {
    const messages: ProcessingRequest[] = [
      { requestHeaders: {} },
      { requestBody: {} },
      { requestTrailers: {} },
      { responseHeaders: {} },
      { responseBody: {} },
      { responseTrailers: {} },
    ];
    const { answers, end } = await world.say(messages);
    expect(answers.map(answerKind)).toEqual(messages.map((message) => Object.keys(message)[0]));
    expect(end.code).toBe(Code.OK);
    const [record] = await world.recorded();
    expect(record).toMatchObject({ outcome: 'upstreamFailed', usage: { kind: 'unknown' } });
  });

  it('by the thousand are read once', async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`x-${at}`, 'v']));
    const { answers } = await world.say([RH(many, true), SH(200, 'application/json', many)]);
    expect(answers).toHaveLength(2);
  });
});

describe('a mode', () => {
  it('that nobody knows is one in which each message is answered', async () => {
    const modes = { requestBodyMode: 77, responseBodyMode: 77 } as never;
    const [first, ...rest] = WHOLE;
    const { answers } = await world.say([{ ...first, protocolConfig: modes }, ...rest]);
    expect(answers.map(answerKind)).toEqual(KINDS);
  });
});

describe('modes that are said again', () => {
  it('are not believed', async () => {
    const [first, ...rest] = inModes('STREAMED', 'STREAMED', WHOLE);
    const later = rest.map((message) => inModes('GRPC', 'FULL_DUPLEX_STREAMED', [message])[0]!);
    const { answers } = await world.say([first!, ...later]);
    expect(answers.map(answerKind)).toEqual(KINDS);
    expect(answers.at(-1)!.responseBody!.response!.bodyMutation).toBeUndefined();
  });
});

describe('a peer', () => {
  it('that does not read is not read from, and gets all of it once it does', async () => {
    const stream = connection.open();
    const modes = ['FULL_DUPLEX_STREAMED', 'FULL_DUPLEX_STREAMED'] as const;
    const chunk = 'x'.repeat(32 * 1024);
    const count = 200;
    stream.pause();
    for (const message of inModes(...modes, [RH({}, true), SH(200, 'text/plain')])) {
      void stream.send(message);
    }
    const sent = Array.from({ length: count }, () => stream.send(SB(chunk)));
    const last = stream.send(SB('', true));
    let taken = 0;
    for (const one of sent) void one.then(() => taken++);
    await world.event('downstream.blocked');
    expect(taken).toBeLessThan(count);
    stream.resume();
    await last;
    stream.halfClose();
    expect(await stream.ended).toMatchObject({ code: Code.OK });
    expect(stream.answers).toHaveLength(count + 3);
    await world.event('downstream.ready');
  });

  it('that goes in the middle of anything leaves one record of it, and nothing else', async () => {
    // field: A11, D19; fault: F38, F39
    for (let said = 0; said <= WHOLE.length; said++) {
      const stream = connection.open();
      for (const message of WHOLE.slice(0, said)) await stream.send(message);
      await stream.answered(said);
      stream.reset();
      await stream.ended;
    }
    const empty = connection.open();
    empty.halfClose();
    expect(await empty.ended).toMatchObject({ code: Code.OK });
    const outcomes = (await world.recorded(WHOLE.length)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['unknown', 'unknown', 'unknown', 'completed']);
    expect(world.server.inFlight).toBe(0);
  });

  it('that cuts its connection ends all of its exchanges, and no other', async () => {
    const other = world.client.open();
    for (const message of WHOLE.slice(0, 3)) await other.send(message);
    await other.until(() => other.answers.length === 3);
    const streams = Array.from({ length: 50 }, () => connection.open());
    for (const stream of streams) await stream.send(RH());
    await Promise.all(streams.map((stream) => stream.answered(1)));
    connection.cut();
    const records = await world.recorded(50);
    expect(records.every(({ outcome }) => outcome === 'unknown')).toBe(true);
    await other.send(WHOLE[3]!);
    other.halfClose();
    expect((await other.ended).code).toBe(Code.OK);
    expect(other.answers.map(answerKind)).toEqual(KINDS);
  });
});

describe('an Envoy that resets every stream', () => {
  it('loses none of the next to the guard against such resets', async () => {
    // field: E17; SEC-09. After 1000 of them Node would cut the connection, and all that is on it.
    let left = 1_500;
    const lost: string[] = [];
    const speaker = async () => {
      while (left-- > 0) {
        const stream = world.client.open();
        void stream.send(RH({}, true));
        if ((await stream.next()) === undefined) lost.push((await stream.ended).details);
        stream.cancel();
        await stream.ended;
      }
    };
    await Promise.all(Array.from({ length: 64 }, speaker));
    expect(lost).toEqual([]);
  }, 60_000);
});

describe('state belongs to the stream', () => {
  it('and never to an id that a client chooses', async () => {
    // field: D17
    const ids = { 'x-request-id': 'same', traceparent: '00-1-1-01' };
    const one = world.client.open();
    const two = world.client.open();
    const half = Math.floor(JSON_BODY.length / 2);
    for (const stream of [one, two]) {
      for (const message of [RH(ids, true), SH()]) await stream.send(message);
    }
    for (const stream of [one, two]) await stream.send(SB(JSON_BODY.slice(0, half)));
    for (const stream of [two, one]) await stream.send(SB(JSON_BODY.slice(half), true));
    for (const stream of [one, two]) stream.halfClose();
    await Promise.all([one.ended, two.ended]);
    const records = await world.recorded(2);
    for (const { usage } of records) expect(usage).toMatchObject({ kind: 'final', totalTokens: 5 });
    expect(new Set(records.map(({ exchange }) => exchange)).size).toBe(2);
  });
});

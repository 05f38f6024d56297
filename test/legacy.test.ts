/** The gateway of the bug is convicted, by the story the field tells; ours absorbs that story. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { anyone, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { textOf } from '../machines/events.js';
import { legacy } from '../machines/legacy.js';
import { properties } from '../machines/properties.js';
import { Ledger } from '../src/accounting/ledger.js';
import { LegacyServer } from '../src/adapters/ext-proc/legacy.js';
import type { ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import { check, runOf } from '../src/check/explore.js';
import { compile } from '../src/compile.js';
import type { EnvoyStream } from '../src/envoy/stream.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { Exchange } from '../src/exchange.js';
import { Table } from '../src/table.js';
import type { TraceRecord } from '../src/trace.js';
import { decode, encode, eventOf } from '../src/trace.js';

const bug = new Table(compile(legacy));
const file = new URL('./traces/legacy-late-end.ndjson', import.meta.url);
const { verdicts } = check(bug, anyone, properties);
const verdictOn = (name: string) => {
  const found = verdicts.find(({ property }) => property.name === name);
  return found ?? expect.fail(`no property is named ${name}`);
};

describe('the gateway of the bug', () => {
  it('answers a finished request: the shortest story of two outcomes is the one of the field', () => {
    const { holds, run } = verdictOn('firstTerminalWins');
    expect(holds).toBe(false);
    // field: A1
    expect(run?.events.map(textOf)).toEqual([
      'request.headers',
      'response.headers(success)',
      'response.body(false)',
      'response.end',
      'response.end',
    ]);
    expect(run?.trace.slice(-2).map(({ commands }) => commands)).toEqual([
      ['endResponse', 'readUsage', 'recordUsage(completed)', 'releaseBuffer'],
      ['openBuffer', 'readUsage', 'answer(unknown)'],
    ]);
  });

  it('leaves that story as a trace (the file is its text)', () => {
    const { trace } = verdictOn('firstTerminalWins').run ?? expect.fail('no counterexample');
    expect(readFileSync(file, 'utf8')).toBe(trace.map(encode).join(''));
  });

  it('has its late end convicted by an even shorter one, without a body', () => {
    expect(verdictOn('lateEndDoesNothing').run?.events.map(textOf)).toEqual([
      'request.headers',
      'response.headers(success)',
      'response.end',
      'response.end',
    ]);
  });

  it('breaks what it breaks, and nothing else', () => {
    const broken = verdicts.filter(({ property, holds }) => property.mood === 'always' && !holds);
    expect(broken.map(({ property }) => property.name)).toEqual([
      'recordedOnce',
      'firstTerminalWins',
      'errorInsideSuccessIsNoSuccess',
      'errorStatusIsNoSuccess',
      'nothingFollowsTheLastWord',
      'noAnswerOnceStarted',
      'lateEndDoesNothing',
      'chunksAreArbitrary',
      'routeComesFirst',
      'requestKeepsItsOrder',
      'lateRequestEndDoesNothing',
      'upstreamIsLetGo',
      'bufferIsWrittenWhileOpen',
      'emptyBufferIsNotRead',
      'bufferIsReleasedLast',
      'everyWaitIsBounded',
      'onlySettlingFollowsTheOutcome',
      'connectDeadlineGuardsItsWait',
      'responseHeadersDeadlineGuardsItsWait',
      'requestBodyDeadlineGuardsItsWait',
      'firstByteDeadlineGuardsItsWait',
      'idleDeadlineGuardsItsWait',
      'progressDeadlineGuardsItsWait',
      'lingerDeadlineGuardsItsWait',
      'stallDeadlineGuardsItsWait',
      'totalDeadlineGuardsItsWait',
      'drainDeadlineGuardsItsWait',
      'detachDeadlineGuardsItsWait',
      'settleDeadlineGuardsItsWait',
      'responseIsPassedOn',
      'requestReachesTheUpstream',
      'whatIsOddIsCounted',
      'staleDeadlineIsCounted',
      'lateConnectionIsNotKept',
      'piecesRestartTheirDeadline',
      'ordersAreForTheirEvents',
    ]);
  });

  it('shows the bug only where an end comes late: the well behaved never see it', () => {
    const late = properties.filter(({ name }) => name === 'lateEndDoesNothing');
    expect(check(bug, wellBehaved, late).verdicts.map(({ holds }) => holds)).toEqual([true]);
    expect(check(bug, observed, late).verdicts.map(({ holds }) => holds)).toEqual([false]);
  });
});

describe('the trace of the bug', () => {
  const records = readFileSync(file, 'utf8').trimEnd().split('\n').map(decode);
  const events = records.map(({ event }) => eventOf(event) as Event);

  it('runs against the gateway of the bug, record by record', () => {
    expect(runOf(bug, events).trace).toEqual(records);
  });

  it('is absorbed by the exchange: its second end changes nothing and is counted', () => {
    const live = new Exchange({ id: 'late-end' });
    const orders = events.map((event) => live.receive(event).map(textOf));
    expect(orders.at(-2)).toEqual([
      'stopDeadlines',
      'endResponse',
      'readUsage',
      'cancelUpstream',
      'startDeadline(settle)',
    ]);
    expect(orders.at(-1)).toEqual(['countAnomaly(lateEnd)']);
    live.receive({ type: 'usage.read' });
    expect(live.outcome).toBe('completed');
  });

  it('is absorbed as well when the second end comes after the record was written', () => {
    const live = new Exchange({ id: 'later-end' });
    for (const event of events.slice(0, -1)) live.receive(event);
    live.receive({ type: 'usage.read' });
    live.receive({ type: 'usage.recorded' });
    expect(live.processed).toBe(true);
    for (const event of [{ type: 'response.body', empty: true } as const, events.at(-1) as Event]) {
      expect(live.receive(event).map(({ type }) => type)).toEqual(['countAnomaly']);
    }
    expect(live.state).toBe('processed.completed');
  });
});

const REQUEST: ProcessingRequest = {
  requestHeaders: { headers: { headers: [{ key: ':path', value: '/v1/chat?a' }] } },
};
const RESPONSE: ProcessingRequest = {
  responseHeaders: { headers: { headers: [{ key: ':status', value: '200' }] } },
};
const USAGE = { prompt_tokens: 4, completion_tokens: 37, total_tokens: 41 };
const JSON_TEXT = JSON.stringify({ model: 'interlock-small', usage: USAGE });
const body = (text: string, endOfStream: boolean): ProcessingRequest => ({
  responseBody: { body: Buffer.from(text), endOfStream },
});

describe('the server of the bug, on the wire', () => {
  let close: (() => Promise<void>) | undefined;
  afterEach(() => close?.());

  const start = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
    const ledger = await Ledger.open(join(folder, 'usage.ndjson'));
    const traces: TraceRecord[] = [];
    const server = new LegacyServer({ ledger, trace: (record) => traces.push(record) });
    await server.listen('127.0.0.1:0');
    const client = new EnvoyClient(server.address);
    close = async () => {
      client.close();
      await server.close();
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    };
    /** Closes the ledger first: what it holds then is all there is. */
    const recorded = async () => {
      await ledger.close();
      const lines = readFileSync(join(folder, 'usage.ndjson'), 'utf8').split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line));
    };
    return { server, stream: client.open(), traces, recorded };
  };

  /** Says the messages one by one, each when the one before it was answered. */
  const say = async (stream: EnvoyStream, ...messages: ProcessingRequest[]) => {
    for (const message of messages) {
      void stream.send(message);
      await stream.next();
    }
    return stream.answers.flatMap((answer) => Object.keys(answer));
  };

  it('makes a 500 of a finished request, in the words of the field (field: A1)', async () => {
    const { stream, traces, recorded } = await start();
    const messages = [REQUEST, RESPONSE, body(JSON_TEXT, true), body('', true)];
    expect(await say(stream, ...messages)).toEqual([
      'requestHeaders',
      'responseHeaders',
      'responseBody',
      'immediateResponse',
    ]);
    const { status, body: text, details } = stream.answers[3]?.immediateResponse ?? {};
    expect(status?.code).toBe(500);
    expect(JSON.parse(String(text)).error.message).toBe('unexpected end of JSON input');
    expect(details).toBe('unexpected end of JSON input');
    // The conversation is the story that the checker found, record by record.
    const told = readFileSync(file, 'utf8').trimEnd().split('\n').map(decode);
    const plain = (records: readonly TraceRecord[]) =>
      records.map((record) => ({ ...record, exchange: '', at: 0 }));
    expect(plain(traces)).toEqual(plain(told));
    const usage = { kind: 'final', inputTokens: 4, outputTokens: 37, totalTokens: 41 };
    expect(await recorded()).toMatchObject([{ outcome: 'completed', path: '/v1/chat', usage }]);
  });

  it('knows of no end: it goes on answering after its own 500', async () => {
    const { stream } = await start();
    const messages = [REQUEST, RESPONSE, body(JSON_TEXT, true), body('', true), body('', true)];
    expect((await say(stream, ...messages)).slice(3)).toEqual([
      'immediateResponse',
      'immediateResponse',
    ]);
  });

  it('bills twice for a response whose last bytes come again with the end', async () => {
    const { stream, recorded } = await start();
    const messages = [REQUEST, RESPONSE, body(JSON_TEXT, true), body(JSON_TEXT, true)];
    expect((await say(stream, ...messages)).slice(2)).toEqual(['responseBody', 'responseBody']);
    expect(await recorded()).toHaveLength(2);
  });

  it('is right where ends come once, however the body is cut, in JSON or as events', async () => {
    for (const text of [JSON_TEXT, `data: {}\n\ndata: ${JSON_TEXT}\n\ndata: [DONE]\n\n`]) {
      const { stream, recorded } = await start();
      const [one, other] = [text.slice(0, 9), text.slice(9)];
      const bodies = [body('', false), body(one, false), body(other, false), body('', true)];
      const answered = await say(stream, REQUEST, RESPONSE, ...bodies);
      expect(answered.slice(2)).toEqual(bodies.map(() => 'responseBody'));
      expect(await recorded()).toMatchObject([{ usage: { totalTokens: 41 } }]);
      await close?.();
    }
  });

  it('keeps the buffer of a response that was cut (field: A11), but not its stream', async () => {
    const { server, stream } = await start();
    await say(stream, REQUEST, RESPONSE, body('{', false));
    expect(server.inFlight).toBe(1);
    stream.cancel();
    await server.drain();
    expect(server.inFlight).toBe(0);
    expect([...server.buffers.values()].map(String)).toEqual(['{']);
  });
});

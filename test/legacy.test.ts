/** The gateway of the bug is convicted, by the story the field tells; ours absorbs that story. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { anyone, observed, wellBehaved } from '../machines/environments.js';
import type { Event } from '../machines/events.js';
import { textOf } from '../machines/events.js';
import { legacy } from '../machines/legacy.js';
import { properties } from '../machines/properties.js';
import { check, runOf } from '../src/check/explore.js';
import { compile } from '../src/compile.js';
import { Exchange } from '../src/exchange.js';
import { Table } from '../src/table.js';
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

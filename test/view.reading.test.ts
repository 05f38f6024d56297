/** What the viewer's page computes, without a browser: reading, judging, lighting, addresses. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exchange } from '../machines/exchange.js';
import { table } from '../src/step.js';
import { decode, encode } from '../src/trace.js';
import { diagrams, exhibits } from '../visualizations/generated/viewer.generated.js';
import { statesIn } from '../visualizations/viewer/page/lighting.js';
import { hashOf, placeOf } from '../visualizations/viewer/page/place.js';
import { Holdings, outcomeOf, summaryOf } from '../visualizations/viewer/page/reading.js';
import { judge, machines, offered, played } from '../visualizations/viewer/page/runs.js';
import { viewerPage } from '../visualizations/viewer/page.js';

const lateEnd = readFileSync(new URL('traces/late-end.ndjson', import.meta.url), 'utf8');
const lines = lateEnd.trimEnd().split('\n');

async function* bytes(text: string, size = 7) {
  const all = new TextEncoder().encode(text);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}
const read = async (text: string, recordsMax?: number, size?: number) => {
  const holdings = new Holdings(recordsMax);
  return { holdings, reading: await holdings.read('f', bytes(text, size)) };
};

describe('reading', () => {
  it('gives back every record, however the bytes are cut', async () => {
    for (const size of [1, 3, 1_000_000]) {
      const { holdings, reading } = await read(lateEnd.replaceAll('late-end', 'späte'), 99, size);
      expect(reading).toMatchObject({ lines: 11, records: 11, faults: 0 });
      const [held] = holdings.held;
      expect(held?.records.map(encode).join('')).toBe(lateEnd.replaceAll('late-end', 'späte'));
      expect(held).toMatchObject({ id: 'späte', anomalies: 1, violations: 0 });
      expect(outcomeOf(held!)).toBe('completed');
    }
  });

  it('keeps exchanges of one file apart, and goes on after what it cannot read', async () => {
    const other = lines.map((line) => line.replace('late-end', 'other'));
    const mixed = lines.flatMap((line, at) => [line, other[at]]);
    mixed.splice(4, 0, '{"v":1', 'noise', '', '{"v":1,"exchange":7}');
    const { holdings, reading } = await read(mixed.join('\n'));
    expect(holdings.held.map(({ id, records }) => `${id} ${records.length}`)).toEqual([
      'late-end 11',
      'other 11',
    ]);
    expect(reading.told.map((text) => text.slice(0, 24))).toEqual([
      'line 5: not JSON: {"v":1',
      'line 6: not JSON: noise',
      'line 8: "exchange" must ',
    ]);
    expect(summaryOf(reading)).toBe('f: 22 records in 26 lines; 3 lines not readable.');
  });

  it('holds a file that is opened twice twice, and goes on with no exchange of it', async () => {
    const holdings = new Holdings();
    for (const file of ['a', 'b', 'b']) await holdings.read(file, bytes(lateEnd));
    expect(holdings.held.map(({ records }) => records.length)).toEqual([11, 11, 11]);
    expect(holdings.find('late-end')).toBe(holdings.held[0]);
    expect(holdings.find('late-end', 'b')).toBe(holdings.held[1]);
    expect(holdings.find('late-end', 'c')).toBeUndefined();
  });

  it('keeps no more than it may, counts the rest, and says so', async () => {
    const { holdings, reading } = await read(lateEnd, 4);
    expect(holdings.held[0]?.records).toHaveLength(4);
    expect(summaryOf(reading)).toContain('11 records in 11 lines; 7 not kept');
  });

  it('gives up on what is plainly no trace, and on a line without an end', async () => {
    const noise = await read('noise\n'.repeat(100_000), 10, 1 << 16);
    expect(noise.reading.lines).toBe(1_000);
    expect(noise.reading.told[0]).toContain('not a trace');
    expect(noise.reading.told).toHaveLength(21);
    const endless = await read(`${'x'.repeat(3 << 20)}\n${lines[0]}\n`, 10, 1 << 16);
    expect(endless.reading.told).toEqual(['line 1: longer than any record']);
    expect(endless.reading.records).toBe(1);
    expect((await read('')).reading.told).toEqual(['it holds no record']);
  });
});

describe('judging', () => {
  const run = (records = lines.map(decode), machine = machines[0]) => {
    return { title: '', notes: [], machine, records };
  };

  it('tells the late end as an anomaly, and all before it as the machine does', () => {
    const kinds = lines.map((_, at) => judge(run(), at).kind);
    expect(kinds.at(-1)).toBe('anomaly');
    expect(kinds.slice(0, -1)).not.toContain('divergent');
  });

  it('tells what the machine would not have done, and what was left out', () => {
    const records = lines.map(decode);
    const lied = records.with(2, { ...records[2]!, commands: ['answer(unknown)'] });
    expect(judge(run(lied), 2)).toMatchObject({ kind: 'divergent' });
    expect(judge(run(lied), 2).why).toContain('the machine goes to active(');
    expect(judge(run(records.toSpliced(3, 1)), 3).why).toBe('records before it are missing');
    expect(judge(run(records.slice(3)), 0).why).toBe('what came before was not recorded');
    expect(judge(run(records, machines[1]), 0).kind).toBe('divergent');
  });

  it('offers every event in every state, with the answer of the table', () => {
    for (const machine of machines) {
      for (const state of machine.table.states) {
        expect(offered(machine, state)).toHaveLength(39);
      }
    }
    const [machine] = machines;
    const over = offered(machine!, 'processed.completed');
    expect(over.find(({ event }) => event === 'response.end')?.kind).toBe('anomaly');
    expect(over.find(({ event }) => event === 'downstream.closed(cancel)')?.kind).toBe('absorbed');
    const open = offered(machine!, machine!.table.states[0]!);
    expect(open.find(({ event }) => event === 'request.headers')?.kind).toBe('taken');
    expect(open.find(({ event }) => event === 'response.end')?.kind).toBe('violation');
  });

  it('plays each counterexample to what the checker found', () => {
    expect(exhibits.length).toBeGreaterThan(10);
    const legacy = machines.find(({ name }) => name === 'legacy')!;
    const late = exhibits.filter(({ claims }) =>
      claims.some(({ name }) => name === 'firstTerminalWins'),
    );
    const ends = late.map(({ events }) => played(legacy, events).at(-1)?.commands);
    expect(ends).toContainEqual(['openBuffer', 'readUsage', 'answer(unknown)']);
  });
});

describe('lighting', () => {
  it('finds a box for every region of every state that there is', () => {
    for (const { name, table } of machines) {
      const boxes = new Set(
        [...diagrams[name]!.matchAll(/class="(?:node|cluster)">\n<title>([^<]+)</g)].map(
          ([, title]) => title,
        ),
      );
      for (const state of table.states) {
        const lit = [...statesIn(state)].filter((part) => boxes.has(part));
        const regions = state.startsWith('active(') ? ['request', 'response', 'shutdown'] : [];
        for (const region of regions) {
          expect(
            lit.filter((part) => part.startsWith(`active.${region}.`)),
            state,
          ).not.toEqual([]);
        }
        expect(lit, state).not.toEqual([]);
      }
    }
    expect(table.machine).toBe(exchange.id);
  });
});

describe('an address', () => {
  it('leads to where it was made', () => {
    const places = [
      { kind: 'exchange', id: 'a&step=9 ü#', step: 3 },
      { kind: 'exchange', id: 'a', file: 'b.ndjson', step: 3 },
      { kind: 'counterexample', number: 2, step: 0 },
      {
        kind: 'hand',
        machine: 'exchange',
        environment: 'observed',
        seed: 7,
        events: ['request.headers', 'response.body(true)'],
        step: 1,
      },
    ] as const;
    for (const place of places) expect(placeOf(`#${hashOf(place)}`)).toEqual(place);
    expect(placeOf('#machine=legacy')).toMatchObject({ environment: 'anyone', seed: undefined });
    expect(placeOf('')).toBeUndefined();
    expect(placeOf('#step=4')).toBeUndefined();
    expect(placeOf('#exchange=a&step=-1')).toMatchObject({ step: 0 });
  });
});

describe('the text of the page', () => {
  it('names nothing from elsewhere, and has no script or style that its policy refuses', () => {
    expect(viewerPage()).not.toMatch(
      /https?:|\/\/|<style|style="|<script(?! type="module" src=)| on\w+="/,
    );
  });
});

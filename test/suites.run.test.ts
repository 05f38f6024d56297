/** Suites are made, written, read back and run: on the Exchange, and on what is not as it is. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS, EVENTS, events, textOf } from '../machines/events.js';
import type { Adapter } from '../src/check/suites/run.js';
import { runSuite } from '../src/check/suites/run.js';
import type { Suite, SuiteOptions } from '../src/check/suites/suite.js';
import { METHODS, suiteOf } from '../src/check/suites/suite.js';
import { readSuite, write } from '../src/check/suites/write.js';
import { suiteCommand } from '../src/cli/suite.js';
import { InterlockError } from '../src/errors.js';
import { Exchange } from '../src/exchange.js';
import { rows } from '../src/legacy.generated.js';
import { Table } from '../src/table.js';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside the project, so that what is written there is compiled as our own files are. */
const folder = mkdtempSync(join(root, 'node_modules', '.interlock-suites-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const live: Adapter = {
  start() {
    const exchange = new Exchange({ id: 'suite' });
    return { take: (event) => exchange.receive(event) };
  },
};

const legacyTable = new Table(rows);
const legacy: Adapter = {
  start() {
    let state = 0;
    return {
      take(event) {
        const step = legacyTable.answerTo(state, event);
        state = step.state;
        return step.commands;
      },
    };
  },
};

const STORY = [
  'request.headers',
  'request.routed',
  'request.end',
  'response.headers(success)',
  'response.body(false)',
  'response.end',
  'response.end',
];
const ENDS = STORY.filter((text) => text.endsWith('.end'));

/** One of each method, small enough to be run here. */
const small: readonly SuiteOptions[] = [
  { method: 'hsi', k: 0 },
  { method: 'hsi', k: 1, events: STORY },
  { method: 'transitions' },
  { method: 'switch', n: 2, events: STORY },
  { method: 'orderings', length: 5, events: STORY },
  { method: 'bag', bag: STORY },
];

describe('runSuite', () => {
  it('passes the Exchange by every method, and says what it was asked', async () => {
    for (const options of small) {
      const suite = suiteOf(options);
      const result = await runSuite(suite, live);
      expect(result).toMatchObject({ ...suite.size, failed: 0, divergences: [] });
      expect(result.text).toBe(
        `${suite.name}: ${result.scenarios} scenarios, ${result.events} events: ` +
          'every event was answered as the machine does.',
      );
    }
  });

  it('fails the gateway of the bug at its first event: it starts no deadline', async () => {
    const result = await runSuite(suiteOf({ method: 'bag', bag: STORY }), legacy);
    expect(result.failed).toBe(result.scenarios);
    const scenario = result.divergences.find(({ events }) => events[0] === 'request.headers');
    expect(scenario).toEqual({
      scenario: expect.any(Number),
      events: ['request.headers'],
      expected: new Exchange({ id: 'a' }).receive(events.requestHeaders).map(textOf),
      found: ['forwardRequestHeaders'],
    });
  });

  it('fails it, seen from downstream, at the second end, by the story of the field', async () => {
    const sees = (command: string) => /^(answer|endResponse|forwardResponse)/.test(command);
    const suite: Suite = { ...suiteOf({ method: 'bag', bag: STORY }), scenarios: [STORY] };
    const { divergences } = await runSuite(suite, { ...legacy, sees });
    // field: A1
    expect(divergences).toEqual([
      { scenario: 0, events: STORY, expected: [], found: ['answer(unknown)'] },
    ]);
  });

  it('passes the gateway of the bug where its own table is what is right', async () => {
    const suite = suiteOf({ method: 'hsi', k: 1, table: legacyTable });
    expect(suite.machine).toBe('legacy');
    expect(await runSuite(suite, legacy, { table: legacyTable })).toMatchObject({ failed: 0 });
  });

  it('finds one forgotten duplicate, by the one scenario that has it, over promises', async () => {
    let closed = 0;
    const forgets: Adapter = {
      start() {
        const exchange = new Exchange({ id: 'forgets' });
        let ends = 0;
        return {
          async take(event) {
            if (event.type === 'response.end') ends++;
            const commands = exchange.receive(event).map(textOf);
            return ends === 2 ? [...commands, 'answer(unknown)'] : commands;
          },
          close() {
            closed++;
          },
        };
      },
    };
    const suite: Suite = { ...suiteOf({ method: 'bag', bag: STORY }), scenarios: [STORY] };
    const { failed, divergences, text } = await runSuite(suite, forgets);
    expect([failed, closed]).toEqual([1, 1]);
    expect(divergences[0]?.events).toEqual(STORY);
    expect(divergences[0]?.found?.at(-1)).toBe('answer(unknown)');
    expect(text).toMatchInlineSnapshot(`
      "bag: 1 scenarios, 7 events: 1 diverge. The shortest, scenario 0:
        request.headers
        request.routed
        request.end
        response.headers(success)
        response.body(false)
        response.end
        response.end
        expected: countAnomaly(lateEnd)
        found:    countAnomaly(lateEnd), answer(unknown)"
    `);
  });

  it('takes what an adapter throws for an answer, and goes on', async () => {
    const suite = suiteOf({ method: 'bag', bag: ENDS });
    const take = () => Promise.reject(new Error('socket hang up'));
    const result = await runSuite(suite, { start: () => ({ take }) });
    expect(result.failed).toBe(suite.size.scenarios);
    expect(result.text).toContain('found:    the adapter threw: Error: socket hang up');
    const start = () => {
      throw new Error('no port');
    };
    const first = await runSuite(suite, { start }, { stopAtFirst: true });
    expect(first).toMatchObject({ scenarios: 1, events: 0, failed: 1 });
  });

  it('asks nothing of commands that an adapter cannot see', async () => {
    const sees = (command: string) => command.startsWith('forward');
    const onWire: Adapter = {
      sees,
      start() {
        const exchange = new Exchange({ id: 'wire' });
        return { take: (event) => exchange.receive(event).filter(({ type }) => sees(type)) };
      },
    };
    expect(COMMANDS.map(textOf).filter(sees).length).toBeGreaterThan(4);
    const suite = suiteOf({ method: 'transitions' });
    expect((await runSuite(suite, onWire)).failed).toBe(0);
    expect((await runSuite(suite, { start: onWire.start })).failed).toBeGreaterThan(0);
  });

  it('keeps as many divergences as it is told to, and counts all', async () => {
    const suite = suiteOf({ method: 'transitions' });
    const { failed, divergences } = await runSuite(suite, legacy, { divergencesMax: 3 });
    expect(divergences.length).toBe(3);
    expect(failed).toBeGreaterThan(1000);
  });

  it('refuses the suite of another machine, or with what is no event', async () => {
    const suite = suiteOf({ method: 'bag', bag: ENDS });
    await expect(runSuite({ ...suite, machine: 'legacy' }, live)).rejects.toThrow(/"legacy"/);
    const wrong = { ...suite, scenarios: [['request.end', 'no.event']] };
    await expect(runSuite(wrong, live)).rejects.toThrow(/"no\.event"/);
    const slip = { ...suite, scenarios: [['requst.end']] };
    await expect(runSuite(slip, live)).rejects.toThrow(/"requst\.end".* mean request\.end\?/);
  });
});

describe('a suite', () => {
  it('says its size before it is made, its guarantee, and what it leaves out', () => {
    for (const options of small) {
      const suite = suiteOf(options);
      const scenarios = [...suite.scenarios];
      const sum = scenarios.reduce((total, scenario) => total + scenario.length, 0);
      expect({ scenarios: scenarios.length, events: sum }).toEqual(suite.size);
      expect(new Set(scenarios.map(String)).size).toBe(scenarios.length);
      expect(suite.guarantee).toMatch(/\.$/);
      expect(suite.abstraction).toMatch(/\.$/);
    }
    expect(new Set(small.map(({ method }) => method))).toEqual(new Set(METHODS));
  });

  it('that is too large is refused at once, with how large it would be', () => {
    const refused = (options: SuiteOptions, ...words: string[]) => {
      const make = () => suiteOf(options);
      expect(make).toThrow(InterlockError);
      for (const word of words) expect(make).toThrow(word);
    };
    refused({ method: 'hsi', k: 3 }, '799,077,501 scenarios of 7,229,960,242 events', '"k"');
    refused({ method: 'hsi', k: 1, limit: 1000 }, '4,283,114 events', '1,000 events', '"limit"');
    refused({ method: 'switch', n: 40 }, 'e+', '"n"');
    refused({ method: 'orderings', length: 40 }, 'e+', '"length"');
    refused({ method: 'bag', bag: EVENTS.map(textOf) }, 'e+', '"bag"');
    refused({ method: 'hsi', k: 41 }, '"k" must be a whole number from 0 to 40; found 41');
    refused({ method: 'orderings' }, 'option "length"', 'found nothing');
    refused({ method: 'bag', bag: ['request.end', 'foo'] }, 'option "bag"', 'found "foo"');
    const ends = { method: 'bag', bag: ['response.ends'] } as const;
    refused(ends, 'found "response.ends"; did you mean response.end? Accepted: request.headers, ');
    refused({ method: 'hsi', events: [] }, 'option "events"', 'request.headers, ');
    refused({ method: 'walk' } as never, 'option "method"', 'hsi, transitions');
    refused({ method: 'hsi', limit: 0 }, 'option "limit"');
  });

  it('in JSON is read back as it was', () => {
    const suite = suiteOf({ method: 'switch', n: 1, events: STORY });
    const { scenarios, ...head } = suite;
    const read = readSuite([...write(suite, 'json')].join(''));
    expect(read).toEqual({ ...head, scenarios: [...scenarios] });
  });

  it('that is no suite is refused, with the place', () => {
    const text = [...write(suiteOf({ method: 'bag', bag: ENDS }), 'json')].join('');
    const wrong = (from: string, to: string) => () => readSuite(text.replace(from, to));
    expect(wrong('{', '')).toThrow('a suite must be JSON');
    expect(wrong('"v": 1', '"v": 2')).toThrow('"v" must be 1; found 2');
    expect(wrong('"machine"', '"engine"')).toThrow('"machine" must be a string');
    expect(wrong('"method": "bag"', '"method": "box"')).toThrow('"method" must be one of hsi');
    expect(wrong('"size"', '"sizes"')).toThrow('"size" must be an object');
    expect(wrong('"scenarios": [', '"all": [')).toThrow('"scenarios" must be a list');
    expect(wrong('["request.end"', '["request.ends"')).toThrow(
      '"scenarios"[0] must be a list of texts of events; found "request.ends"',
    );
    expect(() => readSuite('3')).toThrow('the suite must be an object');
  });

  it('as text has an event a line', () => {
    const suite = suiteOf({ method: 'bag', bag: ['response.end', 'response.end', 'request.end'] });
    const text = [...write(suite, 'txt')].join('');
    expect(text).toContain('\n\n# scenario 1\nresponse.end\nrequest.end\nresponse.end\n\n');
    const events = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(events).toHaveLength(suite.size.events);
  });

  it('as a vitest file is a test that passes', async () => {
    const suite = suiteOf({ method: 'switch', n: 1, events: STORY });
    const file = join(folder, 'suite.ts');
    const index = JSON.stringify(join(root, 'src', 'index.ts'));
    const text = [...write(suite, 'vitest')].join('').replace("'interlock'", index);
    // A test cannot hold a test: what it registers is kept, and run here.
    writeFileSync(
      file,
      text.replace(
        "import { expect, it } from 'vitest';",
        "import { expect } from 'vitest';\nconst it = (...test: unknown[]) => Object.assign(globalThis, { test });",
      ),
    );
    const adapter = `import { Exchange } from ${index};
export const adapter = { start() {
  const exchange = new Exchange({ id: 'a' });
  return { take: (event) => exchange.receive(event) };
} };`;
    writeFileSync(join(folder, 'adapter.ts'), adapter);
    await import(file);
    const [name, test] = (globalThis as unknown as { test: [string, () => Promise<void>] }).test;
    expect(name).toBe(`passes 1-switch: ${suite.size.scenarios} scenarios`);
    await test();
  });
});

describe('interlock suite', () => {
  async function told(...args: string[]): Promise<string> {
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    try {
      await suiteCommand().exitOverride().parseAsync(args, { from: 'user' });
      return spy.mock.calls.map(([text]) => String(text)).join('');
    } finally {
      spy.mockRestore();
    }
  }

  it('tells the size, the guarantee and the abstraction of HSI with one extra state', async () => {
    const report = await told('--method', 'hsi', '--k', '1');
    expect(report).toContain('hsi-1: 606,163 scenarios, 4,283,114 events\n');
    expect(report).toContain('Complete for k = 1: ');
    expect(report).toContain('at most 138 states (the machine: 137 that its commands tell apart');
    expect(report).toContain('An event is its text: ');
  });

  it('writes the scenarios to a file', async () => {
    const out = join(folder, 'suite.json');
    await told('--method', 'orderings', '--length', '3', '--events', ENDS.join(), '--out', out);
    const suite = readSuite(readFileSync(out, 'utf8'));
    expect(suite.parameters).toEqual({ length: 3, events: ENDS });
    expect([...suite.scenarios]).toHaveLength(suite.size.scenarios);
  });

  it('names the flag that is wrong', async () => {
    await expect(told('--method', 'bag', '--k', '1')).rejects.toThrow(
      '--k is for --method hsi; found --method bag',
    );
    await expect(told('--method', 'hsi', '--k', '2')).rejects.toThrow('would have 21,781,805');
    await expect(told('--out', join(folder, 'none', 'x'), '--k', '0')).rejects.toThrow('--out ');
  });
});

/** A counterexample is kept: as a trace, a story, a test, and as events and messages to be played. */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { anyone, environments } from '../machines/environments.js';
import { textOf } from '../machines/events.js';
import { eventualities } from '../machines/properties.js';
import { Ledger } from '../src/accounting/ledger.js';
import { LegacyServer } from '../src/adapters/ext-proc/legacy.js';
import type { ProcessingRequest } from '../src/adapters/ext-proc/wire.js';
import { allProperties } from '../src/check/claims.js';
import type { Counterexample } from '../src/check/counterexample.js';
import { artefactsOf, messagesOf, replay, storyOf, traceOf } from '../src/check/counterexample.js';
import { check, explore, judge } from '../src/check/explore.js';
import { counterexampleOf, runCheck } from '../src/check/report.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { rows } from '../src/legacy.generated.js';
import { table as exchange } from '../src/step.js';
import { Table } from '../src/table.js';
import { answerKind } from './envoy/messages.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const traces = new URL('./traces/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'interlock-counterexample-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const legacy = new Table(rows);
const always = allProperties.filter(({ mood }) => mood === 'always');
const named = (name: string) =>
  allProperties.find((property) => property.name === name) ?? expect.fail(`no ${name}`);

function convict(name: string, environment = anyone): Counterexample {
  const property = named(name);
  const { run } = judge(explore(legacy, environment), property);
  return { machine: 'legacy', environment, property, run: run ?? expect.fail('it holds') };
}

describe('the gateway of the bug', () => {
  it('is convicted in each environment, and never in fewer events than it takes', () => {
    const shortest = environments.map((environment) => {
      const { verdicts } = check(legacy, environment, always);
      const broken = verdicts.filter(({ holds }) => !holds);
      return [environment.name, Math.min(...broken.map(({ run }) => run?.events.length as number))];
    });
    expect(shortest).toEqual([
      ['anyone', 1],
      ['wellBehaved', 1],
      ['observed', 1],
    ]);
  });

  it('tells the story of the field in the fewest events: five, where an end may come late', () => {
    const lengths = environments.map((environment) => {
      const { run } = judge(explore(legacy, environment), named('firstTerminalWins'));
      return [environment.name, run?.events.length];
    });
    // The well behaved see no second outcome: their ends come once.
    expect(lengths).toEqual([
      ['anyone', 5],
      ['wellBehaved', undefined],
      ['observed', 5],
    ]);
  });

  it('leaves that trace, and no other text, as the one that is kept', () => {
    const [trace] = artefactsOf(convict('firstTerminalWins'), '../src');
    expect(trace?.text).toBe(readFileSync(new URL('legacy-late-end.ndjson', traces), 'utf8'));
  });

  it('is told so that people see what came, what was ordered, and what is wrong', () => {
    expect(storyOf(convict('firstTerminalWins'))).toMatchInlineSnapshot(`
      "The machine "legacy" breaks a claim, in 5 events.
      Who speaks: Anyone may say anything at any time. (anyone)

        1. request.headers
           orders: forwardRequestHeaders
           then:   awaitingResponse
        2. response.headers(success)
           orders: forwardResponseHeaders
           then:   noBuffer
        3. response.body(false)
           orders: forwardResponseBody, openBuffer, bufferResponseBody
           then:   buffer
        4. response.end
           orders: endResponse, readUsage, recordUsage(completed), releaseBuffer
           then:   noBuffer
        5. response.end
           orders: openBuffer, readUsage, answer(unknown)
           then:   noBuffer, as before

      Broken by event 5, "response.end": No exchange has two outcomes.
      (firstTerminalWins)
      "
    `);
  });
});

describe('every trace that is kept', () => {
  const files = readdirSync(traces).filter((name) => name.endsWith('.ndjson'));

  it.each(files)('%s is a run of its machine, and keeps every claim as one of ours', (name) => {
    const records = traceOf(readFileSync(new URL(name, traces), 'utf8'));
    const machine = records[0]?.exchange === 'legacy' ? legacy : exchange;
    for (const property of always.filter((one) => !one.name.startsWith('nobodyIs'))) {
      expect(replay(machine, property, records).diverges).toBe(undefined);
      expect(replay(exchange, property, records).decision, property.name).toBe(undefined);
    }
  });

  it('that is changed in one command is told by the place of the record', () => {
    const records = traceOf(readFileSync(new URL('legacy-late-end.ndjson', traces), 'utf8'));
    const changed = records.with(3, { ...records[3]!, commands: ['endResponse'] });
    const { diverges, decides, decision } = replay(legacy, named('firstTerminalWins'), changed);
    expect([diverges, decides, decision]).toEqual([3, 4, 'violated']);
  });
});

describe('the test that replays', () => {
  /** Runs the written test as its reader would, in a folder with packages. */
  function runWritten(place: string): { status: number | null; said: string } {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--root', place];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  }

  function written(name: string, change: (text: string) => string): string {
    const place = join(folder, name);
    mkdirSync(place);
    symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
    writeFileSync(join(place, 'package.json'), '{"type":"module"}');
    const home = relative(place, join(root, 'src'));
    for (const file of artefactsOf(convict('firstTerminalWins'), home)) {
      writeFileSync(join(place, file.name), change(file.text));
    }
    return place;
  }

  it('fails on the machine that has the fault, by its sentence and its step', () => {
    const { status, said } = runWritten(written('faulty', (text) => text));
    expect(said).toContain('No exchange has two outcomes.');
    expect(said).toContain(
      'broken by event 5, which orders: openBuffer, readUsage, answer(unknown)',
    );
    expect(status).toBe(1);
  }, 60_000);

  it('passes on a machine that is mended', () => {
    const mended = (text: string) => text.replace('legacy.generated', 'exchange.generated');
    const { status, said } = runWritten(written('mended', mended));
    expect(`${status} ${said}`).toMatch(/^0 [\s\S]*1 passed/);
  }, 60_000);
});

describe('the messages', () => {
  it('convict the server of the bug over gRPC: a 500 after a finished response', async () => {
    const ledger = await Ledger.open(join(folder, 'usage.ndjson'));
    const server = new LegacyServer({ ledger });
    await server.listen('127.0.0.1:0');
    const client = new EnvoyClient(server.address);
    const stream = client.open();
    const messages = messagesOf(convict('firstTerminalWins').run.events) ?? expect.fail();
    for (const message of messages) {
      await stream.send(message as ProcessingRequest);
      await stream.next();
    }
    expect(stream.answers.map(answerKind).at(-1)).toBe('immediateResponse');
    expect(stream.answers.at(-1)?.immediateResponse?.status?.code).toBe(500);
    client.close();
    await server.close();
    await ledger.close();
  });

  it('are not there where Envoy cannot bring an event about, and the events are', () => {
    const found = convict('staleDeadlineIsCounted');
    expect(messagesOf(found.run.events)).toBe(undefined);
    const script = artefactsOf(found, '.').find(({ name }) => name.endsWith('.events.json'));
    expect(JSON.parse(script?.text as string)).toEqual(found.run.events.map(textOf));
  });
});

describe('a run that goes wrong only by going on for ever', () => {
  it('is told with where it goes round, and gets no test, since a replay ends', async () => {
    const properties = eventualities.filter(({ name }) => name === 'everyRequestIsProcessed');
    const report = await runCheck({ table: legacy, environments: [anyone], properties });
    const found = counterexampleOf(report, report.rows[0]!) ?? expect.fail('it holds');
    expect(storyOf(found)).toMatch(/Broken, since (from event \d+ on|nothing more)/);
    const names = artefactsOf(found, '.').map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('.test.ts'))).toEqual([]);
  });
});

/** The log: a line per exchange, whatever its peers put into it, and whoever reads it or does not. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { UsageRecord } from '../src/accounting/ledger.js';
import type { LogLevel } from '../src/observe/log.js';
import { openLog } from '../src/observe/log.js';
import { Telemetry } from '../src/observe/telemetry.js';
import { plainJson, redacted, shown } from '../src/observe/text.js';
import { RB, RH, SB, SH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { ask, CHAT, chat } from './faults.js';
import { World } from './harness.js';
import { heldBytes } from './memory.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Logged {
  readonly telemetry: Telemetry;
  warn(message: string): void;
  /** The text that was written, once all of it was. */
  text(): Promise<string>;
  lines(): Promise<Record<string, unknown>[]>;
}

function logged(level: LogLevel = 'info'): Logged {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-log-'));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'log.ndjson');
  const log = openLog(level, file);
  const telemetry = new Telemetry({ tracerProvider: null, log: log.exchange });
  closing.push(() => telemetry.close());
  const text = async () => {
    await log.close();
    return readFileSync(file, 'utf8');
  };
  const lines = async () =>
    (await text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { telemetry, warn: log.warn, text, lines };
}

/** What no line may hold: what a terminal obeys, what ends a line, what turns or hides text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/;

const HOSTILE = 'a\u001b[2J\n{"level":"fatal"}\r\u009b31m\u2028\u202e\u0000"\\';

describe('a line of the log', () => {
  it('is one per exchange, with what its record says', async () => {
    const { telemetry, lines } = logged();
    const world = await World.start({ telemetry });
    closing.push(() => world.close());
    await ask(world.port, { body: chat('interlock-small') });
    await ask(world.port, { body: chat('fault:F05') });
    const records = await world.recorded(2);
    const [fine, broken, ...more] = await lines();
    expect(more).toEqual([]);
    expect(fine).toMatchObject({
      level: 'info',
      exchange: records[0]?.exchange,
      outcome: 'completed',
      status: 200,
      method: 'POST',
      path: CHAT,
      model: 'interlock-small',
      usage: 'unknown',
      reason: 'no_usage',
    });
    expect(broken).toMatchObject({ level: 'warn', outcome: 'upstreamFailed' });
  });

  it('is left out for "warn" where nobody is at fault, and not where somebody is', async () => {
    const { telemetry, lines, warn } = logged('warn');
    const world = await World.start({ telemetry });
    closing.push(() => world.close());
    await ask(world.port, { body: chat('interlock-small') });
    await ask(world.port, { path: '/../', body: '{}' });
    await ask(world.port, { body: chat('fault:F05') });
    await world.recorded(3);
    warn('something\nelse');
    expect((await lines()).map(({ outcome, msg }) => outcome ?? msg)).toEqual([
      'upstreamFailed',
      'something\nelse',
    ]);
  });

  it('is one line that parses, whatever a peer calls its model or its path', async () => {
    const { telemetry, text } = logged();
    const world = await EnvoyWorld.start({}, telemetry);
    closing.push(() => world.close());
    const path = `/v1/chat/completions${HOSTILE.replace('\u2028\u202e', '')}?api_key=hunter2`;
    const body = JSON.stringify({ ...answer(HOSTILE), usage: { prompt_tokens: 1 } });
    await world.say([RH({ ':path': path }), RB('{}', true), SH(), SB(body, true)]);
    await world.recorded();
    const written = await text();
    expect(written).not.toMatch(UNSEEN);
    expect(written.split('\n')).toHaveLength(2);
    const line = JSON.parse(written) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'info', outcome: 'completed', model: HOSTILE });
    expect(written).not.toContain('hunter2');
  });

  it('has no header and no body, and of what looks like a key nothing', async () => {
    const { telemetry, text, warn } = logged();
    const world = await World.start({ telemetry });
    closing.push(() => world.close());
    const secret = 'sk-proj-1234567890abcdef';
    await ask(world.port, {
      path: `/v1/keys/${secret}?token=${secret}`,
      headers: [`authorization: Bearer ${secret}`, `api-key: ${secret}`, `x-mine: ${secret}`],
      body: chat(`model-${secret}`),
    });
    await world.recorded();
    warn(`upstream said: Authorization: Bearer ${secret}, api_key=abcdef123 and more`);
    const written = await text();
    expect(written).not.toContain('1234567890abcdef');
    expect(written).not.toContain('abcdef123');
    expect(written).not.toContain('"Hi"');
    expect(written).toContain('/v1/keys/[redacted]');
    expect(written).toContain('and more');
  });

  it('is short, however long what a peer sends is', async () => {
    const { telemetry, text } = logged();
    const usage = { kind: 'final', model: 'm'.repeat(1_000_000) } as const;
    const record = { ...bare(), path: `/${'p'.repeat(1_000_000)}`, model: usage.model, usage };
    telemetry
      .begin('a', () => undefined)
      .recorded(record, { streams: false, requestModel: undefined });
    expect((await text()).length).toBeLessThan(2_000);
  });
});

const EXCHANGES = 20_000;

describe('a log whose reader does not read', () => {
  it('costs lines, bounded memory and no time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'interlock-log-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const fifo = join(folder, 'log');
    execFileSync('mkfifo', [fifo]);
    // Opened for both, it never blocks and never has a reader that reads.
    const held = await open(fifo, 'r+');
    closing.push(() => held.close());
    const log = openLog('info', fifo);
    const telemetry = new Telemetry({ tracerProvider: null, log: log.exchange });
    closing.push(() => telemetry.close());
    const before = heldBytes();
    for (let at = 0; at < EXCHANGES; at++) {
      telemetry
        .begin('a', () => undefined)
        .recorded(bare(), { streams: false, requestModel: undefined });
      if (at % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(heldBytes() - before).toBeLessThan(64 * 1024 * 1024);
    // Now it reads. What waited comes, in whole lines, and what did not fit never does.
    const closed = log.close().then(() => held.write('the end'));
    const block = Buffer.alloc(1024 * 1024);
    let text = '';
    while (!text.endsWith('the end')) {
      const { bytesRead } = await held.read(block, 0, block.length, null);
      text += block.toString('latin1', 0, bytesRead);
    }
    await closed;
    const lines = text.split('\n').slice(0, -1);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ msg: 'exchange' });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(EXCHANGES);
  });
});

describe('a text of a peer', () => {
  it.each([
    ['sk-abcdefghij', '[redacted]'],
    ['Bearer abc.def-ghi', 'Bearer [redacted]'],
    ['x-api-key: hunter22', 'x-api-key: [redacted]'],
    ['{"api_key":"hunter22"}', '{"api_key":"[redacted]"}'],
    ['authorization=Basic dXNlcjpwYXNz', 'authorization=Basic [redacted]'],
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['gpt-4o-mini', 'gpt-4o-mini'],
    ['/v1/Bearer%20abc.def-ghi', '/v1/Bearer [redacted]'],
    ['/v1/AIzaSyA1234567890abcdefghijklmnopqrstuv', '/v1/[redacted]'],
    ['/hf_abcdefghijklmnopqrst', '/[redacted]'],
    ['/ghp_abcdefghijklmnopqrst0123456789ABCDEF', '/[redacted]'],
    ['/gsk_abcdefghijklmnopqrst', '/[redacted]'],
    ['/xai-abcdefghijklmnopqrst', '/[redacted]'],
    ['/AKIAIOSFODNN7EXAMPLE', '/[redacted]'],
    ['/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-bmF0dXJl', '/[redacted]'],
    ['hf_small-model', 'hf_small-model'],
    ['chai-1', 'chai-1'],
    ['task-force', 'task-force'],
  ])('%s is told as %s', (text, expected) => expect(redacted(text)).toBe(expected));

  it('is escaped where it cannot be seen, and cut where it is long', () => {
    expect(shown('a\u001b[2J\u202eb\n')).toBe('a\\u001b[2J\\u202eb\\u000a');
    expect(shown('x'.repeat(1_000))).toHaveLength(256);
    expect(JSON.parse(plainJson('{"a":"\u2028\u0085"}\n'))).toEqual({ a: '\u2028\u0085' });
  });
});

function bare(): UsageRecord {
  return {
    v: 1,
    exchange: 'a',
    at: '',
    outcome: 'completed',
    usage: { kind: 'unknown', reason: 'no_usage' },
    requestBytes: 1,
    responseBytes: 1,
    durationMs: 1,
  };
}

function answer(model: string): object {
  return { object: 'chat.completion', model, choices: [{ index: 0, finish_reason: 'stop' }] };
}

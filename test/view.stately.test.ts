/** `interlock view --stately`: recorded exchanges, told to a receiver of Stately's own package. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Event } from '../machines/events.js';
import { textOf } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import { legacy } from '../machines/legacy.js';
import type { StateValue } from '../src/names.js';
import { nameOf } from '../src/names.js';
import { decode, encode } from '../src/trace.js';
import { compiled, Running } from './running.js';

const traceAt = (name: string) => fileURLToPath(new URL(`traces/${name}.ndjson`, import.meta.url));
const recordsIn = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1).map(decode);
const folder = mkdtempSync(join(tmpdir(), 'interlock-stately-'));

let built: string;
let viewer: Running;

beforeAll(() => {
  built = compiled('view-stately');
  return () => rmSync(folder, { recursive: true, force: true });
}, 120_000);
afterEach(async () => {
  viewer.signal('SIGTERM');
  await viewer.ended;
});

const view = (...args: string[]) => {
  viewer = new Running(['src/cli/main.js', 'view', '--stately', ...args], built);
  return viewer;
};

/** What a receiver is told from now on, once there is as much of it as is waited for. */
async function told(url: string, count: number): Promise<StatelyInspectionEvent[]> {
  const seen: StatelyInspectionEvent[] = [];
  const server = `${url.replace('http', 'ws')}/messages`;
  const { unsubscribe } = createWebSocketReceiver({ server }).subscribe((message) => {
    seen.push(message);
  });
  await vi.waitFor(() => expect(seen).toHaveLength(count), { timeout: 10_000, interval: 10 });
  unsubscribe();
  return seen;
}

const typed = (messages: readonly StatelyInspectionEvent[], type: string) =>
  messages.filter((message) => message.type === type) as never as {
    readonly event: Event;
    readonly definition: string;
    readonly snapshot: { readonly value: StateValue; readonly context: { commands: string[] } };
  }[];

describe('a replay', () => {
  it.each([
    ['late-end', exchange],
    ['legacy-late-end', legacy],
  ])(
    'tells all of %s: an actor of its machine, its events and where they led',
    async (name, of) => {
      const records = recordsIn(traceAt(name));
      const url = await view(traceAt(name)).url();
      const seen = await told(url, 1 + 2 * records.length);
      const [actor] = typed(seen, '@xstate.actor');
      expect(JSON.parse(actor!.definition)).toEqual(JSON.parse(JSON.stringify(of.config)));
      expect(typed(seen, '@xstate.event').map(({ event }) => textOf(event))).toEqual(
        records.map(({ event }) => event),
      );
      const snapshots = typed(seen, '@xstate.snapshot').map(({ snapshot }) => snapshot);
      expect(snapshots.map(({ value }) => nameOf(value))).toEqual(
        records.map(({ state }) => state),
      );
      expect(snapshots.map(({ context }) => context.commands)).toEqual(
        records.map(({ commands }) => commands),
      );
    },
  );

  it('tells two viewers, and each from the start', async () => {
    const count = 1 + 2 * recordsIn(traceAt('late-end')).length;
    const url = await view(traceAt('late-end')).url();
    const both = await Promise.all([told(url, count), told(url, count)]);
    const facts = both.map((seen) => seen.map((message) => ({ ...message, id: 0 })));
    expect(facts[0]).toEqual(facts[1]);
  });

  it('leaves out what is no record, and says where that is', async () => {
    const records = recordsIn(traceAt('late-end'));
    const file = join(folder, 'torn.ndjson');
    const lines = records.map(encode);
    const strange = encode({ ...records[0]!, state: 'of.nobody' });
    writeFileSync(file, `${lines.join('')}{"v":1,"exch\n${strange}{"v":9}\n${'x'.repeat(100_000)}`);
    const url = await view(file).url();
    await told(url, 1 + 2 * records.length);
    await viewer.until(() => viewer.stderr.includes('of no machine known here'));
    expect(viewer.stderr).toContain(`torn.ndjson:${records.length + 1}: left out: not JSON`);
    expect(viewer.stderr).toMatch(/torn\.ndjson: 2 more lines were left out/);
    expect(viewer.stderr).toContain('1 records are of no machine known here');
  });

  it('is behind the token, as a page that may load the inspector and nothing else', async () => {
    const url = await view(traceAt('late-end')).url();
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain('frame-src https://stately.ai;');
    const { origin } = new URL(url);
    expect((await fetch(`${origin}/${'0'.repeat(32)}/stately`)).status).toBe(403);
  });

  it('wants a trace', async () => {
    expect(await view().ended).toEqual([2, null]);
    expect(viewer.stderr).toContain('no TRACE is given. Accepted: files of records.');
  });
});

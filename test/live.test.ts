/** Live exchanges in the page of the viewer: real servers under real traffic, in a browser. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { events } from '../machines/events.js';
import { Exchange } from '../src/exchange.js';
import type { Inspection } from '../src/observe/inspect.js';
import { chunk, head, LAST_CHUNK, type Script, SSE_HEADERS, send } from '../src/upstream/script.js';
import { describeInBrowser } from './browsing.js';
import { EnvoyWorld } from './envoy/world.js';
import { World } from './harness.js';
import { compiled, Running } from './running.js';
import { startWatching } from './watching.js';

/** A stream that goes on when it is told to. */
const SLOW: Script = {
  steps: [
    { awaitRequestEnd: true },
    send(Buffer.concat([head(200, [...SSE_HEADERS, ['transfer-encoding', 'chunked']])])),
    { awaitSignal: 'first' },
    send(chunk('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')),
    { awaitSignal: 'last' },
    send(chunk('data: [DONE]\n\n')),
    send(LAST_CHUNK),
  ],
};
const BODY = JSON.stringify({
  model: 'interlock-small',
  messages: [{ role: 'user', content: 'Tell me about order.' }],
});

let built: string;
let inspection: Inspection;
let world: { close(): Promise<void> } | undefined;

beforeAll(() => {
  built = compiled('live');
}, 120_000);
afterEach(async () => {
  await world?.close();
  world = undefined;
  await inspection?.close();
});

const ask = ({ url }: World) =>
  fetch(`${url}/v1/chat/completions`, { method: 'POST', body: BODY }).then((one) => one.text());

/** Waits until the text of the first such element fits. */
const reads = (page: Page, selector: string, pattern: RegExp) =>
  page.waitForFunction(
    ([where, what]) =>
      new RegExp(what as string).test(document.querySelector(where as string)?.textContent ?? ''),
    [selector, pattern.source],
  );
const row = (at: number) => `#live-exchanges-${at}`;
const lit = (page: Page) =>
  page.$$eval('#diagram .lit', (boxes) => boxes.map((box) => (box as SVGElement).dataset.state));

async function gateway(script: Script = SLOW): Promise<World> {
  inspection = await startWatching(built);
  const { watch } = inspection;
  const started = await World.start({ watch, upstream: { script } });
  world = started;
  return started;
}

describeInBrowser('the page of a gateway that is watched', ({ open }) => {
  it('shows an exchange as it goes, lit in the diagram, and its steps as they come', async () => {
    const here = await gateway();
    const page = await open(inspection.url);
    // The machine is there before anything is chosen, with nothing lit.
    expect(await page.$$eval('#diagram .node', (boxes) => boxes.length)).toBeGreaterThan(10);
    expect(await lit(page)).toEqual([]);
    const answer = ask(here);
    await reads(page, row(0), /in flight.*response\.started/);
    await page.click(row(0));
    expect(await page.textContent('#run-title')).toMatch(/^Exchange \w+-0, live$/);
    await reads(page, '#current', /response\.headers\(success\)\. Taken\./);
    expect(await lit(page)).toContain('active.response.started.body.awaitingFirstByte');
    here.upstream.signal('first');
    await reads(page, '#current', /response\.(body|progress)/);
    expect(await page.$$eval('#diagram .passed', (boxes) => boxes.length)).toBeGreaterThan(2);
    await page.mouse.move(0, 0);
    here.upstream.signal('last');
    await answer;
    await reads(page, row(0), /completed.*processed\.completed/);
    await reads(page, '#current', /usage\.recorded\. Taken\..*is now processed\.completed/);
    expect(await lit(page)).toEqual(['processed']);
    const cells = await page.$$eval(`${row(0)} span`, (all) => all.map((one) => one.textContent));
    const [, chunks, up, down, anomalies] = cells.slice(3);
    expect([chunks, anomalies]).toEqual(['2', '0']);
    expect(up).toMatch(new RegExp(`^${BODY.length} #[0-9a-f]{8}$`));
    expect(down).toMatch(/^71 #[0-9a-f]{8}$/);
  });

  it('chooses a row whose cells change between the press and its release', async () => {
    const here = await gateway();
    const page = await open(inspection.url);
    const answer = ask(here);
    await reads(page, row(0), /response\.started/);
    const chunks = await page.textContent(`${row(0)} span:nth-child(5)`);
    await page.hover(row(0));
    await page.mouse.down();
    here.upstream.signal('first');
    await page.waitForFunction(
      ([where, before]) => document.querySelector(where as string)?.textContent !== before,
      [`${row(0)} span:nth-child(5)`, chunks],
    );
    await page.mouse.up();
    await reads(page, '#run-title', /-0, live/);
    here.upstream.signal('last');
    await answer;
  });

  it('stays at an earlier step until the end is asked for again', async () => {
    const here = await gateway();
    const page = await open(inspection.url);
    const answer = ask(here);
    await reads(page, row(0), /response\.started/);
    await page.click(row(0));
    await reads(page, '#current', /response\.headers\(success\)/);
    await page.focus('#timeline');
    await page.keyboard.press('ArrowUp');
    const earlier = await page.textContent('#current');
    here.upstream.signal('first');
    here.upstream.signal('last');
    await answer;
    await here.event('usage.recorded');
    await page.waitForSelector(`#timeline[aria-rowcount="${here.traces.length + 2}"]`);
    expect((await page.textContent('#current'))?.split(':')[1]).toBe(earlier?.split(':')[1]);
    await page.keyboard.press('End');
    expect(await page.textContent('#current')).toContain('is now processed.completed');
  });

  it('shows a late end absorbed, as it comes', async () => {
    inspection = await startWatching(built);
    const envoy = await EnvoyWorld.start({}, undefined, inspection.watch);
    world = envoy;
    const page = await open(inspection.url);
    const stream = envoy.client.open();
    const headers = (name: string, value: string) => ({
      headers: { headers: [{ key: name, rawValue: Buffer.from(value) }] },
    });
    void stream.send({ requestHeaders: { ...headers(':path', '/x'), endOfStream: true } });
    void stream.send({ responseHeaders: { ...headers(':status', '200'), endOfStream: false } });
    const body = Buffer.from('{"usage":{"prompt_tokens":1,"completion_tokens":2}}');
    void stream.send({ responseBody: { body, endOfStream: true } });
    await reads(page, row(0), /processed\.completed/);
    await page.focus('#live-exchanges');
    await page.keyboard.press('ArrowDown');
    await reads(page, '#current', /is now processed\.completed/);
    void stream.send({ responseBody: { body: Buffer.alloc(0), endOfStream: true } });
    await reads(page, '#current', /counted as an anomaly \(lateEnd: an end came after the outcome/);
    await reads(page, row(0), /completed.*▲ 1$/);
    expect(await page.textContent('#timeline [aria-selected=true]')).toContain('▲ anomaly');
    stream.halfClose();
    await stream.ended;
  });

  it('stays usable with ten thousand exchanges that all go on', async () => {
    // As fast as a server may tell of them that has nothing else to do.
    const limits = { turnEveryMs: 20, share: 1 };
    inspection = await startWatching(built, { limits });
    const live = Array.from({ length: 10_000 }, (_, at) => {
      const id = `many-${at}`;
      return new Exchange({ id, observer: inspection.watch.begin(id) });
    });
    for (const one of live) one.receive(events.requestHeaders);
    const page = await open(inspection.url);
    await page.waitForSelector('#live-exchanges[aria-rowcount="10001"]');
    expect(await page.textContent('#live-counts')).toContain('10000 in flight; 10000 begun');
    await reads(page, row(0), /many-9999/);
    expect(await page.$$eval('#live-exchanges .row', (rows) => rows.length)).toBeLessThan(60);
    await page.focus('#live-exchanges');
    await page.keyboard.press('End');
    expect(await page.textContent('#run-title')).toBe('Exchange many-0, live');
    const tell = (event: (typeof events)['requestBody' | 'requestRefused' | 'usageRecorded']) => {
      for (const one of live) one.receive(event);
    };
    tell(events.requestBody);
    await reads(page, '#current', /request\.body/);
    tell(events.requestRefused);
    tell(events.usageRecorded);
    await page.waitForFunction(() =>
      document.getElementById('live-counts')?.textContent?.startsWith('0 in flight'),
    );
    await reads(page, '#current', /is now processed\.rejected/);
    await page.keyboard.press('Home');
    await reads(page, row(0), /many-9999.*rejected/);
    await page.selectOption('#live-filter', 'inFlight');
    await page.waitForSelector('#live-exchanges[aria-rowcount="1"]');
  });

  it('keeps rows in their places while somebody points at one, or asks for it', async () => {
    inspection = await startWatching(built);
    const begin = (id: string) => {
      const one = new Exchange({ id, observer: inspection.watch.begin(id) });
      one.receive(events.requestHeaders);
    };
    begin('older');
    const page = await open(inspection.url);
    await reads(page, row(0), /older/);
    await page.hover(row(0));
    begin('newer');
    await reads(page, '#live-counts', /2 in flight.*the order is held, and 1 more wait/);
    expect(await page.textContent(row(0))).toContain('older');
    await page.mouse.move(0, 0);
    await reads(page, row(0), /newer/);
    await page.check('#live-hold');
    await page.mouse.move(0, 0);
    begin('newest');
    await reads(page, '#live-counts', /3 in flight.*the order is held, and 1 more wait/);
    expect(await page.textContent(row(0))).toContain('newer');
    await page.uncheck('#live-hold');
    await reads(page, row(0), /newest/);
  });

  it('is led back to an exchange by its address, and says so if it is not known', async () => {
    inspection = await startWatching(built);
    const one = new Exchange({ id: 'one', observer: inspection.watch.begin('one') });
    one.receive(events.requestHeaders);
    const page = await open(`${inspection.url}#live=one`);
    await reads(page, '#current', /^Step 1 of 1: request\.headers/);
    await page.click('#offers [data-event="request.refused"]');
    expect(await page.textContent('#run-title')).toBe('By hand: the machine exchange');
    const other = await open(`${inspection.url}#live=nobody`);
    await reads(other, '#status', /Exchange nobody is not known any more/);
  });

  it('tells who cannot see it what is where, and is silent about what comes by itself', async () => {
    inspection = await startWatching(built);
    const one = new Exchange({ id: 'one', observer: inspection.watch.begin('one') });
    const page = await open(`${inspection.url}#live=one`);
    one.receive(events.requestHeaders);
    await reads(page, '#current', /^Step 1 of 1/);
    expect(await page.getAttribute('#current', 'aria-live')).toBe('off');
    await page.keyboard.press('ArrowLeft');
    expect(await page.getAttribute('#current', 'aria-live')).toBe('polite');
    const names = await page.$$eval('#live :is(select, input, a, [role=grid])', (all) =>
      all.map((each) => {
        const { labels } = each as HTMLInputElement;
        return each.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? each.textContent;
      }),
    );
    expect(names).toEqual([
      'Show',
      ' hold the order',
      'Live exchanges',
      "The same in Stately's inspector, which is online",
    ]);
    await page.focus('#live-exchanges');
    const active = await page.getAttribute('#live-exchanges', 'aria-activedescendant');
    expect(await page.getAttribute(`#${active}`, 'aria-selected')).toBe('true');
  });

  it('serves two at once, each with an exchange of its own', async () => {
    const here = await gateway();
    const [one, other] = [await open(inspection.url), await open(inspection.url)];
    const answers = [ask(here)];
    await reads(one, row(0), /-0– in flight.*started/);
    answers.push(ask(here));
    await reads(other, row(1), /-0– in flight/);
    await one.click(row(1));
    await other.click(row(0));
    await reads(one, '#run-title', /-0, live/);
    await reads(other, '#run-title', /-1, live/);
    await one.close();
    for (const name of ['first', 'last']) here.upstream.signal(name);
    await Promise.all(answers);
    await reads(other, '#current', /processed\.completed/);
  });

  it('says that the gateway is gone, and keeps what it has', async () => {
    for (const [signal, why] of [
      ['SIGTERM', /The gateway has ended\./],
      ['SIGKILL', /The gateway is gone/],
    ] as const) {
      const args = ['src/cli/main.js', 'gateway', '--inspect', '--listen', '127.0.0.1:0'];
      const usage = ['--usage', join(built, 'usage.ndjson')];
      const process = new Running([...args, ...usage], built);
      const listens = await process.url();
      const watched = () => /live exchanges: (\S+)/.exec(process.stdout)?.[1];
      await process.until(() => watched() !== undefined);
      const page = await open(watched() as string);
      await fetch(`${listens}/v1/chat/completions`, { method: 'POST', body: BODY });
      await reads(page, row(0), /completed/);
      await page.click(row(0));
      await reads(page, '#current', /processed\.completed/);
      process.signal(signal);
      await process.ended;
      await reads(page, '#status', why);
      await page.click('#first');
      expect(await page.textContent('#current')).toMatch(/^Before the first of \d+ steps/);
      expect(await page.textContent(row(0))).toContain('completed');
    }
  });
});

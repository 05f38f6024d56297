/**
 * `npm run screenshots`: the viewer for the README, as a real browser shows it. Live, beside an
 * ext_proc server that gets the traffic of the demo; and the machine of the bug, as it breaks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { drive } from '../src/demo/driver.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import { exhibits } from '../visualizations/generated/viewer.generated.js';
import { PROGRAM } from './browsing.js';
import { RB, RH, SB, SH } from './envoy/messages.js';
import { Running } from './running.js';

const TRAFFIC = { exchanges: 60, concurrency: 8, lateEnds: 0.15, seed: 1 };
/** Exchanges that are in flight while the picture is made. */
const GOING_ON = 6;
const SIZE = { width: 1600, height: 1050 };

const command = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const pictures = fileURLToPath(new URL('../visualizations/screenshots/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'interlock-'));
const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
try {
  await picture(browser, 'viewer-live', ['ext-proc', '--listen', '127.0.0.1:0', '--inspect'], live);
  await picture(browser, 'viewer-broken', ['view'], broken);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

/** Runs a command, has its page brought to what is to be seen, and writes that. */
async function picture(
  { newPage }: Browser,
  name: string,
  args: readonly string[],
  show: (page: Page, running: Running) => Promise<void>,
): Promise<void> {
  const running = new Running([command, ...args], folder);
  try {
    await running.until(() => /(http:\S+\/[0-9a-f]{32}\/)\n/.test(running.stdout));
    const page = await newPage.call(browser, { viewport: SIZE, colorScheme: 'light' });
    await page.goto(/http:\S+\/[0-9a-f]{32}\/(?=\n)/.exec(running.stdout)?.[0] as string);
    await page.waitForSelector('html[data-ready]');
    await show(page, running);
    await page.screenshot({ path: join(pictures, `${name}.png`) });
    await page.close();
  } finally {
    running.signal('SIGKILL');
    await running.ended;
  }
}

/** An exchange that got a late end, and others in flight. */
async function live(page: Page, running: Running): Promise<void> {
  const target = await running.url();
  await drive(target, TRAFFIC, () => {});
  const client = new EnvoyClient(target);
  for (let at = 0; at < GOING_ON; at++) {
    const stream = client.open();
    const messages = [RH({ ':path': '/v1/chat/completions' }), RB('{}', true), SH(), SB('{')];
    for (const message of messages.slice(0, 2 + (at % 3))) await stream.send(message);
  }
  const late = page.locator('#live-exchanges .row.anomaly').first();
  await late.click();
  await page.locator('#timeline .row.anomaly').click();
  client.close();
}

/** What the gateway of the bug does with a second end. */
async function broken(page: Page): Promise<void> {
  const at = exhibits.findIndex(({ claims }) => claims[0]?.name === 'firstTerminalWins');
  await page.evaluate(
    (hash) => {
      location.hash = hash;
    },
    `counterexample=${at + 1}&step=1`,
  );
  await page.locator('#last').click();
}

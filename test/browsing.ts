/** A browser to hold the viewer's page in: Debian's chromium, driven without one of its own. */
import { spawnSync } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

export const PROGRAM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const missing = spawnSync(PROGRAM, ['--version']).error !== undefined;

/** What a test is given: pages that are watched. */
export interface Browsing {
  /** Opens a page. What it asks for elsewhere, and what it complains of, is kept in `faults`. */
  open(url: string, options?: { colorScheme?: 'light' | 'dark' }): Promise<Page>;
  readonly faults: string[];
}

/** Claims that need a browser: skipped with the reason where there is none, but not in CI. */
export function describeInBrowser(claim: string, tests: (browsing: Browsing) => void): void {
  const title = missing ? `${claim} (skipped: no ${PROGRAM})` : claim;
  // A reporter shows no titles of what is skipped, and that nothing was seen must be seen.
  if (missing) console.warn(title);
  describe('a browser', () => {
    it.runIf(process.env.CI === 'true')('is there, since CI has to look at the page', () => {
      expect(missing).toBe(false);
    });
  });
  describe.skipIf(missing)(title, () => {
    let browser: Browser;
    const pages: Page[] = [];
    const faults: string[] = [];
    beforeAll(async () => {
      const args = ['--no-sandbox', '--disable-dev-shm-usage'];
      browser = await chromium.launch({ executablePath: PROGRAM, args });
    }, 60_000);
    afterAll(() => browser?.close());
    afterEach(async () => {
      for (const page of pages.splice(0)) await page.close();
      expect(faults.splice(0)).toEqual([]);
    });
    tests({
      faults,
      open: async (url, options = {}) => {
        const page = await browser.newPage({ ...options, viewport: { width: 1400, height: 900 } });
        pages.push(page);
        // Sooner than a test gives up, which could not say what was waited for.
        page.setDefaultTimeout(15_000);
        const { origin } = new URL(url);
        page.on('console', (message) => {
          if (['error', 'warning'].includes(message.type())) faults.push(message.text());
        });
        page.on('pageerror', (error) => faults.push(error.message));
        page.on('request', (request) => {
          const asked = request.url();
          if (!asked.startsWith(`${origin}/`) && !asked.startsWith('data:')) faults.push(asked);
        });
        await page.goto(url);
        await page.waitForSelector('html[data-ready]');
        return page;
      },
    });
  });
}

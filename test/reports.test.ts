/** Reports as pages: whole, quiet, and readable in any way. Each is a file that a browser opens. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { anyone, environments } from '../machines/environments.js';
import type { Command, Event } from '../machines/events.js';
import { always } from '../machines/properties/monitor.js';
import { eventualities } from '../machines/properties.js';
import { allProperties } from '../src/check/claims.js';
import { runOf } from '../src/check/explore.js';
import type { Claim } from '../src/check/report.js';
import { runCheck } from '../src/check/report.js';
import { RACES, runRace } from '../src/check/simulate/races.js';
import type { MakeExchange } from '../src/check/simulate/relay.js';
import type { SimulateOptions } from '../src/check/simulate/simulate.js';
import { NO_FAULT, simulate } from '../src/check/simulate/simulate.js';
import { coverageOf } from '../src/check/suites/coverage.js';
import { suiteOf } from '../src/check/suites/suite.js';
import { Exchange } from '../src/exchange.js';
import { rows as legacy } from '../src/legacy.generated.js';
import { table } from '../src/step.js';
import { Table } from '../src/table.js';
import { eventOf } from '../src/trace.js';
import { checkPage } from '../visualizations/report/check.js';
import { racesPage } from '../visualizations/report/races.js';
import { simulationPage } from '../visualizations/report/simulation.js';
import { suitePage } from '../visualizations/report/suite.js';
import { PROGRAM } from './browsing.js';

const missing = spawnSync(PROGRAM, ['--version']).error !== undefined;
const folder = mkdtempSync(join(tmpdir(), 'interlock-reports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bug = new Table(legacy);
const claims = [...allProperties, ...eventualities];
const checked = async (of: Table, properties: readonly Claim[] = claims) =>
  checkPage(await runCheck({ table: of, environments, properties }));
const simulated = async (options: Partial<SimulateOptions>) =>
  simulationPage(await simulate({ seed: 1, exchanges: 400, ...options }));

/** An exchange that never lets go of its buffer. */
const hoarding: MakeExchange = (options) =>
  new (class extends Exchange {
    override receive(event: Event): readonly Command[] {
      return super.receive(event).filter(({ type }) => type !== 'releaseBuffer');
    }
  })(options);

/** Every kind of report, by what it is of. */
const reports = {
  'a check of the machine': () => checked(table),
  'a check of the gateway of the bug': () => checked(bug),
  'a suite': () => suitePage(suiteOf({ method: 'transitions' }), table),
  'a simulation': () => simulated({}),
  'a simulation of the gateway of the bug': () => simulated({ handler: 'legacy' }),
  'a simulation that goes wrong': () => simulated({ makeExchange: hoarding, worlds: ['http'] }),
  'an exchange that is played alone': () => simulated({ only: 3 }),
  races: () => racesPage(RACES.slice(0, 1).map((race) => runRace(race))),
  'a race that goes wrong': () =>
    racesPage(RACES.slice(0, 1).map((race) => runRace(race, hoarding))),
} satisfies Record<string, () => string | Promise<string>>;
const names = Object.keys(reports) as (keyof typeof reports)[];

/** What whoever wants out of a text would call a claim. */
const HOSTILE = `</title><img src=x onerror=alert(1)><script>alert(2)</script>"' onload=x\u202e`;

describe('a browser', () => {
  it.runIf(process.env.CI === 'true')('is there, since CI has to look at the pages', () => {
    expect(missing).toBe(false);
  });
});

const title = `a report${missing ? ` (skipped: no ${PROGRAM})` : ''}`;
describe.skipIf(missing)(title, { timeout: 60_000 }, () => {
  let browser: Browser;
  let page: Page | undefined;
  const faults: string[] = [];
  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-dev-shm-usage'];
    browser = await chromium.launch({ executablePath: PROGRAM, args });
  }, 60_000);
  afterAll(() => browser?.close());
  afterEach(async () => {
    await page?.close();
    expect(faults.splice(0)).toEqual([]);
  });

  /** Opens it from the disk. What it asks for beyond itself, and complains of, is a fault. */
  async function opened(text: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const file = join(folder, 'report.html');
    writeFileSync(file, text);
    const { href } = pathToFileURL(file);
    page = await browser.newPage(options);
    page.on('console', (message) => faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('dialog', (dialog) => {
      faults.push(dialog.message());
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (request.url() !== href && request.url() !== 'data:,') faults.push(request.url());
    });
    await page.goto(href);
    return page;
  }

  it.each(names)('of %s has headings, tables with captions, and no dead link', async (name) => {
    const found = await opened(await reports[name]());
    const facts = await found.evaluate(() => {
      const all = (selector: string) => [...document.querySelectorAll(selector)];
      const ids = all('[id]').map(({ id }) => id);
      const levels = all('h1, h2, h3').map(({ tagName }) => Number(tagName[1]));
      return {
        heads: all('h1').length,
        sections: all('h2').length,
        skips: levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1),
        bare: all('table').filter((one) => !one.querySelector('caption')?.textContent).length,
        loose: all('th:not([scope])').length,
        tables: all('table').length,
        nameless: all('svg').filter(
          (one) => !one.getAttribute('aria-label') && !one.querySelector('title')?.textContent,
        ).length,
        dead: all('a').filter((one) => !ids.includes(one.getAttribute('href')?.slice(1) ?? '')),
        twice: ids.filter((id, at) => ids.indexOf(id) < at),
        script: all('script, iframe, img, object, [onload], [style]').length,
        listed: all('nav a').length,
      };
    });
    expect(facts).toMatchObject({ heads: 1, skips: false, bare: 0, loose: 0, nameless: 0 });
    expect(facts).toMatchObject({ dead: [], twice: [], script: 0, listed: facts.sections });
    expect(facts.tables).toBeGreaterThan(0);
  });

  it('shows names of claims and machines as what they are, and obeys none of them', async () => {
    const claim = always(HOSTILE, HOSTILE, () => 'violated');
    const report = await runCheck({ table, environments, properties: [claim] });
    const found = await opened(checkPage({ ...report, machine: HOSTILE }));
    expect(await found.title()).toContain('</title><img src=x onerror=alert(1)>');
    expect(await found.textContent('h3')).toContain('alert(2)</script>"\' onload=x\\u202e');
    const alien = 'img, script, [onload], [onerror]';
    expect(await found.locator(alien).count()).toBe(0);
    expect(await found.locator('style').count()).toBe(1);
  });

  it('lets no script run, even if one came into it', async () => {
    const text = (await reports.races()).replace(
      '<main>',
      '<main><script>document.title = "mine"</script><p onclick="x" style="color: red">',
    );
    const found = await opened(text);
    expect(await found.title()).toBe('interlock: races in every order');
    const refused = faults.splice(0);
    expect(refused.length).toBeGreaterThan(0);
    for (const fault of refused) expect(fault).toContain('Content Security Policy');
  });

  it('leads from a verdict to the run that shows it, by keys', async () => {
    const found = await opened(await reports['a check of the gateway of the bug']());
    const verdict = found.locator('tr', { hasText: 'firstTerminalWins' }).locator('a').first();
    expect(await verdict.textContent()).toBe('BROKEN in 5');
    await verdict.focus();
    await found.keyboard.press('Enter');
    const target = found.locator(':target');
    expect(await target.textContent()).toBe('firstTerminalWins: No exchange has two outcomes.');
    const picture = found.locator(':target ~ .scroll svg').first();
    const words = await picture.locator('text').allTextContents();
    expect(words.filter((word) => word === 'response.end')).toHaveLength(2);
    expect(words.at(-1)).toBe('answer(unknown)');
    const steps = found.locator(':target ~ .scroll table').first();
    expect(await steps.locator('tbody tr').count()).toBe(5);
  });

  it.each(names)(
    'of %s fits a narrow window, and what scrolls can be scrolled by keys',
    async (name) => {
      const found = await opened(await reports[name](), { viewport: { width: 360, height: 640 } });
      const wide = await found.evaluate(() => ({
        page: document.documentElement.scrollWidth > window.innerWidth,
        stuck: [...document.querySelectorAll<HTMLElement>('body *')].filter(
          (one) =>
            one.scrollWidth > one.clientWidth &&
            ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) &&
            (one.tabIndex !== 0 || !one.getAttribute('aria-label')),
        ).length,
      }));
      expect(wide).toEqual({ page: false, stuck: 0 });
    },
  );

  it.each(['light', 'dark'] as const)('can be read in %s', async (colorScheme) => {
    const found = await opened(await reports['a check of the gateway of the bug'](), {
      colorScheme,
    });
    const contrasts = await found.evaluate(contrastsOf);
    expect(Object.keys(contrasts).length).toBeGreaterThan(5);
    for (const [what, contrast] of Object.entries(contrasts)) {
      expect(contrast, what).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** The least contrast of each kind of text with what is behind it. Runs in the page. */
function contrastsOf(): Record<string, number> {
  const brightness = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((text) => {
      const part = Number(text) / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paperOf = (element: Element): string => {
    if (element instanceof SVGElement) {
      const paper = element.ownerSVGElement?.querySelector('.paper') as Element;
      return getComputedStyle(paper).fill;
    }
    const { backgroundColor } = getComputedStyle(element);
    const clear = /, 0\)$/.test(backgroundColor) && element.parentElement !== null;
    return clear ? paperOf(element.parentElement as Element) : backgroundColor;
  };
  const least: Record<string, number> = {};
  for (const element of document.querySelectorAll('main :is(text, p, td, th, a, span, code, li)')) {
    const { fill, color } = getComputedStyle(element);
    const ink = element instanceof SVGElement ? fill : color;
    const [dark, bright] = [ink, paperOf(element)].map(brightness).sort((a, b) => a - b) as [
      number,
      number,
    ];
    const what = `${element.tagName} ${element.getAttribute('class') ?? ''}`;
    least[what] = Math.min(least[what] ?? 21, (bright + 0.05) / (dark + 0.05));
  }
  return least;
}

describe('a page', () => {
  it('says how much of a long run it leaves out', async () => {
    const events = Array.from({ length: 700 }, () => 'response.body(false)' as const);
    const report = await runCheck({ table, environments: [], properties: [] });
    const { trace } = runOf(
      table,
      events.map((text) => eventOf(text) as Event),
    );
    const property = always('isShort', 'It is short.', (memory) => memory);
    const row = { environment: anyone, property, claimed: true, holds: false, states: 1, ms: 1 };
    const world = { environment: anyone, states: 1, transitions: 1, depth: 1, ms: 1 };
    const rows = [{ ...row, run: { events: [], trace } }];
    const text = checkPage({ ...report, worlds: [world], rows });
    expect(text).toContain('Of 700 steps the last 60 are drawn.');
    expect(text).toContain('Of 700 steps the last 500 are listed.');
    expect(text.length).toBeLessThan(1_000_000);
  });

  it('says how many scenarios it leaves out', () => {
    const suite = suiteOf({ method: 'orderings', length: 2 });
    const text = suitePage(suite, table);
    expect(text.match(/<details>/g)).toHaveLength(200);
    expect(text).toContain('These are the first 200 of 1,521');
    expect(suitePage(suiteOf({ method: 'bag', bag: ['request.end'] }), table)).not.toContain(
      'These are the first',
    );
  });

  it('counts each transition of a suite', () => {
    const suite = suiteOf({ method: 'transitions' });
    const counts = coverageOf(suite, table);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(suite.size.events);
    expect(counts.every((count) => count > 0)).toBe(true);
    const reached = counts.length.toLocaleString('en-US');
    expect(suitePage(suite, table)).toContain(`${reached} of ${reached} were taken`);
  });

  it('says which faults led to which outcome', async () => {
    const simulation = await simulate({ seed: 1, exchanges: 400 });
    const { byFault, exchanges } = simulation;
    const calm = Object.values(byFault[NO_FAULT] ?? {}).reduce((sum, count) => sum + count, 0);
    expect(calm).toBeGreaterThan(0);
    expect(calm).toBeLessThan(exchanges);
    expect(Object.keys(byFault)).toContain('lateEnd');
    const text = simulationPage(simulation);
    expect(text).toContain('Exchanges by fault and outcome');
    expect(text).toContain('Again: <code>interlock simulate --seed 1 --exchanges 400</code>');
  });

  it('tells what went wrong in a simulation, and how to see it again', async () => {
    const text = await reports['a simulation that goes wrong']();
    expect(text).toMatch(/<strong>Wrong: [^<]+ \(isReleased\)<\/strong>/);
    expect(text).toMatch(/Again: <code>interlock simulate --seed 1 --exchange \d+ --world http</);
    expect(await reports['a race that goes wrong']()).toContain('What goes wrong in endAndClose');
  });

  it('says that it is partial where the work was stopped', async () => {
    const stopping = AbortSignal.abort();
    const report = await runCheck({ table, environments, properties: claims, signal: stopping });
    expect(checkPage(report)).toContain('Stopped: this is partial, 0 of ');
    const simulation = await simulate({ seed: 1, exchanges: 400, signal: stopping });
    expect(simulationPage(simulation)).toContain('Stopped early: 400 were not played.');
  });
});

/** The page of `interlock view`, in a browser. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeInBrowser } from './browsing.js';
import { compiled, Running } from './running.js';

const trace = (name: string) => fileURLToPath(new URL(`traces/${name}.ndjson`, import.meta.url));
const lateEnd = readFileSync(trace('late-end'), 'utf8');
let viewer: Running;
let url: string;

beforeAll(async () => {
  const args = ['src/cli/main.js', 'view', trace('late-end'), trace('refused')];
  viewer = new Running(args, compiled('view'));
  url = await viewer.url();
}, 120_000);
afterAll(async () => {
  viewer?.signal('SIGTERM');
  await viewer?.ended;
});

const current = (page: Page) => page.textContent('#current');
const lit = (page: Page) =>
  page.$$eval('#diagram .lit', (boxes) => boxes.map((box) => (box as SVGElement).dataset.state));
const faults = (page: Page) =>
  page.$$eval('#faults li', (all) => all.map((one) => one.textContent));

/** Drops a file, and waits until the page says that it has read it. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([file, content]) => {
      const made = new DataTransfer();
      made.items.add(new File([content as string], file as string));
      return made;
    },
    [name, text],
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await page.waitForFunction(
    (begun) => document.getElementById('status')?.textContent?.startsWith(begun),
    name,
  );
}

describeInBrowser('the viewer', ({ open }) => {
  it('steps with the keys to a late end, which is absorbed, and lights where it is', async () => {
    const page = await open(url);
    expect(await current(page)).toMatch(/^Before the first of 11 steps: active\(/);
    await page.keyboard.press('ArrowRight');
    expect(await current(page)).toMatch(/^Step 1 of 11: request\.headers\. Taken\./);
    expect(await lit(page)).toContain('active.request.awaitingRoute.receiving');
    await page.keyboard.press('End');
    expect(await current(page)).toBe(
      'Step 11 of 11: response.end. Absorbed and counted as an anomaly (lateEnd: an end came ' +
        'after the outcome). The state stays processed.completed. Ordered: countAnomaly(lateEnd).',
    );
    expect(await lit(page)).toEqual(['processed']);
    expect(await page.$$eval('#diagram .passed', (boxes) => boxes.length)).toBeGreaterThan(5);
    expect(await page.textContent('#timeline [aria-selected=true]')).toContain('▲ anomaly');
    await page.keyboard.press('ArrowLeft');
    expect(await current(page)).toMatch(/^Step 10 of 11: usage\.recorded/);
    await page.keyboard.press('Home');
    await page.click('#forth');
    expect(await current(page)).toMatch(/^Step 1 of 11/);
  });

  it.each([
    { width: 1280, height: 900 },
    { width: 380, height: 800 },
  ])('keeps what is lit in sight of its pane, in a window of $width', async (size) => {
    const page = await open(url);
    await page.setViewportSize(size);
    for (let step = 1; step <= 11; step++) {
      await page.keyboard.press('ArrowRight');
      // Regions stand side by side, and a narrow pane has not room for all that is lit.
      const inSight = await page.$eval('#diagram', (pane) => {
        const outer = pane.getBoundingClientRect();
        return [...pane.querySelectorAll('.node.lit')].filter((box) => {
          const { top, bottom, left, right } = box.getBoundingClientRect();
          const down = top < outer.bottom && bottom > outer.top;
          return down && left < outer.right && right > outer.left;
        }).length;
      });
      expect({ step, inSight }).toEqual({ step, inSight: expect.toSatisfy((n) => n > 0) });
    }
    // The page itself does not move sideways, whatever is wider than it.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(size.width);
  });

  it('is led back to a step by its address', async () => {
    const page = await open(`${url}#exchange=refused&step=2`);
    expect(await page.textContent('#run-title')).toBe('Exchange refused');
    expect(await current(page)).toMatch(/^Step 2 of/);
    await page.keyboard.press('ArrowLeft');
    expect(page.url()).toBe(`${url}#exchange=refused&step=1`);
    await page.evaluate(() => {
      location.hash = '#exchange=late-end&step=11';
    });
    await page.waitForFunction(() =>
      document.getElementById('current')?.textContent?.startsWith('Step 11 of 11'),
    );
    await page.evaluate(() => {
      location.hash = '#exchange=nobody&step=1';
    });
    await page.waitForFunction(() =>
      document.getElementById('status')?.textContent?.includes('No exchange nobody'),
    );
  });

  it('says which line of a torn file it cannot read, and shows the rest', async () => {
    const page = await open(url);
    const torn = lateEnd.replaceAll('"late-end"', '"torn"').slice(0, -40);
    await drop(page, 'torn.ndjson', torn);
    expect(await page.textContent('#status')).toContain('10 records in 11 lines; 1 line not');
    expect((await faults(page))[0]).toMatch(
      /^torn\.ndjson: line 11: torn, the file ends in it: not JSON/,
    );
    expect(await page.textContent('#run-title')).toBe('Exchange torn');
    await drop(page, 'later.ndjson', lateEnd.replaceAll('"v":1', '"v":2'));
    expect((await faults(page))[0]).toContain('line 1: "v", the version, must be 1; found 2');
    expect(await page.textContent('#run-title')).toBe('Exchange torn');
  });

  it('stays with what was chosen while a file is being read', async () => {
    const page = await open(url);
    const many = Array.from({ length: 3_000 }, (_, at) =>
      lateEnd.replaceAll('late-end', `x-${at}`),
    );
    // Chosen by the page, at once: whoever asks it from outside may find that it has read all.
    await page.evaluate(() => {
      const status = document.getElementById('status') as HTMLElement;
      const observer = new MutationObserver(() => {
        if (!status.textContent?.startsWith('Reading')) return;
        observer.disconnect();
        document.getElementById('gallery-1')?.click();
      });
      observer.observe(status, { childList: true });
    });
    await drop(page, 'long.ndjson', many.join(''));
    expect(await page.textContent('#status')).toContain('33000 records');
    expect(await page.textContent('#run-title')).toBe('Counterexample 2 of the machine legacy');
  });

  it('takes text from a trace as text', async () => {
    const page = await open(url);
    const id = '<img src=x onerror=alert(1)>';
    await drop(page, 'hostile.ndjson', lateEnd.replaceAll('"late-end"', JSON.stringify(id)));
    expect(await page.textContent('#run-title')).toBe(`Exchange ${id}`);
    expect(await page.$$('img')).toEqual([]);
  });

  it('shows a state that is of no machine, and one amid states that are', async () => {
    const page = await open(url);
    const states = (state: string) => lateEnd.replace(/"processed\.completed"/g, `"${state}"`);
    await drop(page, 'odd.ndjson', states('((').replaceAll('"late-end"', '"odd"'));
    await page.keyboard.press('End');
    expect(await current(page)).toMatch(/^Step 11 of 11: response\.end\. Not judged .*stays \(\(/);
    await page.keyboard.press('ArrowLeft');
    expect(await current(page)).toMatch(/Not what the machine does .*goes to processed\.completed/);
    expect(await page.textContent('#timeline [aria-selected=true]')).toContain('✕ diverges');
    expect(await lit(page)).toEqual([]);
    const foreign = lateEnd.replace(/"state":"[^"]*"/g, '"state":"elsewhere"');
    await drop(page, 'foreign.ndjson', foreign.replaceAll('"late-end"', '"foreign"'));
    expect(await page.textContent('#run-notes')).toContain('of no machine known here');
    expect(await page.textContent('#diagram')).toBe('');
  });

  it('shows ten thousand exchanges as a table of which a part exists', async () => {
    const page = await open(url);
    const names = Array.from({ length: 10_000 }, (_, at) => `many-${at}`);
    const first = lateEnd.split('\n')[0] as string;
    const all = names.map((name) => first.replace('late-end', name)).join('\n');
    await drop(page, 'many.ndjson', all);
    expect(await page.getAttribute('#exchanges', 'aria-rowcount')).toBe('10003');
    expect(await page.$$eval('#exchanges .row', (rows) => rows.length)).toBeLessThan(60);
    await page.focus('#exchanges');
    await page.keyboard.press('End');
    expect(await page.textContent('#run-title')).toBe('Exchange many-9999');
    expect(await page.textContent('#exchanges [aria-selected=true]')).toContain('many-9999');
    const active = await page.getAttribute('#exchanges', 'aria-activedescendant');
    expect(await page.isVisible(`#${active}`)).toBe(true);
  });

  it('plays every counterexample of the gateway of the bug, on its own diagram', async () => {
    const page = await open(url);
    await page.click('#gallery-0');
    expect(await page.textContent('#run-title')).toBe('Counterexample 1 of the machine legacy');
    await page.focus('#gallery');
    const count = Number(await page.getAttribute('#gallery', 'aria-rowcount')) - 1;
    for (let at = 1; at <= count; at++) {
      expect(await page.textContent('#run-title')).toContain(`Counterexample ${at} `);
      expect(await page.$$eval('#run-notes li', (notes) => notes.length)).toBeGreaterThan(1);
      await page.click('#last');
      expect((await lit(page)).length).toBe(1);
      await page.focus('#gallery');
      await page.keyboard.press('ArrowDown');
    }
    expect(page.url()).toContain(`#counterexample=${count}&`);
  });

  it('runs the machine by hand, and goes back to make another future', async () => {
    const page = await open(url);
    await page.click('#begin');
    expect(await page.textContent('#run-title')).toBe('By hand: the machine exchange');
    const press = (event: string) => page.click(`#offers [data-event="${event}"]`);
    await press('request.headers');
    expect(await current(page)).toMatch(/Ordered: startDeadline\(total\)/);
    await press('request.refused');
    await press('usage.recorded');
    await press('request.body');
    expect(await current(page)).toMatch(
      /^Step 4 of 4: request\.body\. Absorbed .*processed\.rejected/,
    );
    const address = page.url();
    await page.click('#back');
    await page.click('#back');
    await page.focus('#offers [data-event="drain.started"]');
    await page.keyboard.press('Enter');
    expect(await current(page)).toMatch(/^Step 3 of 3: drain\.started/);
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-event'));
    expect(focused).toBe('drain.started');
    const again = await open(address);
    expect(await current(again)).toMatch(/^Step 4 of 4: request\.body/);
    await again.selectOption('#machine', 'legacy');
    await again.click('#begin');
    expect(await lit(again)).toEqual(['awaitingHeaders']);
  });

  it('offers by hand what may come from whoever may speak, and no more', async () => {
    const page = await open(url);
    const offers = () =>
      page.$$eval('#offers button', (all) => all.map((one) => (one as HTMLElement).dataset.event));
    await page.click('#begin');
    const all = await offers();
    await page.selectOption('#environment', 'wellBehaved');
    expect(await offers()).toEqual(['request.headers', 'transport.closed', 'drain.started']);
    expect(all).toEqual(expect.arrayContaining((await offers()) as string[]));
    await page.click('#offers [data-event="request.headers"]');
    expect(await offers()).not.toContain('request.headers');
    expect(await offers()).toContain('request.refused');
    expect(page.url()).toContain('environment=wellBehaved');
    const bad = await open(`${url}#machine=exchange&environment=nobody`);
    expect(await bad.textContent('#status')).toContain('no environment nobody');
  });

  it('plays a run by its seed, the same again, and breaks the gateway of the bug', async () => {
    const page = await open(url);
    await page.selectOption('#machine', 'legacy');
    await page.selectOption('#environment', 'observed');
    await page.fill('#seed', '11');
    await page.focus('#play');
    await page.keyboard.press('Enter');
    expect(await page.textContent('#run-title')).toBe(
      'By hand: the machine legacy, drawn by the seed 11',
    );
    expect(await current(page)).toMatch(/^Before the first of 40 steps/);
    await page.keyboard.press('End');
    const last = await current(page);
    const again = await open(page.url());
    expect(await current(again)).toBe(last);
    await again.click('#back');
    await again.click('#play');
    await again.keyboard.press('End');
    expect(await current(again)).toBe(last);
    await again.keyboard.press('Home');
    for (let step = 0; step < 9; step++) await again.keyboard.press('ArrowRight');
    expect(await current(again)).toMatch(/^Step 9 of 40: response\.end\..*answer\(unknown\)/);
  });

  it.each(['light', 'dark'] as const)('can be read in %s', async (colorScheme) => {
    const page = await open(`${url}#exchange=late-end&step=11`, { colorScheme });
    const contrasts = await page.evaluate(() => {
      const levels = (colour: string) =>
        (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((text) => {
          const part = Number(text) / 255;
          return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
      const bright = (colour: string) => {
        const [red = 0, green = 0, blue = 0] = levels(colour);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const paper = (element: Element): string => {
        const { backgroundColor } = getComputedStyle(element);
        const clear = /, 0\)$/.test(backgroundColor) && element.parentElement !== null;
        return clear ? paper(element.parentElement as Element) : backgroundColor;
      };
      const all = document.querySelectorAll('h1,h2,h3,p,button,label,[role=gridcell],li');
      return [...all].map((element) => {
        const [one, other] = [bright(getComputedStyle(element).color), bright(paper(element))];
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      });
    });
    expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(4.5);
  });

  it('tells who cannot see it what is where', async () => {
    const page = await open(`${url}#exchange=late-end&step=11`);
    const nameless = await page.$$eval('button, input, select, [role=grid], [tabindex]', (all) =>
      all
        .filter((one) => {
          const labels = (one as HTMLInputElement).labels?.length ?? 0;
          const told = ['aria-label', 'aria-labelledby'].some((name) => one.hasAttribute(name));
          return labels === 0 && !told && (one.tagName !== 'BUTTON' || one.textContent === '');
        })
        .map((one) => one.id),
    );
    expect(nameless).toEqual([]);
    expect(await page.getAttribute('#current', 'aria-live')).toBe('polite');
    await page.focus('#timeline');
    expect(await page.$eval('#timeline', (one) => getComputedStyle(one).outlineStyle)).toBe(
      'solid',
    );
    const active = await page.getAttribute('#timeline', 'aria-activedescendant');
    expect(await page.getAttribute(`#${active}`, 'aria-selected')).toBe('true');
  });
});

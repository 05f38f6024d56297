/** What is drawn of the machine: fresh, whole, and fit to be seen. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exchange } from '../machines/exchange.js';
import { table } from '../src/step.js';
import { chartOf } from '../visualizations/arcs.js';
import { overviewOf } from '../visualizations/overview.js';
import { GENERATED, keptIn, render, TRACES } from '../visualizations/render.js';
import { svgOf } from '../visualizations/svg.js';

const pictures = await render(keptIn(TRACES));
const svgs = pictures.filter(({ name }) => name.endsWith('.svg'));
const chart = chartOf(exchange, table);

/** The names of tags that are left open, or closed without having been opened. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  for (const [, close, name = '', whole] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (whole === '/') continue;
    if (close === '') open.push(name);
    else if (open.pop() !== name) return [name];
  }
  return open;
}

describe('the generated files', () => {
  it.each(pictures)('$name is fresh (npm run render)', ({ name, text }) => {
    expect(readFileSync(new URL(name, GENERATED), 'utf8')).toBe(text);
  });

  it('are no more and no fewer than what is rendered', () => {
    expect(readdirSync(GENERATED).toSorted()).toEqual(pictures.map(({ name }) => name).toSorted());
  });

  it('show every state, event, guard and command that there is', () => {
    const drawn = svgs.map(({ text }) => text).join('');
    const words = (text: string) => text.match(/[A-Za-z.*]+/g) ?? [];
    const states = table.states.flatMap((name) => name.match(/\w+/g) ?? []);
    const arcs = chart.arcs.flatMap(({ event, guard, commands }) => [
      ...words(event),
      ...words(guard ?? ''),
      ...commands.flatMap((command) => words(command)),
    ]);
    const missing = [...new Set([...states, ...arcs])].filter((word) => !drawn.includes(word));
    expect(missing).toEqual([]);
  });
});

describe.each(svgs)('$name', ({ text }) => {
  it('is whole, and stands alone', () => {
    expect(unbalanced(text)).toEqual([]);
    expect(text).not.toMatch(/href|<script|<image|@import|url\(|&(?!amp;|lt;|gt;|quot;|#)/);
  });

  it('has a name for those who cannot see it', () => {
    expect(text).toMatch(/role="img" aria-labelledby="title description"/);
    expect(text).toMatch(/<title id="title">.+<\/title>\n<desc id="description">.+<\/desc>/);
  });

  it('has a colour in light and in dark for all that it draws', () => {
    const [light = '', dark = ''] = text.split('@media (prefers-color-scheme:dark)');
    const used = new Set(
      [...text.matchAll(/class="([fs]-[^"]+)"/g)].flatMap(([, c]) => c?.split(' ')),
    );
    for (const name of used) {
      expect(light).toContain(`.${name}{`);
      expect(dark).toContain(`.${name}{`);
    }
    // What Graphviz was told stands for a colour and is none.
    expect(text.slice(text.indexOf('</style>'))).not.toMatch(/(fill|stroke)="(?!none)/);
  });

  it('tells no version of who drew it', () => {
    expect(text).not.toMatch(/<!--|graphviz|Generated/i);
  });
});

describe('a picture for the README', () => {
  it.each(['exchange.svg', 'late-end.svg'])('is not wider than its page: %s', (file) => {
    const { text = '' } = svgs.find(({ name }) => name === file) ?? {};
    expect(Number(/width="(\d+)"/.exec(text)?.[1])).toBeLessThanOrEqual(900);
  });
});

describe('Graphviz', () => {
  it('draws the same bytes again', async () => {
    const caption = { title: 'once', description: 'and again' };
    const dot = overviewOf(chart);
    expect(await svgOf(dot, caption)).toBe(await svgOf(dot, caption));
  });

  it('is not believed when it warns', async () => {
    const caption = { title: 'none', description: 'none' };
    await expect(svgOf('digraph { a -> }', caption)).rejects.toThrow(/syntax error/);
    await expect(svgOf('digraph { a [shape=nonsense] }', caption)).rejects.toThrow(/Graphviz/);
  });
});

/**
 * DOT to SVG, through Graphviz as WebAssembly, so that every machine makes the same bytes; and what
 * all pictures share: a title for those who cannot see them, paper of their own, light and dark.
 *
 * Graphviz knows no themes: what it is told are colours that stand for inks (`INK`), and these
 * become classes, which the style gives their colour in either scheme.
 */
import { instance } from '@viz-js/viz';

interface Scheme {
  readonly paper: string;
  readonly inks: Readonly<Record<Ink, string>>;
}

const INKS = [
  'text',
  'event',
  'guard',
  'command',
  'line',
  'edge',
  'box',
  'cluster',
  'region',
  'good',
  'bad',
] as const;
export type Ink = (typeof INKS)[number];

/** A colour in DOT that stands for each ink. Nothing is ever seen in it. */
export const INK = Object.fromEntries(
  INKS.map((ink, at) => [ink, `#0000${(at + 1).toString(16).padStart(2, '0')}`]),
) as Readonly<Record<Ink, string>>;

const LIGHT: Scheme = {
  paper: '#ffffff',
  inks: {
    text: '#1f2328',
    event: '#0550ae',
    guard: '#8250df',
    command: '#57606a',
    line: '#8c959f',
    edge: '#57606a',
    box: '#ffffff',
    cluster: '#f6f8fa',
    region: '#eaeef2',
    good: '#1a7f37',
    bad: '#cf222e',
  },
};
const DARK: Scheme = {
  paper: '#0d1117',
  inks: {
    text: '#e6edf3',
    event: '#79c0ff',
    guard: '#d2a8ff',
    command: '#9da7b3',
    line: '#6e7681',
    edge: '#8b949e',
    box: '#0d1117',
    cluster: '#161b22',
    region: '#212830',
    good: '#56d364',
    bad: '#ff7b72',
  },
};

const FONT =
  'ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace';

/** `f-` fills with an ink and `s-` draws a line in it. */
function styleOf(): string {
  const rules = ({ paper, inks }: Scheme) =>
    [
      `.paper{fill:${paper}}`,
      ...INKS.map((ink) => `.f-${ink}{fill:${inks[ink]}}.s-${ink}{stroke:${inks[ink]}}`),
    ].join('\n');
  const dark = `@media (prefers-color-scheme:dark){\n${rules(DARK)}\n}`;
  return `<style>\ntext{font-family:${FONT};white-space:pre}\n${rules(LIGHT)}\n${dark}\n</style>`;
}

const ENTITIES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ENTITIES.get(sign) as string);
}

export interface Caption {
  readonly title: string;
  readonly description: string;
}

/** An SVG that stands alone. */
export function framed(
  { title, description }: Caption,
  [width, height]: readonly [number, number],
  body: string,
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" \
viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
${styleOf()}
<rect class="paper" width="100%" height="100%" rx="6"/>
${body.trim()}
</svg>
`;
}

/** Graphviz measures a sign by its bytes, so what has more than one goes through it as another. */
const STAND_INS = new Map([
  ['→', '~'],
  ['●', '@'],
  ['·', '^'],
  ['…', '`'],
]);
const signOf = new Map([...STAND_INS].map(([sign, standIn]) => [standIn, sign]));

/** Throws for DOT that Graphviz so much as warns of. */
export async function svgOf(dot: string, caption: Caption): Promise<string> {
  const viz = await instance();
  const ascii = dot.replace(/[→●·…]/g, (sign) => STAND_INS.get(sign) as string);
  const drawn = viz.render(ascii, { format: 'svg' });
  const [error] = drawn.errors;
  if (error !== undefined || drawn.output === undefined) {
    throw new Error(`Graphviz: ${error?.message ?? 'nothing was drawn'}`);
  }
  const { output } = drawn;
  const [, width, height] = /<svg width="(\d+)pt" height="(\d+)pt"/.exec(output) ?? [];
  const body = output.slice(output.indexOf('<g id="graph0"'), output.lastIndexOf('</svg>'));
  return framed(caption, [Number(width), Number(height)], inked(body));
}

const inkOf = new Map(INKS.map((ink) => [INK[ink], ink]));

/** Colours to classes, and nothing that tells Graphviz' version or repeats the style. */
function inked(body: string): string {
  return body
    .replace(/<!--[\s\S]*?-->\n?/g, '')
    .replace(/<title>%\d+<\/title>\n/, '')
    .replace(/<title>cluster_/g, '<title>')
    .replace(/ (font-family|text-anchor)="(?:Courier|start)[^"]*"/g, '')
    .replace(/ xml:space="preserve"/g, '')
    .replace(/<text[^>]*> <\/text>\n/g, '')
    .replace(/(?<=<text[^>]*>)[^<]+/g, (text) =>
      text.replace(/[~@^`]/g, (standIn) => signOf.get(standIn) as string),
    )
    .replace(/<(text|path|polygon|ellipse|polyline)\b[^>]*>/g, (tag) => {
      const classes: string[] = [];
      const rest = tag.replace(/ (fill|stroke)="(#[0-9a-f]{6})"/g, (whole, kind, colour) => {
        const ink = inkOf.get(colour);
        if (ink === undefined) return whole;
        classes.push(`${kind === 'fill' ? 'f' : 's'}-${ink}`);
        return '';
      });
      const named = (start: string) => `${start} class="${classes.join(' ')}"`;
      return classes.length === 0 ? rest : rest.replace(/^<\w+/, named);
    });
}

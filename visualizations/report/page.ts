/** What all reports share: one file that stands alone, and tables that can be read in any way. */
import { createHash } from 'node:crypto';
import { diagrams, style as drawn } from '../generated/viewer.generated.js';
import { VIEWER_STYLE } from '../viewer/page.js';
import { Html, html, type Piece } from './html.js';

/** A part of a report, with a heading that its contents link to. */
export interface Section {
  readonly heading: string;
  readonly body: Piece;
}

const REPORT_STYLE = `
main { display: block; max-width: 80rem; }
section { margin: 1.4rem 0; }
a { color: var(--mark); }
code, .code td, .code th[scope=row] { font: 12px/1.45 ui-monospace, monospace; }
nav ul { padding-left: 1.2rem; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: bold; padding: .2rem 0; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: left;
  vertical-align: top; }
th { background: var(--raised); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow: auto; max-width: 100%; }
.scroll svg { display: block; }
.quiet { color: var(--quiet); font-weight: normal; }
td .quiet { white-space: nowrap; }
.verdict { border-left: 4px solid var(--mark); padding: .3rem .6rem; background: var(--raised);
  white-space: pre-line; }
summary { cursor: pointer; overflow-wrap: anywhere; }
h1, h3, p, li { overflow-wrap: anywhere; }
`;

/**
 * A whole report. Its policy allows the one style that is in it, by its hash, and nothing else: no
 * script, no request, no form.
 */
export function pageOf(title: string, verdict: string, sections: readonly Section[]): string {
  const style = `\n${drawn}${VIEWER_STYLE}${REPORT_STYLE}`;
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>interlock: ${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<header>
<h1>Interlock: ${title}</h1>
<p class="verdict">${verdict}</p>
<nav aria-label="Contents"><ul>
${sections.map(({ heading }, at) => html`<li><a href="#part-${at}">${heading}</a></li>\n`)}</ul>
</nav>
</header>
<main>
${sections.map(
  ({ heading, body }, at) => html`<section aria-labelledby="part-${at}">
<h2 id="part-${at}">${heading}</h2>
${body}
</section>
`,
)}</main>
</body>
</html>
`.text;
}

export interface Grid {
  readonly caption: string;
  readonly heads: readonly string[];
  /** The first cell of a row is its head. */
  readonly rows: readonly (readonly Piece[])[];
  /** Its words are those of the machine. */
  readonly code?: true;
}

/** A table in a region that can be scrolled by keys, where it is wider than the window. */
export function tableOf({ caption, heads, rows, code }: Grid): Html {
  return regionOf(
    caption,
    html`<table${code && html` class="code"`}>
<caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([first, ...rest]) => html`<tr><th scope="row">${shown(first)}</th>${rest.map(cellOf)}</tr>\n`,
)}</tbody>
</table>`,
  );
}

export function regionOf(name: string, body: Html): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${name}">${body}</div>`;
}

function cellOf(cell: Piece): Html {
  const number = typeof cell === 'number' ? html` class="number"` : undefined;
  return html`<td${number}>${shown(cell)}</td>`;
}

const shown = (cell: Piece) => (typeof cell === 'number' ? counted(cell) : cell);

export const counted = (count: number) =>
  count.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** The diagram of a machine, if it is one of those that are drawn. */
export function machineOf(name: string): readonly Section[] {
  const drawing = Object.hasOwn(diagrams, name) ? diagrams[name] : undefined;
  if (drawing === undefined) return [];
  const heading = 'The machine';
  return [{ heading, body: regionOf(heading, new Html(drawing)) }];
}

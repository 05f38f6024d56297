/** The text of the viewer's page. It asks for nothing but what is served beside it. */
import { type Environment, environments } from '../../machines/environments.js';

/** Its address ends in a slash, so what it names lies below it. */
export function viewerPage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>interlock: the viewer</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<script type="module" src="modules/visualizations/viewer/page/main.js"></script>
</head>
<body>
<header>
<h1>Interlock: the life of an exchange</h1>
<p id="status" role="status">Loading.</p>
<ul id="faults" aria-label="What could not be read"></ul>
</header>
<main>
<section aria-labelledby="live-title" id="live" hidden>
<h2 id="live-title">Live exchanges: those in flight, then those that have ended</h2>
<p><label for="live-filter">Show</label>
<select id="live-filter"><option value="all">all</option>
<option value="inFlight">in flight</option>
<option value="anomalies">with anomalies</option></select>
<label><input id="live-hold" type="checkbox"> hold the order</label>
<span id="live-counts"></span></p>
<div id="live-place"></div>
<p><a href="stately" target="_blank" rel="noopener">The same in Stately's inspector, which is online</a></p>
</section>
<section aria-labelledby="choose-title" id="choose">
<h2 id="choose-title">Choose a run</h2>
<div>
<h3><label for="file">A trace: NDJSON, chosen here or dropped on the page</label></h3>
<input id="file" type="file" multiple>
<div id="exchanges-place" hidden></div>
</div>
<div>
<h3>A counterexample: what the gateway of the bug breaks</h3>
<div id="gallery-place"></div>
</div>
<div>
<h3>The machine by hand, or by lot</h3>
<p><label for="machine">Machine</label>
<select id="machine"><option>exchange</option><option>legacy</option></select>
<label for="environment">Who may speak</label>
<select id="environment">${environments.map(optionOf).join('')}</select>
<button id="begin" type="button">Begin</button></p>
<p><label for="seed">Seed</label>
<input id="seed" type="number" min="0" max="4294967295" value="1">
<button id="play" type="button">Play a run</button></p>
</div>
</section>
<section aria-labelledby="run-title" class="run" id="run" hidden>
<h2 id="run-title"></h2>
<ul id="run-notes"></ul>
<p class="buttons" role="group" aria-label="Steps">
<button id="first" type="button" title="Home">« Start</button>
<button id="back" type="button" title="Arrow left">◀ Back</button>
<button id="forth" type="button" title="Arrow right">Step ▶</button>
<button id="last" type="button" title="End">End »</button>
</p>
<p id="current" role="status" aria-live="polite"></p>
<div id="timeline-place"></div>
<div id="hand">
<h3>And what if … came next? (by hand)</h3>
<div id="offers"></div>
</div>
</section>
<section aria-labelledby="drawn" class="drawn">
<h2 id="drawn">The machine</h2>
<p class="legend"><span class="key lit">thick</span> where it is
<span class="key passed">dashed</span> where it was</p>
<div id="diagram" tabindex="0" role="region" aria-labelledby="drawn"></div>
</section>
</main>
</body>
</html>
`;
}

const optionOf = ({ name, sentence }: Environment) =>
  `<option title="${sentence}">${name}</option>`;

/** Colours keep a contrast of at least 4.5 to 1 in either scheme; no meaning is in them alone. */
export const VIEWER_STYLE = `
:root { --paper: #fff; --ink: #1f2328; --quiet: #57606a; --line: #8c959f; --raised: #f6f8fa;
  --mark: #0550ae; --chosen: #ddf4ff; --warn: #9a3b00; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #e6edf3; --quiet: #9da7b3; --line: #6e7681; --raised: #161b22;
    --mark: #79c0ff; --chosen: #0c2d50; --warn: #ffb77c; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 0 1rem 1rem; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: .6rem 0 .2rem; }
h2 { font-size: 1.05rem; margin: .4rem 0; }
h3 { font-size: .9rem; margin: .7rem 0 .3rem; }
p, ul { margin: .3rem 0; }
[hidden] { display: none !important; }
main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1100px) {
  main { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); }
  #live, #choose, #run[hidden] + .drawn { grid-column: 1 / -1; }
  #choose { display: grid; gap: 0 1rem; grid-template-columns: repeat(3, minmax(0, 1fr)); }
  #choose h2 { grid-column: 1 / -1; }
  .drawn { position: sticky; top: .5rem; align-self: start; }
}
:focus-visible { outline: 3px solid var(--mark); outline-offset: 1px; }
button, select, input { font: inherit; color: inherit; background: var(--raised);
  border: 1px solid var(--line); border-radius: 4px; padding: .2rem .5rem; margin: .1rem; }
button[aria-disabled=true] { color: var(--quiet); border-style: dotted; }
#faults { color: var(--warn); font: 12px/1.45 ui-monospace, monospace; padding-left: 1rem;
  max-height: 9rem; overflow: auto; }
#current { border-left: 4px solid var(--mark); padding: .3rem .6rem; background: var(--raised);
  min-height: 4.5em; overflow-wrap: anywhere; }
.grid { height: 16rem; overflow: auto; border: 1px solid var(--line); position: relative;
  font: 12px/26px ui-monospace, monospace; }
.grid.gallery, .grid.exchanges { height: 10rem; }
#live-counts { margin-left: 1rem; }
.grid.live-exchanges { height: 13rem; }
#live[data-gone=true] .grid { border-style: dashed; }
a { color: var(--mark); }
.grid.timeline { height: 22rem; }
.rows { position: relative; min-width: 50rem; }
.row { position: absolute; left: 0; right: 0; height: 26px; display: flex; gap: .6rem;
  padding: 0 .4rem; min-width: 50rem; cursor: pointer; }
.row.head { position: sticky; top: 0; z-index: 1; background: var(--raised); font-weight: bold;
  cursor: default; }
.row[aria-selected=true] { background: var(--chosen); box-shadow: inset 4px 0 var(--mark); }
.row.anomaly, .row.violation, .row.divergent { font-weight: bold; }
.row span { flex: 1 1 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.timeline .row span:nth-child(-n+2) { flex: 0 0 3.6rem; text-align: right; }
.timeline .row span:nth-child(3) { flex: 0 0 12.5rem; }
.timeline .row span:nth-child(4) { flex: 0 0 6rem; }
.timeline .row, .timeline .rows { min-width: 72rem; }
.exchanges .row span:nth-child(n+4):nth-child(-n+6) { flex: 0 0 4.6rem; text-align: right; }
.exchanges .row span:nth-child(2) { flex: 0 0 7rem; }
.live-exchanges .row span:nth-child(n+4) { flex: 0 0 5.2rem; text-align: right; }
.live-exchanges .row span:nth-child(n+6):nth-child(-n+7) { flex-basis: 9.5rem; }
.live-exchanges .row span:nth-child(-n+2) { flex: 0 0 8rem; }
.gallery .row span:nth-child(-n+2) { flex: 0 0 3rem; }
.gallery .row span:nth-child(3) { flex-grow: 6; }
#diagram { overflow: auto; max-height: 80vh; border: 1px solid var(--line); }
#diagram svg { display: block; max-width: 100%; min-width: 40rem; height: auto; margin: 0 auto; }
.lit > path, .lit > polygon { stroke: var(--mark) !important; stroke-width: 3.5px; }
.passed > path, .passed > polygon { stroke: var(--mark) !important; stroke-width: 1.5px;
  stroke-dasharray: 5 3; }
.lit > text[font-weight=bold] { text-decoration: underline; }
.key { padding: 0 .4rem; border-radius: 4px; }
.key.lit { border: 3px solid var(--mark); }
.key.passed { border: 2px dashed var(--mark); }
`;

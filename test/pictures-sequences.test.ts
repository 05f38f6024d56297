/** Sequence diagrams, the list of claims and the export say what traces, check and machine say. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environments } from '../machines/environments.js';
import { textOf } from '../machines/events.js';
import { legacy } from '../machines/legacy.js';
import { eventualities } from '../machines/properties.js';
import { vocabulary } from '../machines/vocabulary.js';
import { allProperties } from '../src/check/claims.js';
import { brokenIn, runCheck } from '../src/check/report.js';
import { compile } from '../src/compile.js';
import { rows } from '../src/exchange.generated.js';
import { Table } from '../src/table.js';
import type { TraceRecord } from '../src/trace.js';
import { GENERATED, keptIn, TRACES } from '../visualizations/render.js';
import { mermaidOf } from '../visualizations/sequence.js';

const page = (name: string) => readFileSync(new URL(name, GENERATED), 'utf8');
const kept = keptIn(TRACES);

/** The events and commands that a diagram shows, in its order, read back from its text. */
function toldBy(diagram: string): string[] {
  return diagram
    .split('\n')
    .flatMap((line) => {
      const message = /^ {2}\w+--?>>\w+: (.*)$/.exec(line)?.[1];
      const note = /^ {2}Note over [\w,]+: (.*)$/.exec(line)?.[1];
      return message === undefined ? (note ?? '').split('<br/>') : [message];
    })
    .filter((text) => text !== '' && !/^→|^in the end/.test(text));
}

const told = (records: readonly TraceRecord[]) =>
  records.flatMap(({ event, commands }) => [event, ...commands]);

describe('a sequence diagram', () => {
  it.each(kept)('shows each event and command of its trace, in its order: $name', ({ records }) => {
    for (const wire of ['http', 'envoy'] as const) {
      const ending = `in the end: ${records.at(-1)?.state}`;
      const diagram = mermaidOf(records, wire, ending);
      expect(toldBy(diagram)).toEqual(told(records));
      if (wire === 'http') expect(page('traces.md')).toContain(diagram);
    }
  });

  it('gives every message to whoever speaks, and every command to whom it is for', () => {
    const { records = [] } = kept.find(({ name }) => name === 'legacy-late-end') ?? {};
    expect(mermaidOf(records, 'http', 'the end').split('\n').slice(4, 7)).toEqual([
      '  downstream->>gateway: request.headers',
      '  gateway-->>upstream: forwardRequestHeaders',
      '  upstream->>gateway: response.headers(success)',
    ]);
    expect(mermaidOf(records, 'envoy', 'the end')).not.toMatch(/downstream|upstream/);
  });

  it('keeps what Mermaid would read as its own', () => {
    expect(mermaidOf([], 'http', 'a; b #1')).toContain('a#59; b #35;1');
  });

  it('is there for every counterexample of the gateway of the bug', async () => {
    const properties = [...allProperties, ...eventualities];
    const table = new Table(compile(legacy));
    const report = await runCheck({ table, environments, properties });
    const text = page('counterexamples.md');
    const runs = brokenIn(report).filter(({ run }) => run !== undefined);
    expect(runs.length).toBeGreaterThan(100);
    for (const { property, run } of runs) {
      const heading = `. ${run?.events.map(textOf).join(', ')}\n`;
      const at = text.indexOf(heading);
      expect(at, heading).toBeGreaterThan(0);
      expect(text, property.name).toContain(`\`${property.name}\`: ${property.sentence}`);
    }
    for (const { property } of brokenIn(report).filter(({ run }) => run === undefined)) {
      expect(text.slice(text.indexOf('## What never happens'))).toContain(`\`${property.name}\``);
    }
  });
});

describe('the picture of the bug', () => {
  const svg = page('late-end.svg');
  const [left = '', right = ''] = svg.split('<g transform=').slice(1);

  it('tells both sides the same messages of Envoy', () => {
    const messages = (side: string) =>
      [...side.matchAll(/class="f-event"[^>]*text-anchor="middle">([^<]+)/g)].map(
        ([, text]) => text,
      );
    const { records = [] } = kept.find(({ name }) => name === 'legacy-late-end') ?? {};
    expect(messages(left)).toEqual(records.map(({ event }) => event));
    expect(messages(right)).toEqual(messages(left));
  });

  it('shows that one answers a finished request, and the other counts a late end', () => {
    expect(left).toMatch(/class="f-bad"[^>]*>answer\(unknown\)/);
    expect(right).toMatch(/class="f-good"[^>]*>countAnomaly\(lateEnd\)/);
    expect(right).not.toContain('answer');
  });
});

describe('the list of claims', () => {
  const text = page('properties.md');

  it('has a line for every claim, with its sentence', () => {
    for (const { name, sentence } of [...allProperties, ...eventualities]) {
      expect(text).toContain(`| \`${name}\` | ${sentence} `);
    }
  });

  it('says that each holds wherever it is claimed', () => {
    const [all, kept] = /(\d+) of (\d+) claims/.exec(text)?.slice(1) ?? [];
    expect(kept).toBe(all);
    const lines = text
      .split('\n')
      .filter((line) => /^\| `(?!anyone|wellBehaved|observed)/.test(line));
    const broken = lines.filter((line) =>
      /(?<!\()broken/.test(line.split('|').slice(3, 6).join('|')),
    );
    expect(broken).toEqual([]);
  });

  it('says of every environment how large it is', () => {
    for (const { name, sentence } of environments) {
      expect(text).toMatch(
        new RegExp(`\\| \`${name}\` \\| ${sentence} \\| \\d+ \\| \\d+ \\| \\d+ \\|`),
      );
    }
  });
});

describe('the export for Stately Studio', () => {
  const config = JSON.parse(page('exchange.json'));

  it('is the machine: the same states, and the same answer to every event', () => {
    // Another test shows that these rows are the machine's.
    expect(compile(vocabulary.createMachine(config))).toEqual(rows);
  }, 60_000);

  it('has names for all its guards and actions, and nothing else that runs', () => {
    const text = JSON.stringify(config);
    expect(text).not.toMatch(/"(?:invoke|after|always|context)":/);
    const guards = [...text.matchAll(/"guard":("\w+"|.)/g)].map(([, guard]) => guard);
    expect(guards.filter((guard) => !guard?.startsWith('"'))).toEqual([]);
  });
});

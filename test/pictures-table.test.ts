/** The table of states and events says of each pair what the machine does, and leaves none out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ANOMALIES, EVENTS, REASONS, textOf } from '../machines/events.js';
import { table } from '../src/step.js';
import { placesOf, shortOf } from '../visualizations/places.js';
import { GENERATED } from '../visualizations/render.js';
import { answerText } from '../visualizations/table.js';

const text = readFileSync(new URL('table.md', GENERATED), 'utf8');

/** Section, column and event to the cell, read back from the page. */
function cellsOf(page: string): Map<string, string> {
  const cells = new Map<string, string>();
  for (const section of page.split('\n## ').slice(1)) {
    const name = section.slice(0, section.indexOf('\n'));
    const columns = [...section.matchAll(/<th>(.*?)<\/th>/g)].slice(1).map(([, head]) => head);
    for (const [, row = ''] of section.matchAll(/<tr>(<td>.*?)<\/tr>/g)) {
      const [events, ...answers] = [...row.matchAll(/<td(?: colspan="(\d)")?>(.*?)<\/td>/g)];
      const wide = answers.flatMap(([, span, cell = '']) => Array(Number(span ?? 1)).fill(cell));
      expect(wide.length, row).toBe(columns.length);
      for (const event of (events?.[2] ?? '').split('<br>')) {
        for (const [at, cell] of wide.entries()) {
          const key = `${name} ${columns[at]} ${event}`;
          expect(cells.has(key), key).toBe(false);
          cells.set(key, cell);
        }
      }
    }
  }
  return cells;
}

const cells = cellsOf(text);

/** What the page says of one state and event; what depends on more is looked up by that. */
function answerOf(state: number, event: string): string | undefined {
  const [first = [], second, ...others] = placesOf(table.states[state] as string);
  const section = second === undefined ? first.slice(0, -1).join('.') : second.join('.');
  const cell = cells.get(`${section} ${shortOf(first)} ${event}`);
  const rest = others.map((place) => place.at(-1) as string);
  const fits = (when: string) =>
    when.split(' and ').every((words) => words.split(' or ').some((word) => rest.includes(word)));
  const cases = (cell ?? '').split('<br>').map((line) => /^([a-z ]+): (.*)$/.exec(line));
  if (cases.some((one) => one === null)) return cell;
  const [only, ...more] = cases.filter((one) => fits(one?.[1] ?? ''));
  expect(more).toEqual([]);
  return only?.[2];
}

describe('the table of states and events', () => {
  it('has no empty cell', () => {
    expect(cells.size).toBeGreaterThan(EVENTS.length * 20);
    expect([...cells].filter(([, cell]) => cell.trim() === '')).toEqual([]);
  });

  it('says of every state and event what the machine makes of the two', () => {
    const wrong: string[] = [];
    for (const state of table.states.keys()) {
      for (const event of EVENTS) {
        const right = answerText(table, state, event);
        const said = answerOf(state, textOf(event));
        if (said !== right) wrong.push(`${table.states[state]}, ${textOf(event)}: ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('tells each answer in full: its kind, where it leads, and what it orders or why not', () => {
    const poor: string[] = [];
    for (const state of table.states.keys()) {
      for (const [code, event] of EVENTS.entries()) {
        const { state: to, commands, answer, reason = '' } = table.step(state, code);
        const said = answerText(table, state, event);
        const kind = answer === 'absorbed' && commands.length > 0 ? 'anomaly' : answer;
        const words = answer === 'absorbed' ? [reason] : commands.map(textOf);
        const whole = [kind, ...words].every((word) => word !== '' && said.includes(word));
        if (!whole || said.includes('→') !== (to !== state)) poor.push(said);
      }
    }
    expect(poor).toEqual([]);
  });

  it('explains every reason and every anomaly', () => {
    for (const [name, sentence] of Object.entries({ ...REASONS, ...ANOMALIES })) {
      expect(text).toContain(`| ${name} | ${sentence} |`);
    }
  });

  it('names each place by words that no other place has', () => {
    const places = new Set(table.states.flatMap(placesOf).map((place) => place.join('.')));
    const short = new Set([...places].map((place) => shortOf(place.split('.'))));
    expect(short.size).toBe(places.size);
  });
});

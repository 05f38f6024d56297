/** Runs by lot: what peers of an environment may do, the same for the same seed. */
import { describe, expect, it } from 'vitest';
import { anyone, environments, observed, wellBehaved } from '../machines/environments.js';
import { EVENTS, textOf } from '../machines/events.js';
import { chanceOf, mayFollow, walk } from '../src/check/walks.js';
import { rows } from '../src/legacy.generated.js';
import { table } from '../src/step.js';
import { Table } from '../src/table.js';

const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);
const length = 40;
const legacy = new Table(rows);

describe('a walk', () => {
  it('is the same for the same seed, and another for another', () => {
    const walks = SEEDS.map((seed) =>
      walk(table, { environment: observed, length }, chanceOf(seed)),
    );
    const again = SEEDS.map((seed) =>
      walk(table, { environment: observed, length }, chanceOf(seed)),
    );
    expect(again).toEqual(walks);
    expect(new Set(walks.map(String)).size).toBe(SEEDS.length);
  });

  it.each(environments)('has only what may come, in $name', (environment) => {
    for (const seed of SEEDS) {
      const codes = walk(table, { environment, length }, chanceOf(seed));
      for (const [at, code] of codes.entries()) {
        expect(mayFollow(table, environment, codes.slice(0, at))).toContain(code);
      }
    }
  });

  it('meets in the gateway of the bug what the field met: two records of one exchange', () => {
    const records = SEEDS.map((seed) => {
      let state = 0;
      return walk(legacy, { environment: observed, length }, chanceOf(seed)).filter((code) => {
        const step = legacy.step(state, code);
        state = step.state;
        return step.commands.some(({ type }) => type === 'recordUsage' || type === 'answer');
      }).length;
    });
    expect(Math.max(...records)).toBeGreaterThan(1);
  });
});

describe('what may follow', () => {
  it('is all from anyone, and what the protocol has from the well-behaved', () => {
    expect(mayFollow(table, anyone, [])).toHaveLength(EVENTS.length);
    const first = mayFollow(table, wellBehaved, []).map((code) => textOf(EVENTS[code]!));
    expect(first).toEqual(['request.headers', 'transport.closed', 'drain.started']);
  });
});

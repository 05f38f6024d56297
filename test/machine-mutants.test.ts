/** No claim is empty: for each there is a machine, one fault away from ours, that breaks it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyone } from '../machines/environments.js';
import type { Property } from '../machines/properties.js';
import { properties } from '../machines/properties.js';
import { explore, judge } from '../src/check/explore.js';
import { mutants } from './mutants.js';

describe('every claim', () => {
  it('is broken by a machine that has one fault', () => {
    const unbroken = new Set<Property>(properties.filter(({ mood }) => mood === 'always'));
    // Seeded, so that the machines are the same ones every time.
    for (const mutant of fc.sample(mutants, { seed: 1, numRuns: 1000 })) {
      if (unbroken.size === 0) break;
      const graph = explore(mutant, anyone);
      for (const property of unbroken) {
        if (!judge(graph, property).holds) unbroken.delete(property);
      }
    }
    expect([...unbroken].map(({ name }) => name)).toEqual([]);
  }, 60_000);
});

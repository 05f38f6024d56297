/** What is claimed of the exchange machine, against whom, and that no claim is empty. */
import { describe, expect, it } from 'vitest';
import type { Environment } from '../machines/environments.js';
import { anyone, environments, observed, wellBehaved } from '../machines/environments.js';
import { textOf } from '../machines/events.js';
import type { Property } from '../machines/properties.js';
import { nobodyIsCounted, nobodyIsRefused, properties } from '../machines/properties.js';
import type { Report } from '../src/check/explore.js';
import { check, judge } from '../src/check/explore.js';
import { table } from '../src/step.js';

const all = [...properties, nobodyIsRefused, nobodyIsCounted];
const reports = new Map<string, Report>(
  environments.map((environment) => [environment.name, check(table, environment, all)]),
);

/** The runs that break an `always` claim, in words, so that a failure tells its story. */
function broken(environment: Environment, claims: readonly Property[]): string[] {
  return (reports.get(environment.name) as Report).verdicts
    .filter(({ property, holds }) => property.mood === 'always' && !holds)
    .filter(({ property }) => claims.includes(property))
    .map(({ property, run }) => `${property.name}: ${run?.events.map(textOf).join(', ')}`);
}

function unseen(environment: Environment): string[] {
  return (reports.get(environment.name) as Report).verdicts
    .filter(({ property, holds }) => property.mood === 'sometimes' && !holds)
    .map(({ property }) => property.name);
}

function sizes(environment: Environment) {
  const { graph, verdicts } = reports.get(environment.name) as Report;
  const { states, transitions, depth } = graph;
  const products = verdicts.reduce((sum, verdict) => sum + verdict.states, 0);
  return { states, transitions, depth, products };
}

describe('against anyone', () => {
  it('nothing wrong is forwarded, and every exchange is accounted once', () => {
    expect(broken(anyone, properties)).toEqual([]);
  });

  it('everything that should be possible has an example', () => {
    expect(unseen(anyone)).toEqual([]);
  });

  it('a peer that breaks its grammar is refused, and bad manners are counted', () => {
    expect(broken(anyone, [nobodyIsRefused, nobodyIsCounted])).toHaveLength(2);
  });

  it('the product has the size it had', () => {
    expect(sizes(anyone)).toEqual({ states: 151, transitions: 5889, depth: 8, products: 14536 });
  });
});

describe('against the well behaved', () => {
  it('the same holds, nobody is refused, and nobody is counted', () => {
    expect(broken(wellBehaved, all)).toEqual([]);
  });

  it('only what takes a late or rude peer has no example', () => {
    expect(unseen(wellBehaved)).toEqual([
      'lateEndComes',
      'closeEndsWhatIsKnown',
      'responseComesAlone',
      'violatedIsReached',
      'bodyComesAfterTheLastWord',
      'lateEndIsCounted',
      'requestBodyComesAfterItsEnd',
      'heldRequestEndsTwice',
      'bodyComesAfterTheReading',
      'anomalyIsCounted',
    ]);
  });

  it('the product has the size it had', () => {
    expect(sizes(wellBehaved)).toEqual({
      states: 228,
      transitions: 2690,
      depth: 10,
      products: 19209,
    });
  });
});

describe('against what was observed', () => {
  it('the same holds, and nobody is refused: every quirk is absorbed', () => {
    expect(broken(observed, [...properties, nobodyIsRefused])).toEqual([]);
  });

  it('everything has an example but a refusal', () => {
    expect(unseen(observed)).toEqual(['violatedIsReached']);
  });

  it('the product has the size it had', () => {
    expect(sizes(observed)).toEqual({
      states: 1134,
      transitions: 30918,
      depth: 11,
      products: 77375,
    });
  });
});

describe('a property', () => {
  it('has a name and a sentence of its own', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(new Set(all.map(({ sentence }) => sentence)).size).toBe(all.length);
    for (const { sentence } of all) expect(sentence).toMatch(/^[A-Z0-9].*\.$/);
  });

  it('gives a run that is a run of the machine, and no shorter one exists', () => {
    const { graph, verdicts } = reports.get('anyone') as Report;
    for (const { property, run } of verdicts) {
      if (run === undefined) continue;
      expect(run.trace.map(({ event }) => event)).toEqual(run.events.map(textOf));
      expect(judge(graph, property).run).toEqual(run);
    }
    const example = verdicts.find(({ property }) => property.name === 'completedIsReached')?.run;
    expect(example?.events.map(textOf)).toEqual(['response.headers(success)', 'response.end']);
  });
});

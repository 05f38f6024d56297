/** What would notice a fault in the machine: the properties, a tour of all transitions, and logs. */
import { describe, expect, it } from 'vitest';
import { anyone } from '../machines/environments.js';
import { COMMANDS, events } from '../machines/events.js';
import { allProperties, isClaimed } from '../src/check/claims.js';
import { Effects } from '../src/check/effects.js';
import { explore, judge, runOf } from '../src/check/explore.js';
import type { Mutant } from '../src/check/mutants.js';
import { FAULT_NAMES, mutantsAt, sampleMutants, tableOf, wordsOf } from '../src/check/mutants.js';
import { Court, Scores } from '../src/check/mutate.js';
import { textOfScores } from '../src/check/scores.js';
import { Telling } from '../src/check/telling.js';
import { chanceOf } from '../src/check/walks.js';
import { rows } from '../src/legacy.generated.js';
import { table } from '../src/step.js';
import { Table } from '../src/table.js';

const legacy = new Table(rows);
const court = new Court(table, { seed: 1 });
const sample = sampleMutants(table, 800, chanceOf(1));
const trials = sample.map((mutant) => court.try(mutant));
const scores = new Scores();
for (const trial of trials) scores.add(trial);

describe('the mutants', () => {
  it('of one answer are all there are of each fault, each once, and none is the machine', () => {
    const end = [events.requestHeaders, events.requestRouted];
    const from = table.states.indexOf(runOf(table, end).trace.at(-1)?.state as string);
    const mutants = [...mutantsAt(table, from, 4)];
    const count = (fault: string) => mutants.filter((mutant) => mutant.fault === fault).length;
    expect(wordsOf(table, mutants[0] as Mutant).was).toMatch(
      /^\[endRequest, stopDeadline\(requestBody\), startDeadline\(responseHeaders\)\] -> /,
    );
    expect(Object.fromEntries(FAULT_NAMES.map((fault) => [fault, count(fault)]))).toEqual({
      commandDropped: 3,
      commandDoubled: 3,
      commandsSwapped: 2,
      transitionDropped: 1,
      transitionDoubled: 1,
      guardMistaken: 0,
      targetChanged: 150,
      // Each first or last; but the first one first, and the last one last, is a doubling.
      commandAdded: 2 * COMMANDS.length - 2,
    });
    const texts = mutants.map(({ state, commands }) => JSON.stringify([state, commands]));
    expect(new Set(texts).size).toBe(mutants.length);
  });

  it('are the same sample for the same seed', () => {
    expect(sampleMutants(table, 80, chanceOf(1))).toEqual(sampleMutants(table, 80, chanceOf(1)));
    expect(sampleMutants(table, 80, chanceOf(2))).not.toEqual(
      sampleMutants(table, 80, chanceOf(1)),
    );
  });
});

describe('the score', () => {
  it('of the sample is the one it was', () => {
    expect(scores.total).toMatchInlineSnapshot(`
      {
        "either": 800,
        "equivalent": 0,
        "logs": 115,
        "mutants": 800,
        "properties": 592,
        "sameEffect": 94,
        "tour": 800,
      }
    `);
    expect(court.tour.size).toMatchInlineSnapshot(`24496`);
  });

  it('of properties and tour together is all: no mutant survives', () => {
    expect(scores.survivors.map((mutant) => wordsOf(table, mutant))).toEqual([]);
    expect(scores.total.either + scores.total.equivalent).toBe(scores.total.mutants);
  });

  it('lists for review what no property forbids, with where it is and what it was', () => {
    expect(scores.unforbidden).toHaveLength(scores.unforbiddenCount);
    const text = textOfScores({ table, court, scores, complete: true });
    expect(text).toContain('Survivors, which neither kills: 0\n');
    expect(text).toMatch(/\n {2}commandDropped: .*\n {4}.*\n {4}was \[.*\n {4}is {2}\[/);
  });
});

describe('what a mutant breaks', () => {
  const claims = allProperties.filter((property) => isClaimed(property, anyone));

  it('is broken as well when the mutant is explored anew', () => {
    for (const { mutant, property } of trials.filter((_, at) => at % 20 === 0)) {
      const claim = claims.find(({ name }) => name === property);
      if (claim === undefined) continue;
      expect(judge(explore(tableOf(table, mutant), anyone), claim).holds, claim.name).toBe(false);
    }
  });

  it('is nothing, if that is what was found, when the mutant is explored anew', () => {
    const kept = trials.filter(({ property }) => property === undefined);
    for (const { mutant } of kept.filter((_, at) => at % 90 === 0)) {
      const graph = explore(tableOf(table, mutant), anyone);
      const broken = claims.filter((claim) => !judge(graph, claim).holds);
      expect(broken.map(({ name }) => name)).toEqual([]);
    }
  }, 60_000);
});

describe('what nobody can tell apart', () => {
  it('is no mutant: in the gateway of the bug, a state that does as another', () => {
    // A twin of the last state, to which the machine could as well have gone.
    const twin = rows.states.length;
    const states = [...rows.states, 'twin'];
    const stays = rows.steps.map(([state, ...rest]) => [state, ...rest] as const);
    const cells = [...rows.cells, rows.cells[twin - 1] as readonly number[]];
    const doubled = new Table({ machine: 'doubled', states, steps: stays, cells });
    const telling = new Telling(doubled);
    const from = rows.states.indexOf('noBuffer');
    const { commands } = doubled.step(from, 11);
    const empty = doubled.step(from, 11).state;
    const mutant = (state: number): Mutant => ({
      fault: 'targetChanged',
      from,
      code: 11,
      state,
      commands,
    });
    expect(telling.isEquivalent(mutant(empty))).toBe(true);
    expect(telling.isEquivalent(mutant(0))).toBe(false);
    expect(telling.wordFor(twin - 1, twin)).toBe(undefined);
    expect(new Telling(legacy).wordFor(0, 1)).toHaveLength(1);
  });

  it('is set apart from what does the same to everybody', () => {
    const effects = new Effects(table);
    const [code, step] = [0, table.step(0, 0)];
    const [total, requestBody] = step.commands;
    const one = { fault: 'commandsSwapped', from: 0, code, state: step.state } as const;
    const swapped = [requestBody!, total!];
    expect(effects.areSame({ ...one, commands: swapped })).toBe(true);
    expect(effects.areSame({ ...one, commands: [...swapped, total!] })).toBe(true);
    expect(effects.areSame({ ...one, commands: [total!] })).toBe(false);
  });
});

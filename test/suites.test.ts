/** Suites keep their guarantee: it is held against every machine that it speaks of. */
import { describe, expect, it } from 'vitest';
import { coverOf } from '../src/check/suites/cover.js';
import { identifiersOf, outputsOf } from '../src/check/suites/hsi.js';
import type { Mealy } from '../src/check/suites/mealy.js';
import { difference, viewOf } from '../src/check/suites/mealy.js';
import { minimise, separator } from '../src/check/suites/minimal.js';
import { FAULTS, Mutants } from '../src/check/suites/mutants.js';
import { Runner } from '../src/check/suites/score.js';
import { table } from '../src/step.js';
import { allMachines, hsi, identifiersFor, randomMachines, sizeOf } from './machines.js';

const MINUTES = 240_000;
const real = viewOf(table).machine;

function pairsOf(count: number): [number, number][] {
  return Array.from({ length: count }, (_, one) =>
    Array.from({ length: one }, (_, other): [number, number] => [one, other]),
  ).flat();
}

describe('the minimal machine', () => {
  it('answers as the machine does, and no two of its states are alike', () => {
    const { machine } = minimise(real);
    expect([real.states, machine.states]).toEqual([151, 137]);
    expect(difference(real, machine)).toBeUndefined();
    for (const pair of pairsOf(machine.states)) {
      // Every two are told apart by one event.
      expect(difference(machine, machine, pair)).toHaveLength(1);
    }
  });

  it('is so for random machines, with shortest witnesses', () => {
    for (const written of randomMachines({
      count: 300,
      states: 6,
      inputs: 2,
      outputs: 2,
      seed: 1,
    })) {
      const { machine } = minimise(written);
      expect(difference(written, machine)).toBeUndefined();
      const separate = separator(machine);
      for (const [one, other] of pairsOf(machine.states)) {
        const witness = separate(one, other) ?? expect.fail('two states are alike');
        expect(outputsOf(machine, one, witness)).not.toEqual(outputsOf(machine, other, witness));
        expect(witness).toHaveLength(difference(machine, machine, [one, other])?.length ?? 0);
      }
      expect(minimise(machine).machine).toEqual(machine);
    }
  });
});

describe('identifiers', () => {
  const harmonised = (machine: Mealy) => {
    const identifiers = identifiersOf(machine);
    for (const [one, other] of pairsOf(machine.states)) {
      const shared = identifiers[one]?.filter((sequence) => identifiers[other]?.includes(sequence));
      const tells = (sequence: readonly number[]) =>
        difference(machine, machine, [one, other]) !== undefined &&
        `${outputsOf(machine, one, sequence)}` !== `${outputsOf(machine, other, sequence)}`;
      expect(shared?.some(tells)).toBe(true);
    }
  };

  it('of any two states have a sequence in common that tells them apart', () => {
    harmonised(minimise(real).machine);
    for (const written of randomMachines({
      count: 200,
      states: 7,
      inputs: 2,
      outputs: 2,
      seed: 2,
    })) {
      harmonised(minimise(written).machine);
    }
  });

  it('of the exchange are at most four events per state', () => {
    const identifiers = identifiersOf(minimise(real).machine);
    expect(Math.max(...identifiers.map((sequences) => sequences.length))).toBe(4);
    expect(identifiers.flat(2)).toHaveLength(identifiers.flat().length);
  });

  it('are refused for a machine that is not minimal', () => {
    expect(() => identifiersOf(real)).toThrow(RangeError);
  });
});

describe('a cover', () => {
  it('has the size that it said, and no scenario twice or inside of another', () => {
    for (const machine of randomMachines({
      count: 60,
      states: 5,
      inputs: 3,
      outputs: 2,
      seed: 3,
    })) {
      for (const depth of [0, 1, 2]) {
        for (const identifiers of [undefined, identifiersFor(machine)]) {
          const { size, sequences } = coverOf(machine, depth, identifiers);
          const texts = [...sequences()].map((sequence) => sequence.join(''));
          expect(sizeOf(sequences())).toEqual(size);
          const sorted = texts.sort();
          // In this order what begins with a text comes right after it.
          expect(sorted.filter((text, at) => sorted[at + 1]?.startsWith(text))).toEqual([]);
        }
      }
    }
  });
});

function passes(implementation: Mealy, machine: Mealy, sequences: readonly (readonly number[])[]) {
  return sequences.every((sequence) => {
    const due = outputsOf(machine, 0, sequence);
    return outputsOf(implementation, 0, sequence).every((output, at) => output === due[at]);
  });
}

describe('HSI', () => {
  const shapes = [
    { states: 2, k: 1 },
    { states: 3, k: 0 },
  ];
  it.each(shapes)(
    'of a machine of $states states fails every wrong implementation of 3 states, with k = $k',
    ({ states, k }) => {
      const specified = { count: 12, states, inputs: 2, outputs: 2, seed: 4 };
      const all = [...randomMachines(specified)].filter(
        (machine) => minimise(machine).machine.states === states,
      );
      expect(all.length).toBeGreaterThan(5);
      for (const machine of all) {
        const sequences = [...hsi(machine, k).sequences()];
        const lesser = k > 0 ? [...hsi(machine, k - 1).sequences()] : [];
        let [right, missed, implementations] = [0, 0, 0];
        for (const implementation of allMachines({ states: 3, inputs: 2, outputs: 2 })) {
          implementations++;
          const same = difference(machine, implementation) === undefined;
          if (same !== passes(implementation, machine, sequences)) expect.fail('it was missed');
          if (same) right++;
          if (!same && k > 0 && passes(implementation, machine, lesser)) missed++;
        }
        expect(implementations).toBe((3 * 2) ** (3 * 2));
        expect(right).toBeGreaterThan(0);
        // The one state more is what the suite is larger for.
        if (k > 0) expect(missed).toBeGreaterThan(0);
      }
    },
    MINUTES,
  );

  it('with k = 1 kills all mutants of random machines that differ', () => {
    const found = { output: 0, transfer: 0, extraState: 0 };
    for (const machine of randomMachines({
      count: 80,
      states: 5,
      inputs: 3,
      outputs: 3,
      seed: 5,
    })) {
      const runner = new Runner(machine, hsi(machine, 1).sequences());
      const mutants = new Mutants(machine);
      for (const fault of FAULTS) {
        for (let number = 0; number < mutants.count(fault); number++) {
          const mutant = mutants.make(fault, number);
          const different = difference(machine, mutant.machine) !== undefined;
          // The exploration that is begun behind the fault finds what the whole one does.
          expect(mutants.isDifferent(mutant)).toBe(different);
          if (!different) continue;
          found[fault]++;
          if (!runner.kills(mutant)) expect.fail(`${fault} ${number} lives`);
        }
      }
    }
    expect(found).toMatchInlineSnapshot(`
      {
        "extraState": 27883,
        "output": 3600,
        "transfer": 4793,
      }
    `);
  });
});

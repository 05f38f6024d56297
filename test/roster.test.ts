/** A roster is a set without an order: it is held against one, whoever comes and goes, and when. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Member } from '../src/roster.js';
import { Roster } from '../src/roster.js';

const MEMBERS = 8;
const one = fc.nat({ max: MEMBERS - 1 });
const steps = fc.array(fc.record({ add: fc.boolean(), one }), { maxLength: 60 });
const members = () => Array.from({ length: MEMBERS }, (): Member => ({ rosterPlace: -1 }));

it('has who was added and not deleted, each once', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const people = members();
      const roster = new Roster<Member>();
      const set = new Set<Member>();
      for (const step of all) {
        const person = people[step.one] as Member;
        if (step.add) {
          roster.add(person);
          set.add(person);
        } else {
          roster.delete(person);
          set.delete(person);
        }
        expect(roster.size).toBe(set.size);
        expect([...roster]).toHaveLength(set.size);
        expect(new Set(roster)).toEqual(set);
      }
    }),
  );
});

it('tells of each who stays while others go, and of nobody who has gone', () => {
  fc.assert(
    fc.property(fc.array(fc.array(one), { minLength: MEMBERS, maxLength: MEMBERS }), (going) => {
      const people = members();
      const roster = new Roster<Member>();
      for (const person of people) roster.add(person);
      const told = new Set<Member>();
      const gone = new Set<Member>();
      let turn = 0;
      for (const person of roster) {
        expect(gone.has(person)).toBe(false);
        told.add(person);
        for (const at of going[turn++ % MEMBERS] as number[]) {
          gone.add(people[at] as Member);
          roster.delete(people[at] as Member);
        }
      }
      for (const person of people) expect(told.has(person) || gone.has(person)).toBe(true);
    }),
  );
});

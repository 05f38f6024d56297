/** The standing of an upstream, and of several beside each other; and the audit of a count. */
import { describe, expect, it } from 'vitest';
import { audit, auditWords } from '../machines/audit.js';
import type { Streak, UpstreamCommand, UpstreamEvent } from '../machines/upstream.js';
import { upstream, upstreamWords } from '../machines/upstream.js';
import { textOf } from '../machines/words.js';
import { compile } from '../src/compile.js';
import type { Rows } from '../src/table.js';
import { Table } from '../src/table.js';

type Standing = Table<UpstreamEvent, UpstreamCommand>;
const { events, commands } = upstreamWords;
const rows = compile(upstream, upstreamWords);
const tableOf = (made: Rows): Standing => new Table(made, upstreamWords);

/** What can be seen of one upstream from outside: to whom it is offered, and what is under way. */
interface Seen {
  readonly offered: 'all' | 'probe' | 'none';
  readonly away: 'ejection' | 'probe' | undefined;
}

const offers = { offer: 'all', offerProbe: 'probe', withdraw: 'none' } as const;
const ends = ['ejection.expired', 'probe.succeeded', 'probe.failed', 'probe.abandoned'];

function look({ offered, away }: Seen, event: string, said: readonly string[]): Seen {
  const offer = said.map((word) => offers[word as keyof typeof offers]).find(Boolean);
  let now = ends.includes(event) && event.startsWith(`${away}.`) ? undefined : away;
  if (said.includes('startEjection')) now = 'ejection';
  if (said.includes('markProbe')) now = 'probe';
  return { offered: offer ?? offered, away: now };
}

/** What is due when an event comes, as sentences; all else orders nothing. */
const CLAIMS: readonly (readonly [
  sentence: string,
  due: (seen: Seen, event: string) => boolean,
  ...said: string[],
])[] = [
  [
    'whoever fails as often in a row as the rule allows is left alone for a time',
    ({ offered }, event) => offered === 'all' && event === 'exchange.failed(long)',
    'withdraw',
    'startEjection',
    'countEjection',
  ],
  [
    'the last one is spared',
    ({ offered }, event) => offered === 'all' && event === 'exchange.failed(last)',
    'countSpared',
  ],
  [
    'whose time has passed, or whose probe told nothing, is offered to one exchange',
    ({ away }, event) =>
      (away === 'ejection' && event === 'ejection.expired') ||
      (away === 'probe' && event === 'probe.abandoned'),
    'offerProbe',
  ],
  [
    'that exchange is its probe, and the only one',
    ({ offered }, event) => offered === 'probe' && event === 'exchange.sent',
    'withdraw',
    'markProbe',
  ],
  [
    'whose probe succeeds is taken back',
    ({ away }, event) => away === 'probe' && event === 'probe.succeeded',
    'offer',
    'countReadmission',
  ],
  [
    'whose probe fails is left alone again',
    ({ away }, event) => away === 'probe' && event === 'probe.failed',
    'startEjection',
    'countEjection',
  ],
];
const NEVER_THE_LAST = 'somebody is offered to all, always';
const NOTHING = 'nothing else is ordered';

interface Fleet {
  readonly states: readonly number[];
  readonly seen: readonly Seen[];
}

/** Every fleet of `size` that can come about, up to the first claim that a step breaks. */
function explore(table: Standing, size: number): { fleets: number; broken?: string } {
  const first: Seen = { offered: 'all', away: undefined };
  const start: Fleet = { states: Array(size).fill(0), seen: Array(size).fill(first) };
  const fleets = new Map([[JSON.stringify(start), start]]);
  for (const fleet of fleets.values()) {
    for (const at of fleet.states.keys()) {
      const seen = fleet.seen[at] as Seen;
      for (const event of possible(fleet, at)) {
        const code = events.indexOf(event);
        const { state, commands: ordered } = table.step(fleet.states[at] as number, code);
        const said = ordered.map(({ type }) => type);
        const [claim = NOTHING, , ...due] =
          CLAIMS.find(([, isDue]) => isDue(seen, textOf(event))) ?? [];
        if (said.join() !== due.join()) return { fleets: fleets.size, broken: claim };
        const after: Fleet = {
          states: fleet.states.with(at, state),
          seen: fleet.seen.with(at, look(seen, textOf(event), said)),
        };
        if (!after.seen.some(({ offered }) => offered === 'all')) {
          return { fleets: fleets.size, broken: NEVER_THE_LAST };
        }
        const key = JSON.stringify(after);
        if (!fleets.has(key)) fleets.set(key, after);
      }
    }
  }
  return { fleets: fleets.size };
}

/** What the one who sends exchanges may say: that the last is the last is his to know. */
function possible({ seen }: Fleet, at: number): UpstreamEvent[] {
  const others = seen.some(({ offered }, other) => other !== at && offered === 'all');
  const never: Streak = others ? 'last' : 'long';
  // Of one that is not offered to all it does not matter what is said.
  const matters = seen[at]?.offered === 'all';
  return events.filter(
    (event) => event.type !== 'exchange.failed' || !matters || event.streak !== never,
  );
}

/** Whether an upstream that is not offered to all can always come back, and only by a probe. */
function comesBack(table: Standing): boolean {
  const good = ['ejection.expired', 'exchange.sent', 'probe.succeeded'];
  return table.states.every((_, from) => {
    let state = from;
    for (const text of [...good, ...good]) {
      state = table.step(
        state,
        events.findIndex((event) => textOf(event) === text),
      ).state;
    }
    return table.states[state] === 'admitted';
  });
}

describe('the standing of an upstream', () => {
  it.each([
    [1, 1],
    [2, 7],
    [3, 37],
  ])('keeps every claim in a fleet of %i, whatever happens', (size, fleets) => {
    expect(explore(tableOf(rows), size)).toEqual({ fleets });
  });

  it('comes back from wherever it is, if its probe succeeds', () => {
    expect(comesBack(tableOf(rows))).toBe(true);
  });

  it('breaks a claim as soon as one answer is another', () => {
    const broken = new Set<string | undefined>();
    for (const [state, name] of rows.states.entries()) {
      for (const [code, event] of events.entries()) {
        for (const mutant of mutantsOf(state, code)) {
          const found = explore(tableOf(mutant), 2).broken;
          expect(found, `${name}, ${textOf(event)}: ${mutant.steps.at(-1)}`).toBeDefined();
          broken.add(found);
        }
      }
    }
    expect(broken).toEqual(new Set([...CLAIMS.map(([sentence]) => sentence), NOTHING]));
  });

  it('never leaves nobody: a rule that does not know the last is convicted', () => {
    const careless = rows.cells.map((row) => row.with(LAST, row[LONG] as number));
    const steps = rows.steps;
    const table = tableOf({ ...rows, steps, cells: careless });
    const fleet = explore(table, 2);
    expect(fleet.broken).toBe('the last one is spared');
  });
});

const codeOf = (text: string) => events.findIndex((event) => textOf(event) === text);
const LONG = codeOf('exchange.failed(long)');
const LAST = codeOf('exchange.failed(last)');

/** The same rows with one answer changed: another state, one command dropped, one more. */
const cellOf = (state: number, code: number) => (rows.cells[state] as number[])[code] as number;

function* mutantsOf(state: number, code: number): Generator<Rows> {
  const [to, answer, reason, ...codes] = rows.steps[cellOf(state, code)] as [
    number,
    'taken',
    string,
    ...number[],
  ];
  const others = [...rows.states.keys()].filter((other) => other !== to);
  const extras = [...commands.keys()].filter((extra) => !codes.includes(extra));
  const changed: Rows['steps'][number][] = [
    ...others.map((other) => [other, answer, reason, ...codes] as const),
    ...codes.map((_, place) => [to, answer, reason, ...codes.toSpliced(place, 1)] as const),
    ...extras.map((extra) => [to, answer, reason, ...codes, extra] as const),
  ];
  for (const step of changed) {
    const cells = rows.cells.with(
      state,
      (rows.cells[state] as number[]).with(code, rows.steps.length),
    );
    yield { ...rows, steps: [...rows.steps, step], cells };
  }
}

describe('the audit of a count', () => {
  const table = new Table(compile(audit, auditWords), auditWords);
  const answers = (...differs: boolean[]) => {
    let state = 0;
    return differs.map((differ) => {
      const step = table.step(state, differ ? 1 : 0);
      state = step.state;
      return step.commands.map(({ type }) => type).join();
    });
  };

  it('sets right what differs twice in a row, and nothing that differs for a moment', () => {
    expect(answers(false, true, false, true)).toEqual(['', '', '', '']);
    expect(answers(true, true, true, true)).toEqual([
      '',
      'setRight,countDrift',
      '',
      'setRight,countDrift',
    ]);
  });
});

/** The checker, in states per second: `explore` of the table, and `xstate/graph` on the machine. */
import { getAdjacencyMap } from 'xstate/graph';
import { anyone } from '../../machines/environments.js';
import { EVENTS } from '../../machines/events.js';
import { exchange } from '../../machines/exchange.js';
import { explore } from '../../src/check/explore.js';
import { table } from '../../src/step.js';
import { median } from './numbers.js';

interface Side {
  readonly name: string;
  /** Finds every state, and gives how many there are. */
  run(): number;
}

const SIDES: readonly Side[] = [
  { name: 'interlock', run: () => explore(table, anyone).states },
  {
    name: 'xstate/graph',
    run: () => Object.keys(getAdjacencyMap(exchange, { events: [...EVENTS] })).length,
  },
];

export interface CheckerResult {
  readonly name: string;
  readonly states: number;
  readonly statesPerSecond: number;
}

/** Rounds of both sides in turn, each as often as fills some time; medians. */
export function benchChecker(rounds = 5): CheckerResult[] {
  const states = SIDES.map((side) => side.run());
  // Both that are compared find the same states, or the comparison means nothing.
  if (states[0] !== states[1]) throw new Error(`${states.join(' and ')} states were found`);
  const sizes = SIDES.map(calibrate);
  const times = SIDES.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [place, side] of SIDES.entries()) {
      times[place]?.push(time(side, sizes[place] as number));
    }
  }
  return SIDES.map(({ name }, place) => {
    const [found, ms] = [states[place] as number, median(times[place] as number[])];
    return { name, states: found, statesPerSecond: (found * 1000) / ms };
  });
}

/** How often a side runs in a round, so that one round takes some 200 ms or one run. */
function calibrate(side: Side): number {
  for (let size = 1; ; size *= 2) if (time(side, size) * size > 200) return size;
}

function time(side: Side, size: number): number {
  const from = performance.now();
  for (let run = 0; run < size; run++) side.run();
  return (performance.now() - from) / size;
}

if (process.argv[1]?.endsWith('checker.ts')) {
  const [ours, theirs] = benchChecker() as [CheckerResult, CheckerResult];
  for (const { name, states, statesPerSecond } of [ours, theirs]) {
    console.log(`${name}: ${states} states, ${statesPerSecond.toFixed(0)} states/s`);
  }
  console.log(`ratio: ${(ours.statesPerSecond / theirs.statesPerSecond).toFixed(0)}`);
}

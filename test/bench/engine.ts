/** The engine, per event with its commands: the table, a hand-written switch, and an XState actor. */
import { createActor } from 'xstate';
import type { Event } from '../../machines/events.js';
import { events } from '../../machines/events.js';
import { exchange as machine } from '../../machines/exchange.js';
import { Exchange } from '../../src/exchange.js';
import { Handwritten } from './handwritten.js';
import { median } from './numbers.js';

/** A streamed exchange of 100 chunks, as the HTTP gateway delivers it. */
export const STREAMED: readonly Event[] = [
  events.requestHeaders,
  events.requestBody,
  events.requestEnd,
  events.requestRouted,
  events.upstreamConnected,
  events.responseHeaders('success'),
  ...Array.from({ length: 100 }, () => [events.responseBody, events.responseProgress]).flat(),
  events.responseTerminal('succeeded'),
  events.responseBody,
  events.responseEnd,
  events.usageRecorded,
];

interface Side {
  readonly name: string;
  /** Runs `rounds` exchanges, and gives how many commands were ordered. */
  run(rounds: number): number;
}

const SIDES: readonly Side[] = [
  {
    name: 'interlock',
    run(rounds) {
      let commands = 0;
      for (let round = 0; round < rounds; round++) {
        const exchange = new Exchange({ id: 'bench' });
        for (const event of STREAMED) commands += exchange.receive(event).length;
      }
      return commands;
    },
  },
  {
    name: 'hand-written switch',
    run(rounds) {
      let commands = 0;
      for (let round = 0; round < rounds; round++) {
        const exchange = new Handwritten();
        for (const event of STREAMED) commands += exchange.receive(event).length;
      }
      return commands;
    },
  },
  {
    name: 'XState actor',
    run(rounds) {
      for (let round = 0; round < rounds; round++) {
        const actor = createActor(machine).start();
        for (const event of STREAMED) actor.send(event);
        actor.stop();
      }
      return 0;
    },
  },
];

export interface EngineResult {
  readonly name: string;
  readonly nsPerEvent: number;
}

/** Rounds of all sides in turn, so that a drift of the machine hits each alike; medians. */
export function benchEngine(rounds = 15): EngineResult[] {
  const sizes = SIDES.map(calibrate);
  const times = SIDES.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [place, side] of SIDES.entries()) {
      times[place]?.push(time(side, sizes[place] as number));
    }
  }
  return SIDES.map(({ name }, place) => ({ name, nsPerEvent: median(times[place] as number[]) }));
}

/** Both that are compared order the same number of commands, or the comparison means nothing. */
export function sameWork(): boolean {
  return SIDES[0]?.run(1) === SIDES[1]?.run(1);
}

function calibrate(side: Side): number {
  for (let size = 1; ; size *= 2) {
    const from = performance.now();
    side.run(size);
    if (performance.now() - from > 50) return size;
  }
}

function time(side: Side, size: number): number {
  const from = performance.now();
  side.run(size);
  return ((performance.now() - from) * 1e6) / (size * STREAMED.length);
}

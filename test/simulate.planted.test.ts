/** Defects that are planted, each of which a simulation must find, stop at, and show again. */
import { describe, expect, it } from 'vitest';
import type { Command, Event } from '../machines/events.js';
import { codeOf, EVENTS } from '../machines/events.js';
import type { Mutant } from '../src/check/mutants.js';
import { mutantsAt, tableOf, wordsOf } from '../src/check/mutants.js';
import type { MakeHandler } from '../src/check/simulate/envoy.js';
import { legacy, machine } from '../src/check/simulate/envoy.js';
import { ScriptedLedger } from '../src/check/simulate/ledger.js';
import type { MakeExchange } from '../src/check/simulate/relay.js';
import { replayOf, textOf } from '../src/check/simulate/report.js';
import type { SimulateOptions } from '../src/check/simulate/simulate.js';
import { simulate } from '../src/check/simulate/simulate.js';
import type { ExchangeOptions } from '../src/exchange.js';
import { Exchange } from '../src/exchange.js';
import { table } from '../src/step.js';
import type { Table } from '../src/table.js';
import { TRACE_VERSION, wordOf } from '../src/trace.js';
import { draw, random } from '../src/upstream/random.js';

const SEED = 1;
const EXCHANGES = 3_000;
const WIDTH = EVENTS.length;

/** An exchange whose commands are not all carried out as they were ordered. */
function ordering(change: (commands: readonly Command[], event: Event) => readonly Command[]) {
  return (options: ExchangeOptions) =>
    new (class extends Exchange {
      override receive(event: Event): readonly Command[] {
        return change(super.receive(event), event);
      }
    })(options);
}

/** An exchange that runs another table. */
function running(other: Table): MakeExchange {
  return (options) => {
    let state = 0;
    let seq = 0;
    const receive = (event: Event) => {
      const step = other.step(state, codeOf(event));
      state = step.state;
      options.trace?.({
        v: TRACE_VERSION,
        exchange: options.id,
        seq: seq++,
        at: performance.now(),
        event: wordOf(event),
        state: other.states[state] as string,
        commands: step.commands.map(wordOf),
      });
      return step.commands;
    };
    return { receive } as unknown as Exchange;
  };
}

type Stage = Parameters<MakeHandler>[0];

/** The right handler on another stage, or with something about it done in another way. */
function handling(change: (right: ReturnType<MakeHandler>, stage: Stage) => object): MakeHandler {
  return (stage) => {
    const right = machine(stage);
    return { ...right, ...change(right, stage) };
  };
}

const record = (found: readonly Command[]) =>
  found.filter(({ type }) => type === 'recordUsage').flatMap((command) => [command, command]);

const EXCHANGE_DEFECTS: [string, string, MakeExchange][] = [
  [
    'the buffer is never released',
    'isReleased',
    ordering((commands) => commands.filter(({ type }) => type !== 'releaseBuffer')),
  ],
  [
    'deadlines run on when all is over',
    'noTimerIsLeft',
    ordering((commands) => commands.filter(({ type }) => type !== 'stopDeadlines')),
  ],
  [
    'the record is written twice',
    'oneRecord',
    ordering((commands) => [
      ...commands.filter(({ type }) => type !== 'recordUsage'),
      ...record(commands),
    ]),
  ],
  [
    'the record is not written where a client has gone',
    'oneRecord',
    ordering((commands, { type }) =>
      type === 'downstream.closed'
        ? commands.filter((one) => one.type !== 'recordUsage')
        : commands,
    ),
  ],
  [
    'a response that broke off is ended as if it were whole',
    'cleanEndsAreTold',
    ordering((commands) =>
      commands.map((one) => (one.type === 'resetDownstream' ? { type: 'endResponse' } : one)),
    ),
  ],
  [
    'the headers of a response are not forwarded',
    'headersFirst',
    ordering((commands) => commands.filter(({ type }) => type !== 'forwardResponseHeaders')),
  ],
  [
    'pieces of a body are kept back',
    'cleanEndsAreWhole',
    ordering((commands) => commands.filter(({ type }) => type !== 'forwardResponseBody')),
  ],
];

const HANDLER_DEFECTS: [string, string | RegExp, MakeHandler][] = [
  ['the handler of the bug', /^(?!isTheMachine)/, legacy],
  [
    'a late empty end has no answer',
    'oneAnswerEach',
    handling((right) => {
      let ended = false;
      return {
        receive: (message: Parameters<typeof right.receive>[0]) => {
          const end = message.responseBody?.endOfStream === true;
          if (!end || !ended) right.receive(message);
          ended ||= end;
        },
      };
    }),
  ],
  [
    'a message has two answers',
    /^(oneAnswerEach|headersOnce)$/,
    handling((right, { line }) => ({
      receive: (message: Parameters<typeof right.receive>[0]) => {
        right.receive(message);
        if (message.requestHeaders && !line.left) line.write({ requestHeaders: {} });
      },
    })),
  ],
  [
    'it answers when it has left',
    'isSilentAfterLeaving',
    handling((right, { line }) => ({
      receive: (message: Parameters<typeof right.receive>[0]) => {
        right.receive(message);
        if (line.writableEnded) line.write({ responseBody: {} });
      },
    })),
  ],
  [
    'the close of the stream is not heard',
    'endsWithItsStream',
    handling(() => ({ closed: () => {} })),
  ],
  [
    'an upstream keeps its load',
    'noLoadIsLeft',
    handling((right) => ({ inFlight: () => right.inFlight() + 1 })),
  ],
  [
    'the exchange is never let go of',
    'endsWithItsStream',
    (stage) => machine({ ...stage, forget: () => {} }),
  ],
  [
    'the ledger is told twice',
    'oneRecord',
    (stage) => {
      const ledger = new ScriptedLedger(stage.time, 'prompt', () => {});
      const write = (written: Parameters<typeof ledger.write>[0]) => {
        stage.ledger.write(written);
        return stage.ledger.write(written);
      };
      return machine({ ...stage, ledger: Object.assign(ledger, { write }) });
    },
  ],
];

async function convicted(options: Partial<SimulateOptions>, name: string | RegExp) {
  const simulation = await simulate({ seed: SEED, exchanges: EXCHANGES, ...options });
  const { failure } = simulation;
  expect(failure?.wrong?.name).toMatch(typeof name === 'string' ? new RegExp(`^${name}$`) : name);
  // It stops there, and says how to see it again.
  const number = failure?.plan.number as number;
  expect(simulation.exchanges).toBe(number + 1);
  expect(textOf(simulation)).toContain(`Again: ${replayOf({ number }, simulation)}\n`);
  const again = await simulate({ seed: SEED, exchanges: EXCHANGES, ...options, only: number });
  expect(again.alone?.wrong).toEqual(failure?.wrong);
  expect(again.alone?.trace).toEqual(failure?.trace);
  return simulation;
}

describe('a planted defect of an HTTP exchange is found and shown again', () => {
  it.each(EXCHANGE_DEFECTS)('%s: %s', async (_, name, makeExchange) => {
    const simulation = await convicted({ makeExchange, worlds: ['http'] }, name);
    expect(textOf(simulation)).toContain('--world http');
  });
});

describe('a planted defect of an ext_proc handler is found and shown again', () => {
  it.each(HANDLER_DEFECTS)('%s: %s', async (_, name, makeHandler) => {
    await convicted({ makeHandler, worlds: ['ext-proc'] }, name);
  });
});

describe('a mutant of the machine', () => {
  it('that does another thing where scripts lead breaks a claim, more often than not', async () => {
    const { judge } = await simulate({ seed: SEED, exchanges: 500, worlds: ['http'] });
    const chance = random(SEED);
    // Cells that many exchanges come through, or it would take more exchanges than a test has time.
    const cells = [...judge.transitions.keys()].filter((at) => (judge.transitions[at] ?? 0) > 10);
    const mutants = Array.from({ length: 30 }, () => {
      const cell = cells[draw(chance, cells.length)] as number;
      const among = [...mutantsAt(table, Math.floor(cell / WIDTH), cell % WIDTH)];
      return among[draw(chance, among.length)] as Mutant;
    });
    const only: unknown[] = [];
    for (const mutant of mutants) {
      const makeExchange = running(tableOf(table, mutant));
      const options = { seed: SEED, exchanges: 500, worlds: ['http'], makeExchange } as const;
      const { failure } = await simulate(options);
      // That it is not the machine is found of all; which claim it breaks is the point.
      expect(failure, JSON.stringify(wordsOf(table, mutant))).not.toBe(undefined);
      if (failure?.wrong?.name === 'isTheMachine') only.push(wordsOf(table, mutant));
    }
    expect(only.length).toBeLessThan(mutants.length / 2);
  });
});

/**
 * Orderings, on the ext_proc server that runs: every sequence of Envoy's messages up to a length,
 * legal or not, over real gRPC. What the answers must be is said here without the machine; that
 * each trace is a run of the machine, with one record, is claimed when a world closes.
 */
import { status as Code } from '@grpc/grpc-js';
import { createTestModel } from '@xstate/test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../machines/events.js';
import { EVENTS, textOf } from '../machines/events.js';
import { exchange } from '../machines/exchange.js';
import type {
  BodyMode,
  HttpBody,
  ProcessingRequest,
  ProcessingResponse,
} from '../src/adapters/ext-proc/wire.js';
import { answerKind, inModes, RB, RH, RT, SB, SH, ST } from './envoy/messages.js';
import type { Leaving, Told } from './envoy/world.js';
import { EnvoyWorld } from './envoy/world.js';

const MINUTES = 60_000;

/** Envoy's words. `!` carries the end. */
const WORDS = {
  RH: RH(),
  'RH!': RH({}, true),
  RB: RB('request'),
  'RB!': RB('last of the request', true),
  'R!': RB('', true),
  RT: RT(),
  SH: SH(),
  SH404: SH(404),
  'SH!': SH(204, 'text/plain', {}, true),
  SB: SB('response'),
  'SB-': SB(''),
  'SB!': SB('last of the response', true),
  'S!': SB('', true),
  ST: ST(),
} satisfies Record<string, ProcessingRequest>;
type Word = keyof typeof WORDS;
const ALL = Object.keys(WORDS) as Word[];

type Half = 'R' | 'S';
const halfOf = (word: Word): Half => (word.startsWith('R') ? 'R' : 'S');
const isHeaders = (word: Word) => word[1] === 'H';
const ends = (word: Word) => word.endsWith('!') || word === 'RT' || word === 'ST';
const KIND_OF: Record<string, string> = { H: 'Headers', B: 'Body', '!': 'Body', T: 'Trailers' };
const kindOf = (word: Word) =>
  `${halfOf(word) === 'R' ? 'request' : 'response'}${KIND_OF[word[1] as string]}`;

/** Where a body or an end comes before its half's headers, while there still is an exchange. */
function faultIn(words: readonly Word[]): number {
  const begun = new Set<Half>();
  let over = false;
  for (const [place, word] of words.entries()) {
    const half = halfOf(word);
    if (isHeaders(word)) begun.add(half);
    else if (!over && !begun.has(half)) return place;
    // The exchange is over when its response is, and after that nothing can be at fault.
    if (half === 'S' && ends(word)) over = true;
  }
  return -1;
}

/** Outside of streamed modes: one answer of its kind to each message, up to the fault. */
function expectOneToOne(words: readonly Word[], { answers, end }: Told): void {
  const fault = faultIn(words);
  const answered = fault < 0 ? words : words.slice(0, fault);
  expect(answers.map(answerKind)).toEqual(answered.map(kindOf));
  expect(end.code).toBe(fault < 0 ? Code.OK : Code.INVALID_ARGUMENT);
}

const streamedOf = (answer: ProcessingResponse, half: Half): HttpBody | undefined => {
  const body = half === 'R' ? answer.requestBody : answer.responseBody;
  return body?.response?.bodyMutation?.streamedResponse;
};

/** In streamed modes: headers, bodies, trailers; every byte before the end once; one end as it came. */
function expectStreamed(words: readonly Word[], { answers, end }: Told): void {
  const fault = faultIn(words);
  expect(end.code).toBe(fault < 0 ? Code.OK : Code.INVALID_ARGUMENT);
  const heard = fault < 0 ? words : words.slice(0, fault);
  for (const half of ['R', 'S'] as const) {
    const passed = passedOn(heard, half);
    const kinds = answers
      .map(answerKind)
      .filter((kind) => kind.startsWith(half === 'R' ? 'request' : 'response'));
    expect(kinds).toEqual(passed.map(kindOf));
    const bodies = answers
      .map((answer) => streamedOf(answer, half))
      .filter((body) => body !== undefined);
    const sent = passed
      .filter((word) => kindOf(word).endsWith('Body'))
      .map((word) => WORDS[word] as ProcessingRequest);
    expect(bodies.map((body) => `${body.body ?? ''}${body.endOfStream ? '!' : ''}`)).toEqual(
      sent.map(({ requestBody, responseBody }) => {
        const body = (requestBody ?? responseBody) as HttpBody;
        return `${body.body}${body.endOfStream ? '!' : ''}`;
      }),
    );
  }
}

/** What of a half is passed on: its grammar once, up to its end, and nothing after the response's. */
function passedOn(words: readonly Word[], half: Half): Word[] {
  const passed: Word[] = [];
  let [begun, ended, over] = [false, false, false];
  for (const word of words) {
    if (halfOf(word) === half && !ended && !over) {
      // Headers that come again are not passed on, but if they say the end, that is one.
      if (word !== 'SB-' && !(begun && isHeaders(word))) passed.push(word);
      begun = true;
      ended = ends(word);
    }
    if (halfOf(word) === 'S' && ends(word) && (half === 'R' || ended)) over = true;
  }
  return passed;
}

type Expectation = (words: readonly Word[], told: Told) => void;

/** Says many sequences, some hundred at a time. */
async function sayAll(
  modes: readonly [BodyMode, BodyMode] | undefined,
  sequences: Iterable<readonly Word[]>,
  check: Expectation,
  leaving: Leaving = 'halfClose',
): Promise<number> {
  const world = await EnvoyWorld.start();
  const left = sequences[Symbol.iterator]();
  let count = 0;
  const speaker = async () => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      const words = next.value;
      const messages = words.map((word) => WORDS[word]);
      const told = await world.say(modes ? inModes(...modes, messages) : messages, leaving);
      count++;
      try {
        check(words, told);
      } catch (error) {
        throw new Error(`${words.join(' ')}: ${told.end.details}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: 128 }, speaker));
  await world.close();
  return count;
}

/** After a fault nothing is heard any more, so what goes on from there is not said. */
function* sequencesOf(length: number, prefix: readonly Word[] = []): Generator<readonly Word[]> {
  if (prefix.length === length || faultIn(prefix) >= 0) yield prefix;
  else for (const word of ALL) yield* sequencesOf(length, [...prefix, word]);
}

describe('every sequence of messages', () => {
  it(
    'of 4 is answered one to one',
    async () => {
      const count = await sayAll(['STREAMED', 'STREAMED'], sequencesOf(4), expectOneToOne);
      expect(count).toMatchInlineSnapshot(`9023`);
    },
    3 * MINUTES,
  );

  it(
    'of 3 is answered one to one where nobody said the modes',
    () => sayAll(undefined, sequencesOf(3), expectOneToOne),
    MINUTES,
  );

  it(
    'of 3 is passed on in order in FULL_DUPLEX_STREAMED',
    () => sayAll(['FULL_DUPLEX_STREAMED', 'FULL_DUPLEX_STREAMED'], sequencesOf(3), expectStreamed),
    MINUTES,
  );

  it('of 2 is not answered in observability mode', async () => {
    const world = await EnvoyWorld.start();
    for (const words of sequencesOf(2)) {
      const messages = words.map((word) => ({ ...WORDS[word], observabilityMode: true }));
      const { answers } = await world.say(messages);
      expect(answers, words.join(' ')).toEqual([]);
    }
    await world.close();
  });
});

/** A failure names the seed and the path; with them in the environment it runs again. */
const replay = {
  ...(process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }),
  ...(process.env.FC_PATH === undefined ? {} : { path: process.env.FC_PATH }),
};
const anyWords = fc.array(fc.constantFrom(...ALL), { minLength: 4, maxLength: 24 });

describe('any longer sequence', () => {
  const modes = [
    ['STREAMED', 'BUFFERED', expectOneToOne],
    ['FULL_DUPLEX_STREAMED', 'FULL_DUPLEX_STREAMED', expectStreamed],
  ] as const;

  it.each(modes)('is answered in %s and %s', async (request, response, check) => {
    const world = await EnvoyWorld.start();
    const property = fc.asyncProperty(anyWords, async (words) => {
      // Most are at fault at once; headers in front let the rest be heard.
      const heard: Word[] = ['RH', 'SH', ...words];
      const messages = heard.map((word) => WORDS[word]);
      check(heard, await world.say(inModes(request, response, messages)));
    });
    await fc.assert(property, { numRuns: 500, ...replay });
    await world.close();
  });
});

/** The machine's events that Envoy brings about, each by a message of its own. */
const MESSAGE_OF: Readonly<Record<string, Word>> = {
  'request.headers': 'RH',
  'request.body': 'RB',
  'request.end': 'R!',
  'request.trailers': 'RT',
  'response.headers(success)': 'SH',
  'response.headers(refusal)': 'SH404',
  'response.body(false)': 'SB',
  'response.body(true)': 'SB-',
  'response.end': 'S!',
  'response.trailers': 'ST',
};

/** `@xstate/test` was made for an XState that asked less of whoever calls `transition`. */
function forTestModel(machine: typeof exchange): typeof exchange {
  type Scope = Parameters<typeof machine.transition>[2];
  const scoped = (scope: Scope): Scope => ({ ...scope, actionExecutor: () => {} });
  return Object.assign(Object.create(machine), {
    transition: (...[snapshot, event, scope]: Parameters<typeof machine.transition>) =>
      machine.transition(snapshot, event, scoped(scope)),
    getInitialSnapshot: (scope: Scope) => machine.getInitialSnapshot(scoped(scope)),
  });
}

describe('the paths of @xstate/test', () => {
  // Those that leave the wire are walked as far as Envoy can bring them about.
  const model = createTestModel(forTestModel(exchange));
  const paths = [...model.getShortestPaths({ events: [...EVENTS] })].map(({ steps }) =>
    steps
      .map(({ event }) => event as Event)
      .filter((event) => EVENTS.includes(event) && event.type !== 'request.routed'),
  );
  const walks = paths.map((events) => {
    const words = events.map((event) => MESSAGE_OF[textOf(event)]);
    const cut = words.indexOf(undefined);
    return (cut < 0 ? words : words.slice(0, cut)) as Word[];
  });
  const unique = [...new Map(walks.map((words) => [words.join(' '), words])).values()].filter(
    (words) => words.length > 0,
  );

  it.each(['halfClose', 'cancel'] as const)(
    'are walked by the server up to a %s',
    async (leaving) => {
      expect(unique.length).toBeGreaterThan(10);
      const whole = unique.filter((words) => leaving === 'halfClose' || faultIn(words) < 0);
      const check: Expectation = (words, { answers }) => {
        if (faultIn(words) < 0) expect(answers.map(answerKind)).toEqual(words.map(kindOf));
      };
      await sayAll(['STREAMED', 'STREAMED'], whole, check, leaving);
    },
  );
});

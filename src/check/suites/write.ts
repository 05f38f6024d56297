/**
 * Suites as text: JSON, which can be read back, a test file for vitest, and plain scenarios. Each
 * is given piece by piece, since a suite may be larger than a string can be.
 */
import { InterlockError, quoted } from '../../errors.js';
import { eventOf } from '../../trace.js';
import type { Method, Suite } from './suite.js';
import { METHODS, SUITE_VERSION } from './suite.js';

export const FORMATS = ['json', 'vitest', 'txt'] as const;
export type Format = (typeof FORMATS)[number];

/** What a test file asks its user for. */
const ADAPTER = './adapter.js';

/** The text of a suite, in pieces. */
export function write(suite: Suite, format: Format): Generator<string> {
  return WRITERS[format](suite);
}

const WRITERS: Record<Format, (suite: Suite) => Generator<string>> = {
  /** One object; each scenario is a line. */
  *json(suite) {
    const { scenarios, ...head } = suite;
    yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "scenarios": [`;
    let separator = '\n';
    for (const scenario of scenarios) {
      yield `${separator}    ${JSON.stringify(scenario)}`;
      separator = ',\n';
    }
    yield '\n  ]\n}\n';
  },

  /** The scenarios stand in the file, one a line, so that it says what it runs. */
  *vitest(suite) {
    const { scenarios, guarantee, abstraction, ...head } = suite;
    yield `// Made by \`interlock suite\`. ${ADAPTER} is yours: it exports \`adapter\`.
//
${commented(guarantee)}
//
${commented(abstraction)}
import { runSuite, type Suite } from 'interlock';
import { expect, it } from 'vitest';
import { adapter } from '${ADAPTER}';

const scenarios = \`
`;
    // No text of an event has a blank, a backtick, a backslash or a dollar sign.
    for (const scenario of scenarios) yield `${scenario.join(' ')}\n`;
    yield `\`;

const suite: Suite = {
  ${JSON.stringify(head).slice(1, -1)},
  guarantee: ${JSON.stringify(guarantee)},
  abstraction: ${JSON.stringify(abstraction)},
  scenarios: scenarios.slice(1, -1).split('\\n').map((line) => line.split(' ').filter(Boolean)),
};

it(${JSON.stringify(`passes ${suite.name}: ${suite.size.scenarios} scenarios`)}, async () => {
  const { failed, text } = await runSuite(suite, adapter);
  expect(failed, text).toBe(0);
}, 600_000);
`;
  },

  /** A scenario is a paragraph of events, one a line; what begins with # is for people. */
  *txt(suite) {
    const { scenarios, size } = suite;
    yield `# ${suite.name}, of the machine "${suite.machine}"\n`;
    yield `# ${size.scenarios} scenarios, ${size.events} events\n`;
    yield `${lines(suite.guarantee, '# ')}\n#\n${lines(suite.abstraction, '# ')}\n`;
    let number = 0;
    for (const scenario of scenarios) {
      yield `\n# scenario ${number++}\n${scenario.map((event) => `${event}\n`).join('')}`;
    }
  },
};

const commented = (sentence: string) => lines(sentence, '// ');

function lines(sentence: string, mark: string): string {
  const found: string[] = [];
  let line = mark.trimEnd();
  for (const word of sentence.split(' ')) {
    if (line.length + word.length >= 98) {
      found.push(line);
      line = mark.trimEnd();
    }
    line += ` ${word}`;
  }
  return [...found, line].join('\n');
}

/** Reads JSON back. Throws `INTERLOCK_BAD_OPTION`, which names the place, for what is no suite. */
export function readSuite(text: string): Suite {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InterlockError('INTERLOCK_BAD_OPTION', `a suite must be JSON: ${String(cause)}`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null) throw bad('the suite', 'an object', value);
  const suite = value as Record<keyof Suite, unknown>;
  if (suite.v !== SUITE_VERSION) throw bad('"v"', `${SUITE_VERSION}`, suite.v);
  for (const field of ['name', 'guarantee', 'abstraction', 'machine'] as const) {
    if (typeof suite[field] !== 'string') throw bad(`"${field}"`, 'a string', suite[field]);
  }
  if (!METHODS.includes(suite.method as Method)) {
    throw bad('"method"', `one of ${METHODS.join(', ')}`, suite.method);
  }
  for (const field of ['parameters', 'size'] as const) {
    if (typeof suite[field] !== 'object' || suite[field] === null) {
      throw bad(`"${field}"`, 'an object', suite[field]);
    }
  }
  if (!Array.isArray(suite.scenarios)) throw bad('"scenarios"', 'a list', suite.scenarios);
  for (const [place, scenario] of suite.scenarios.entries()) {
    const wrong = Array.isArray(scenario)
      ? scenario.find((event) => typeof event !== 'string' || eventOf(event) === undefined)
      : scenario;
    if (wrong !== undefined || !Array.isArray(scenario)) {
      throw bad(`"scenarios"[${place}]`, 'a list of texts of events', wrong);
    }
  }
  return suite as Suite;
}

function bad(field: string, accepted: string, found: unknown): InterlockError {
  const message = `${field} must be ${accepted}; found ${quoted(found)}`;
  return new InterlockError('INTERLOCK_BAD_OPTION', message);
}

/** Faulty ext_proc servers are convicted, each by its shortest trace; right ones are acquitted. */
import { describe, expect, it } from 'vitest';
import type { Defect } from './faulty/catalogue.js';
import { catalogue } from './faulty/catalogue.js';
import { Handler } from './faulty/handler.js';
import type { Conviction, Judged, JudgeOptions } from './faulty/judge.js';
import { judge } from './faulty/judge.js';
import { REQUIREMENTS } from './faulty/oracle.js';
import { serveOurs } from './faulty/ours.js';
import { namesOf, scenarios } from './faulty/scenarios.js';
import { serve } from './faulty/server.js';

/** Enough to keep the connection busy. Our own server is judged one by one. */
const together = 48;

async function verdictOn(
  serving: Promise<Judged>,
  options?: JudgeOptions,
): Promise<Conviction | undefined> {
  const server = await serving;
  try {
    return await judge(server, options);
  } finally {
    await server.close();
  }
}

describe('what is right is acquitted', () => {
  it('in plain imperative style', async () => {
    expect(await verdictOn(serve(Handler))).toBeUndefined();
  });

  it('as a machine: ours', async () => {
    const warnings: string[] = [];
    expect(await verdictOn(serveOurs(warnings))).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});

describe('one changed thing is convicted by its shortest trace', () => {
  it.each(catalogue)('$id: $sentence', async ({ faulty, breaks, trace }) => {
    const conviction = (await verdictOn(serve(faulty), { together })) ?? expect.fail('acquitted');
    expect(conviction.scenario.join(' · '), conviction.found).toBe(trace);
    expect(conviction.requirement, conviction.found).toBe(breaks);
    // That the shortest come first is not what makes it shortest.
    const { length } = conviction.scenario;
    const among = scenarios.filter((scenario) => scenario.length < length).reverse();
    expect(await verdictOn(serve(faulty), { among, together })).toBeUndefined();
  });

  // field: A1
  it('the second end, also by the story that the field tells', async () => {
    const { faulty } = catalogue.find(({ id }) => id === 'A1') as Defect;
    const story = ['RH', 'SH(200, json)', 'SB(json, end)', 'SB("", end)', 'half-close'];
    const among = scenarios.filter((scenario) => namesOf(scenario).join() === story.join());
    const conviction = await verdictOn(serve(faulty), { among });
    expect(conviction).toMatchObject({ scenario: story, at: 3, requirement: 'started' });
  });

  it('a server that leaves its streams open, too', async () => {
    const faulty = class extends Handler {
      override halfClosed(): void {
        this.closed();
      }
    };
    const conviction = await verdictOn(serve(faulty), { patienceMs: 200 });
    expect(conviction).toMatchObject({ scenario: ['half-close'], requirement: 'silence' });
  });

  it('and no requirement is idle', () => {
    const broken = new Set([...catalogue.map(({ breaks }) => breaks), 'silence']);
    expect([...broken].sort()).toEqual(Object.keys(REQUIREMENTS).sort());
  });
});

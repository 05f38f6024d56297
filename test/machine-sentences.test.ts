/**
 * Which claim keeps which sentence of the field, which invariant of the faults, and which promise of
 * the machine: by name, with an example beside each claim and a machine that breaks it.
 */
import { describe, expect, it } from 'vitest';
import { anyone } from '../machines/environments.js';
import { DEADLINES, events } from '../machines/events.js';
import {
  eventualities,
  nobodyIsCounted,
  nobodyIsRefused,
  occasionOf,
  properties,
} from '../machines/properties.js';
import { explore, judge } from '../src/check/explore.js';
import { judgeEventually } from '../src/check/liveness.js';
import { localsOf } from '../src/check/locals.js';
import { exploreMany } from '../src/check/many.js';
import { buffers, claimsOf, gatewayOf, inFlight, slots } from '../src/check/sharing.js';
import { table } from '../src/step.js';
import type { Table } from '../src/table.js';
import { planted } from './mutants.js';
import { SENTENCES } from './sentences.js';

/** Beside each `always`, the example that shows that what it forbids has an occasion. */
const TWINS: Record<string, string> = {
  recordedOnce: 'lateEndComes',
  everyExchangeIsRecorded: 'nothingIsNotRecorded',
  firstTerminalWins: 'cancelComesTooLate',
  leavingAfterTheLastEventIsNoCancel: 'leavingAfterTheLastEventCompletes',
  errorInsideSuccessIsNoSuccess: 'errorInsideSuccessEndsCleanly',
  closeIsNoOutcome: 'closeEndsWhatIsKnown',
  errorStatusIsNoSuccess: 'errorBodyIsPassedOn',
  nothingFollowsTheLastWord: 'bodyComesAfterTheLastWord',
  noAnswerOnceStarted: 'startedIsReset',
  responseKeepsItsOrder: 'trailersArePassedOn',
  incompleteNeverEndsCleanly: 'brokenUpstreamIsShown',
  lateEndDoesNothing: 'lateEndIsCounted',
  accountingNeverSpeaks: 'accountingDecides',
  chunksAreArbitrary: 'bodyFollowsABody',
  nobodyIsLeftWaiting: 'nobodyIsThereToTell',
  routeComesFirst: 'heldRequestIsForwarded',
  requestKeepsItsOrder: 'requestBodyComesAfterItsEnd',
  lateRequestEndDoesNothing: 'heldRequestEndsTwice',
  upstreamIsLetGo: 'leavingCancelsUpstream',
  nothingFollowsACancel: 'lateConnectionIsLetGo',
  pauseAndResumeAlternate: 'upstreamIsResumed',
  drainIsNotOutlived: 'drainEndsReadingOn',
  bufferIsWrittenWhileOpen: 'bodyComesAfterTheReading',
  emptyBufferIsNotRead: 'emptyBodyIsNotRead',
  wholeBodyIsRead: 'partialBodyIsNotRead',
  bufferIsReleasedLast: 'bufferIsReleased',
  noDeadlineOutlivesTheOutcome: 'outcomeStopsADeadline',
  everyWaitIsBounded: 'deadlineDecides',
  anomaliesChangeNothing: 'anomalyIsCounted',
  onlySettlingFollowsTheOutcome: 'settleIsOverdue',
  ...Object.fromEntries(
    DEADLINES.map((deadline) => [`${deadline}DeadlineGuardsItsWait`, `${deadline}DeadlineDecides`]),
  ),
  responseIsPassedOn: 'bodyFollowsABody',
  responseIsBuffered: 'bodyFollowsTheLastEvent',
  requestReachesTheUpstream: 'wholeRequestIsHeld',
  whatIsOddIsCounted: 'anomalyIsCounted',
  whatIsOverdueIsCounted: 'lingeringUpstreamIsEnded',
  staleDeadlineIsCounted: 'pauseMakesADeadlineMoot',
  lateConnectionIsNotKept: 'lateConnectionIsLetGo',
  piecesRestartTheirDeadline: 'bodyFollowsABody',
  ordersAreForTheirEvents: 'trailersArePassedOn',
  nothingIsOrderedTwice: 'heldRequestIsForwarded',
  nobodyIsRefused: 'violatedIsReached',
  nobodyIsCounted: 'anomalyIsCounted',
};

const gateway = gatewayOf([slots(1), buffers(2), inFlight(9)], events.drainStarted);
const shared = claimsOf(gateway);
const all = [...properties, nobodyIsRefused, nobodyIsCounted];
const always = all.filter(({ mood }) => mood === 'always');
const ours = explore(table, anyone);

/** What is enough for an exchange to come, go, be late and be told of a shutdown. */
const FEW = [
  events.requestHeaders,
  events.requestRouted,
  events.responseHeaders('success'),
  events.responseBody,
  events.responseEnd,
  events.usageRead,
  events.usageRecorded,
];

/** Whether a machine keeps the claim of this name, whatever its mood, and of how many exchanges. */
function keeps(machine: Table, name: string): boolean {
  const property = always.find((one) => one.name === name);
  if (property) return judge(explore(machine, anyone), property).holds;
  const claim = eventualities.find((one) => one.name === name);
  if (claim) return judgeEventually(explore(machine, anyone), claim).holds;
  const claims = shared.filter((one) => one.name === name);
  const locals = localsOf({ table: machine, environment: anyone, gateway, events: FEW });
  const [verdict] = exploreMany(locals, { exchanges: 2, reduced: true, claims }).verdicts;
  return (verdict ?? expect.fail(`no claim is named ${name}`)).holds;
}

describe.each(Object.entries(SENTENCES))('%s', (_, { claims, fault, breaks, says }) => {
  it(`is claimed: ${says}`, () => {
    const known = [...always, ...eventualities, ...shared].map(({ name }) => name);
    expect(claims.filter((name) => !known.includes(name))).toEqual([]);
    expect(claims).toContain(breaks);
  });

  it(`is broken by a machine with one fault, and not by ours: ${breaks}`, () => {
    expect(keeps(table, breaks)).toBe(true);
    expect(keeps(planted(fault), breaks)).toBe(false);
  });
});

describe('every claim', () => {
  it('has a twin that shows its occasion', () => {
    expect(Object.keys(TWINS).sort()).toEqual(always.map(({ name }) => name).sort());
    const twins = all.filter(({ mood, name }) => {
      return mood === 'sometimes' && Object.values(TWINS).includes(name);
    });
    expect(new Set(Object.values(TWINS))).toEqual(new Set(twins.map(({ name }) => name)));
    for (const twin of [...twins, ...eventualities.map(occasionOf)]) {
      expect(judge(ours, twin).holds, twin.name).toBe(true);
    }
  });

  it('keeps a sentence', () => {
    const kept = new Set(Object.values(SENTENCES).flatMap(({ claims }) => claims));
    const others = [...always, ...eventualities, ...shared].filter(({ name }) => !kept.has(name));
    expect(others.map(({ name }) => name)).toEqual([]);
  });
});

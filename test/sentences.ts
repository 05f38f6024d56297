/**
 * Which claim keeps which sentence of the field, which invariant of the faults, and which promise of
 * the machine; for each a fault that breaks it.
 */
import { DEADLINES } from '../machines/events.js';
import type { Planted } from './mutants.js';

export interface Sentence {
  readonly says: string;
  readonly claims: readonly string[];
  /** A fault, and the claim of these that it breaks. */
  readonly fault: Planted;
  readonly breaks: string;
}

const guards = DEADLINES.map((deadline) => `${deadline}DeadlineGuardsItsWait`);

export const SENTENCES: Record<string, Sentence> = {
  'field 1': {
    says: 'The end of a half is a latch.',
    claims: ['lateEndDoesNothing', 'lateRequestEndDoesNothing', 'requestKeepsItsOrder'],
    fault: { at: /^settling\.completed/, on: /^response\.end$/, adds: 'endResponse' },
    breaks: 'lateEndDoesNothing',
  },
  // How many answers a message gets is its codec's to keep, and is tested on the wire.
  'field 2': {
    says: 'What is forwarded comes in the order headers, body, trailers.',
    claims: ['responseKeepsItsOrder', 'requestKeepsItsOrder', 'nothingFollowsTheLastWord'],
    fault: { at: /started/, on: /^response\.headers/, adds: 'forwardResponseHeaders' },
    breaks: 'responseKeepsItsOrder',
  },
  'field 3': {
    says: 'The first terminal wins, and a cancel after completion changes nothing.',
    claims: ['firstTerminalWins', 'recordedOnce', 'leavingAfterTheLastEventIsNoCancel'],
    fault: {
      at: /^settling\.completed/,
      on: /^downstream\.closed/,
      adds: 'recordUsage(cancelled)',
    },
    breaks: 'firstTerminalWins',
  },
  'field 4': {
    says: 'The finaliser runs exactly once, from every state.',
    claims: [
      'everyExchangeIsRecorded',
      'recordedOnce',
      'bufferIsReleasedLast',
      'everyReadingIsRecorded',
      'everyRecordIsReleased',
      'toldIsEnough',
    ],
    fault: { on: /^upstream\.failed$/, drops: /^recordUsage/ },
    breaks: 'everyExchangeIsRecorded',
  },
  'field 5': {
    says: "The transport's close is not an outcome by itself.",
    claims: ['closeIsNoOutcome'],
    fault: {
      at: /awaitingFirstByte/,
      on: /^transport\.closed$/,
      drops: /^recordUsage/,
      adds: 'recordUsage(completed)',
    },
    breaks: 'closeIsNoOutcome',
  },
  'field 6': {
    says: 'Chunk boundaries are arbitrary, and chunks may be empty.',
    claims: ['chunksAreArbitrary', 'responseIsPassedOn', 'piecesRestartTheirDeadline'],
    fault: { at: /started\(body\.aw/, on: /^response\.body\(true\)$/, to: 'settling.completed' },
    breaks: 'chunksAreArbitrary',
  },
  'field 7': {
    says: 'Usage is not the end, and is committed once.',
    claims: ['accountingNeverSpeaks', 'responseIsBuffered', 'wholeBodyIsRead', 'recordedOnce'],
    fault: { at: /body\.awaitingBody/, on: /^response\.terminal/, adds: 'endResponse' },
    breaks: 'accountingNeverSpeaks',
  },
  'field 8': {
    says: 'Observers never damage the data path.',
    claims: ['noAnswerOnceStarted', 'accountingNeverSpeaks'],
    fault: { at: /body\.awaitingBody/, on: /^response\.end$/, adds: 'answer(unknown)' },
    breaks: 'noAnswerOnceStarted',
  },
  // That they do interleave is shown by examples: `responseComesAlone`, `responseComesEarly`.
  'field 9': {
    says: 'The halves interleave, and a response can come alone.',
    claims: ['everyExchangeIsRecorded', 'everyResponseIsProcessed'],
    fault: { at: /request\.awaitingHeaders/, on: /^response\.end$/, drops: /^recordUsage/ },
    breaks: 'everyExchangeIsRecorded',
  },
  'field 10': {
    says: 'A truncated stream never looks complete.',
    claims: ['incompleteNeverEndsCleanly', 'nobodyIsLeftWaiting', 'everyClientIsTold'],
    fault: { at: /started/, on: /^upstream\.failed$/, drops: /^reset/, adds: 'endResponse' },
    breaks: 'incompleteNeverEndsCleanly',
  },
  'field 11': {
    says: 'A downstream close reaches the upstream, unless a bounded drain is asked for.',
    claims: ['leavingStopsTheUpstream', 'upstreamIsLetGo', 'drainIsNotOutlived'],
    fault: { on: /^downstream\.closed\(cancel\)$/, drops: /^cancelUpstream$/ },
    breaks: 'leavingStopsTheUpstream',
  },
  'field 12': {
    says: 'State belongs to the stream: what one exchange does is never the account of another.',
    claims: ['slotsAreKept', 'inFlightAreKept', 'allIsReturned'],
    fault: { at: /^processed/, on: /^response\.end$/, adds: 'releaseBuffer' },
    breaks: 'inFlightAreKept',
  },
  'field 13': {
    says: 'Every waiting state has a deadline and a shutdown edge.',
    claims: [
      'everyWaitIsBounded',
      ...guards,
      'everyShutdownEnds',
      'everyPauseEnds',
      'everyRequestIsRouted',
      'everyCallIsDecided',
      'everyRequestIsAnswered',
      'shutdownReachesAll',
    ],
    fault: { on: /^drain\.started$/, drops: /^startDeadline\(drain\)$/ },
    breaks: 'everyShutdownEnds',
  },
  I1: {
    says: 'A clean end downstream means a complete upstream, and all its bytes.',
    claims: ['incompleteNeverEndsCleanly', 'responseIsPassedOn'],
    fault: { at: /body\.awaitingBody/, on: /^response\.body/, drops: /^forwardResponseBody$/ },
    breaks: 'responseIsPassedOn',
  },
  I2: {
    says: 'Exactly one final record per admitted exchange.',
    claims: ['recordedOnce', 'everyExchangeIsRecorded', 'everyReadingIsRecorded'],
    fault: { at: /^reading/, on: /^deadline\.expired\(settle\)$/, drops: /./, to: 'stay' },
    breaks: 'everyReadingIsRecorded',
  },
  I3: {
    says: 'After the end nothing is held.',
    claims: ['everyRecordIsReleased', 'noDeadlineOutlivesTheOutcome', 'allIsReturned'],
    fault: { at: /^settling/, on: /./, drops: /^releaseBuffer$/ },
    breaks: 'everyRecordIsReleased',
  },
  I4: {
    says: 'An upstream that is open when the client has gone is cancelled in the end.',
    claims: ['leavingStopsTheUpstream', 'upstreamIsLetGo', 'lateConnectionIsNotKept'],
    fault: { on: /^downstream\.closed\(drain\)$/, drops: /^startDeadline\(detach\)$/ },
    breaks: 'leavingStopsTheUpstream',
  },
  I5: {
    says: 'What is buffered is never above its cap.',
    claims: ['buffersAreKept', 'bufferIsWrittenWhileOpen'],
    fault: { at: /^processed/, on: /^response\.body\(false\)$/, adds: 'bufferResponseBody' },
    breaks: 'buffersAreKept',
  },
  // That no order of events leads out of what is defined, the compiler keeps.
  I6: {
    says: 'What is late, duplicate or out of order is a counted no-op.',
    claims: ['whatIsOddIsCounted', 'anomaliesChangeNothing', 'staleDeadlineIsCounted'],
    fault: { at: /^processed/, on: /^response\.end$/, drops: /^countAnomaly/ },
    breaks: 'whatIsOddIsCounted',
  },
  I7: {
    says: 'Nothing is retried.',
    claims: ['requestKeepsItsOrder', 'nothingFollowsACancel', 'routeComesFirst'],
    fault: { at: /started/, on: /^upstream\.failed$/, adds: 'forwardRequestHeaders' },
    breaks: 'requestKeepsItsOrder',
  },
  // Which place of a body is authoritative the accounting decides, on its own shapes.
  I8: {
    says: 'Usage is read only from a success that has a body.',
    claims: ['emptyBufferIsNotRead', 'errorStatusIsNoSuccess', 'errorInsideSuccessIsNoSuccess'],
    fault: { at: /awaitingErrorBody/, on: /^response\.end$/, adds: 'readUsage' },
    breaks: 'emptyBufferIsNotRead',
  },
  liveness: {
    says: 'Every admitted exchange is processed under fair scheduling.',
    claims: ['everyRequestIsProcessed', 'everyResponseIsProcessed'],
    fault: { on: /^request\.headers$/, drops: /^startDeadline\(total\)$/ },
    breaks: 'everyRequestIsProcessed',
  },
  'one outcome': {
    says: 'An exchange has one outcome, whoever is told of it.',
    claims: ['firstTerminalWins', 'recordedOnce'],
    fault: {
      on: /^deadline\.expired\(total\)$/,
      drops: /^recordUsage/,
      adds: 'recordUsage(completed)',
    },
    breaks: 'firstTerminalWins',
  },
  'first terminal': {
    says: 'What comes after the outcome leads nowhere but to its being recorded.',
    claims: ['onlySettlingFollowsTheOutcome'],
    fault: { at: /^settling\.completed/, on: /^downstream\.closed/, to: 'settling.cancelled' },
    breaks: 'onlySettlingFollowsTheOutcome',
  },
  'nothing after': {
    says: 'Nothing goes out after a terminal.',
    claims: ['nothingFollowsTheLastWord', 'lateEndDoesNothing', 'nothingFollowsACancel'],
    fault: { at: /^processed/, on: /^response\.body\(false\)$/, adds: 'forwardResponseBody' },
    breaks: 'nothingFollowsTheLastWord',
  },
  'released once': {
    says: 'The buffer is released exactly once.',
    claims: ['bufferIsReleasedLast', 'everyRecordIsReleased', 'allIsReturned'],
    fault: { at: /^processed/, on: /^response\.end$/, adds: 'releaseBuffer' },
    breaks: 'bufferIsReleasedLast',
  },
  'no empty parse': {
    says: 'No empty or ended buffer is parsed, or written.',
    claims: ['emptyBufferIsNotRead', 'bufferIsWrittenWhileOpen'],
    fault: { at: /awaitingFirstByte/, on: /^response\.end$/, adds: 'readUsage' },
    breaks: 'emptyBufferIsNotRead',
  },
  'everyone served': {
    says: 'What a healthy peer sends is taken: it is neither refused, nor counted, nor lost.',
    claims: [
      'requestReachesTheUpstream',
      'pauseAndResumeAlternate',
      'nobodyIsRefused',
      'nobodyIsCounted',
    ],
    fault: { at: /awaitingRoute/, on: /^request\.body$/, drops: /^holdRequestBody$/ },
    breaks: 'requestReachesTheUpstream',
  },
  'to the point': {
    says: 'What is ordered is about what has just happened, and is ordered once.',
    claims: ['ordersAreForTheirEvents', 'nothingIsOrderedTwice'],
    fault: { at: /awaitingBody/, on: /^response\.body\(false\)$/, adds: 'forwardResponseBody' },
    breaks: 'nothingIsOrderedTwice',
  },
  'deadlines stop': {
    says: 'A deadline stops with what it guards.',
    claims: ['noDeadlineOutlivesTheOutcome', ...guards, 'whatIsOverdueIsCounted'],
    fault: { on: /^response\.headers/, drops: /^stopDeadline\(responseHeaders\)$/ },
    breaks: 'responseHeadersDeadlineGuardsItsWait',
  },
};

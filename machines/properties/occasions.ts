/** What is ordered is about what has just happened, and is ordered once. */
import type { Anomaly, Command, CommandType, EventType } from '../events.js';
import { textOf } from '../words.js';
import type { Property, Step } from './monitor.js';
import { always, is } from './monitor.js';

/**
 * The events that a command may follow, where they are few: whoever carries it out has the bytes, or
 * the head, of just these at hand. The rest (last words, cancels, deadlines, the record) may follow
 * whatever decides.
 */
const OCCASIONS: Partial<Record<CommandType, readonly EventType[]>> = {
  holdRequestBody: ['request.body'],
  holdRequestTrailers: ['request.trailers'],
  forwardRequestHeaders: ['request.routed'],
  forwardHeldRequest: ['request.routed'],
  forwardRequestBody: ['request.body'],
  forwardRequestTrailers: ['request.trailers'],
  endRequest: ['request.end', 'request.trailers', 'request.routed'],
  pauseUpstream: ['downstream.blocked'],
  resumeUpstream: ['downstream.ready', 'downstream.closed'],
  forwardResponseHeaders: ['response.headers'],
  openBuffer: ['response.headers'],
  forwardResponseBody: ['response.body'],
  bufferResponseBody: ['response.body'],
  forwardResponseTrailers: ['response.trailers'],
  endResponse: ['response.end', 'response.trailers', 'deadline.expired'],
  readUsage: ['response.end', 'response.trailers', 'deadline.expired', 'transport.closed'],
  releaseBuffer: ['usage.recorded', 'deadline.expired', 'transport.closed'],
};

/** What an anomaly is counted for. */
const ANOMALOUS: Readonly<Record<Anomaly, readonly EventType[]>> = {
  duplicateHeaders: ['request.headers', 'response.headers'],
  duplicateEnd: ['request.end'],
  bodyAfterEnd: ['request.body'],
  trailersAfterEnd: ['request.trailers'],
  lateHeaders: ['request.headers', 'response.headers'],
  lateBody: ['request.body', 'response.body'],
  lateEnd: ['request.end', 'response.end'],
  lateTrailers: ['request.trailers', 'response.trailers'],
  staleDeadline: ['deadline.expired'],
  unasked: [
    'request.routed',
    'response.progress',
    'response.terminal',
    'usage.read',
    'usage.recorded',
  ],
  lingeringUpstream: ['deadline.expired'],
  usageUnsettled: ['deadline.expired'],
};

function fits({ event }: Step, command: Command): boolean {
  const among =
    command.type === 'countAnomaly' ? ANOMALOUS[command.anomaly] : OCCASIONS[command.type];
  return among === undefined || is(event, ...among);
}

export const occasions: readonly Property[] = [
  always(
    'ordersAreForTheirEvents',
    'What is forwarded, held, read or counted is what has just come.',
    (memory, step) => (step.commands.every((command) => fits(step, command)) ? memory : 'violated'),
  ),
  always('nothingIsOrderedTwice', 'Nothing is ordered twice for one event.', (memory, step) => {
    const texts = step.commands.map(textOf);
    return new Set(texts).size === texts.length ? memory : 'violated';
  }),
];

/**
 * The words the machine is written in: its guards, and a builder for each kind of action.
 *
 * Names only: an inline guard or action would vanish from the machine's definition, and with it
 * from every picture and proof that is made of it.
 */
import { and, not, or, setup, stateIn } from 'xstate';
import type { Anomaly, CommandType, Deadline, Event, Outcome, Reason, Status } from './events.js';
import { COMMANDS } from './events.js';

const expired =
  (...among: Deadline[]) =>
  ({ event }: { event: Event }) =>
    event.type === 'deadline.expired' && among.includes(event.deadline);
const status =
  (is: Status) =>
  ({ event }: { event: Event }) =>
    event.type === 'response.headers' && event.status === is;

const requestEnded = stateIn({ active: { request: 'ended' } });
const draining = stateIn({ active: { shutdown: 'draining' } });
const blocked = stateIn({ active: { response: { started: { flow: 'blocked' } } } });
const flowing = not(blocked);
const inBody = (state: string) => stateIn({ active: { response: { started: { body: state } } } });
const detaches = and([
  ({ event }: { event: Event }) => event.type === 'downstream.closed' && event.policy === 'drain',
  requestEnded,
  // A shutdown has one deadline, and nothing that is read on may outlive it.
  not(draining),
]);

/** `absorb` is no command: it is the written reason of an event that changes nothing. */
type ActionType = CommandType | 'absorb';
type Params = Record<string, string> | undefined;
const inert = (_: unknown, _params: Params) => {};

export const vocabulary = setup({
  types: { events: {} as Event },
  actions: Object.fromEntries(
    ['absorb', ...COMMANDS.map((command) => command.type)].map((type) => [type, inert]),
  ) as Record<ActionType, typeof inert>,
  guards: {
    success: status('success'),
    refusal: status('refusal'),
    succeeded: ({ event }) => event.type === 'response.terminal' && event.verdict === 'succeeded',
    empty: ({ event }) => event.type === 'response.body' && event.empty,
    nothingHappened: stateIn({
      active: { request: 'awaitingHeaders', response: 'awaitingHeaders' },
    }),
    requestEnded,
    responseAwaited: stateIn({ active: { response: 'awaitingHeaders' } }),
    responseStarted: stateIn({ active: { response: 'started' } }),
    blocked,
    bodyAwaited: inBody('awaitingBody'),
    detaches,
    detachesPaused: and([detaches, blocked]),
    requestOverdue: and([expired('requestBody'), not(requestEnded)]),
    headersOverdue: expired('connect', 'responseHeaders', 'total'),
    firstByteOverdue: and([expired('firstByte', 'idle'), flowing]),
    bodyOverdue: and([expired('idle', 'progress'), flowing]),
    errorBodyOverdue: and([expired('idle'), flowing]),
    endOverdue: or([
      and([expired('linger', 'idle', 'progress'), flowing]),
      expired('total'),
      and([expired('drain'), draining]),
    ]),
    pausedDeadline: and([expired('firstByte', 'idle', 'progress', 'linger'), blocked]),
    totalOverdue: expired('total'),
    drainOverdue: and([expired('drain'), draining]),
    stallOverdue: and([expired('stall'), blocked]),
    detachOverdue: expired('detach'),
    settleOverdue: expired('settle'),
  },
});

export const start = (deadline: Deadline) => ({
  type: 'startDeadline' as const,
  params: { deadline },
});
export const stop = (deadline: Deadline) => ({
  type: 'stopDeadline' as const,
  params: { deadline },
});
export const answer = (outcome: Outcome) => ({ type: 'answer' as const, params: { outcome } });
export const reset = (outcome: Outcome) => ({
  type: 'resetDownstream' as const,
  params: { outcome },
});
export const record = (outcome: Outcome) => ({
  type: 'recordUsage' as const,
  params: { outcome },
});
export const count = (anomaly: Anomaly) => ({
  type: 'countAnomaly' as const,
  params: { anomaly },
});

/** The answer to an event that a healthy peer does not send: nothing changes, and it is counted. */
export const anomaly = (name: Anomaly) => ({ actions: [count(name)] });

/** The answer to an event that is expected and changes nothing: its reason, in writing. */
export const absorb = (reason: Reason) => ({
  actions: [{ type: 'absorb' as const, params: { reason } }],
});

/** The target of a transition that decides the outcome. */
export const decide = (outcome: Outcome) => `#settling.${outcome}` as const;

/** Body before headers: the peer broke the grammar of its half, and the exchange with it. */
export const violation = [
  {
    guard: 'responseStarted',
    target: decide('violated'),
    actions: [reset('violated'), 'cancelUpstream'],
  },
  { target: decide('violated'), actions: [answer('violated'), 'cancelUpstream'] },
] as const;

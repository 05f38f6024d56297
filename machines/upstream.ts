/**
 * The standing of one upstream: who fails again and again is left alone for a while, tried with one
 * exchange, and taken back. Order is decided here; the one who sends exchanges counts and times.
 *
 * An upstream is `admitted` until it failed as often in a row as the rule allows. Then it is
 * `ejected`, for a time. After that it is `probing`: the next exchange is its probe, and until that
 * one has ended, while it is `probed`, it gets no other. What was sent before an ejection and ends
 * during it says nothing new. The last that is admitted is never ejected: a bad upstream is better
 * than none, and it is counted that it was spared.
 */
import { setup } from 'xstate';
import type { Alphabet } from './words.js';

/**
 * How an exchange failed: `short` of as many in a row as the rule allows, `long` enough, or long
 * enough by the `last` upstream that is admitted.
 */
export const STREAKS = ['short', 'long', 'last'] as const;
export type Streak = (typeof STREAKS)[number];

export type UpstreamEvent =
  | { readonly type: 'exchange.sent' }
  | { readonly type: 'exchange.succeeded' }
  | { readonly type: 'exchange.failed'; readonly streak: Streak }
  /** It ended by its client, or by the gateway, which says nothing of the upstream. */
  | { readonly type: 'exchange.abandoned' }
  | { readonly type: 'probe.succeeded' }
  | { readonly type: 'probe.failed' }
  | { readonly type: 'probe.abandoned' }
  | { readonly type: 'ejection.expired' };

export type UpstreamCommand =
  /** Exchanges may be sent to it; one may, as its probe; none may. */
  | { readonly type: 'offer' }
  | { readonly type: 'offerProbe' }
  | { readonly type: 'withdraw' }
  /** The exchange that was just sent is the probe. */
  | { readonly type: 'markProbe' }
  | { readonly type: 'startEjection' }
  | { readonly type: 'countEjection' }
  | { readonly type: 'countReadmission' }
  | { readonly type: 'countSpared' };

export const upstreamWords: Alphabet<UpstreamEvent, UpstreamCommand> = Object.freeze({
  events: Object.freeze([
    { type: 'exchange.sent' },
    { type: 'exchange.succeeded' },
    ...STREAKS.map((streak) => ({ type: 'exchange.failed' as const, streak })),
    { type: 'exchange.abandoned' },
    { type: 'probe.succeeded' },
    { type: 'probe.failed' },
    { type: 'probe.abandoned' },
    { type: 'ejection.expired' },
  ] satisfies UpstreamEvent[]),
  commands: Object.freeze([
    { type: 'offer' },
    { type: 'offerProbe' },
    { type: 'withdraw' },
    { type: 'markProbe' },
    { type: 'startEjection' },
    { type: 'countEjection' },
    { type: 'countReadmission' },
    { type: 'countSpared' },
  ] satisfies UpstreamCommand[]),
});

const inert = () => {};
const vocabulary = setup({
  types: { events: {} as UpstreamEvent },
  actions: Object.fromEntries(upstreamWords.commands.map(({ type }) => [type, inert])) as Record<
    UpstreamCommand['type'],
    typeof inert
  >,
  guards: {
    short: ({ event }) => event.type === 'exchange.failed' && event.streak === 'short',
    last: ({ event }) => event.type === 'exchange.failed' && event.streak === 'last',
  },
});
const words = vocabulary.extend({
  actions: { absorb: (_, _params: { reason: string }) => {} },
});
const absorb = (reason: string) => ({
  actions: [{ type: 'absorb' as const, params: { reason } }],
});

const unasked = {
  'probe.succeeded': absorb('unasked'),
  'probe.failed': absorb('unasked'),
  'probe.abandoned': absorb('unasked'),
};
/** What was sent while it was admitted tells nothing that is not known. */
const beforehand = {
  'exchange.succeeded': absorb('beforehand'),
  'exchange.failed': absorb('beforehand'),
  'exchange.abandoned': absorb('beforehand'),
};

export const upstream = words.createMachine({
  id: 'upstream',
  initial: 'admitted',
  states: {
    admitted: {
      on: {
        ...unasked,
        'exchange.sent': absorb('expected'),
        'exchange.succeeded': absorb('expected'),
        'exchange.failed': [
          { guard: 'short', ...absorb('expected') },
          { guard: 'last', actions: ['countSpared'] },
          { target: 'ejected', actions: ['withdraw', 'startEjection', 'countEjection'] },
        ],
        'exchange.abandoned': absorb('expected'),
        'ejection.expired': absorb('stale'),
      },
    },
    ejected: {
      on: {
        ...unasked,
        ...beforehand,
        // Nobody else could take it either, and it is no probe.
        'exchange.sent': absorb('expected'),
        'ejection.expired': { target: 'probing', actions: ['offerProbe'] },
      },
    },
    probing: {
      on: {
        ...unasked,
        ...beforehand,
        'exchange.sent': { target: 'probed', actions: ['withdraw', 'markProbe'] },
        'ejection.expired': absorb('stale'),
      },
    },
    probed: {
      on: {
        ...beforehand,
        'exchange.sent': absorb('expected'),
        'probe.succeeded': { target: 'admitted', actions: ['offer', 'countReadmission'] },
        'probe.failed': { target: 'ejected', actions: ['startEjection', 'countEjection'] },
        'probe.abandoned': { target: 'probing', actions: ['offerProbe'] },
        'ejection.expired': absorb('stale'),
      },
    },
  },
});

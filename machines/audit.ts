/**
 * The audit of a count that is kept beside what it counts: of exchanges in flight, or of bytes that
 * are held. The two may differ for a moment while somebody is in the middle of changing both, so only
 * what differs twice in a row has drifted. Then the count is set right, and it is counted that it was.
 */
import { setup } from 'xstate';
import type { Alphabet } from './words.js';

export type AuditEvent = { readonly type: 'audit.agreed' } | { readonly type: 'audit.differed' };
export type AuditCommand = { readonly type: 'setRight' } | { readonly type: 'countDrift' };

export const auditWords: Alphabet<AuditEvent, AuditCommand> = Object.freeze({
  events: Object.freeze([
    { type: 'audit.agreed' },
    { type: 'audit.differed' },
  ] satisfies AuditEvent[]),
  commands: Object.freeze([{ type: 'setRight' }, { type: 'countDrift' }] satisfies AuditCommand[]),
});

const words = setup({
  types: { events: {} as AuditEvent },
  actions: {
    setRight: () => {},
    countDrift: () => {},
    absorb: (_, _params: { reason: string }) => {},
  },
});

export const audit = words.createMachine({
  id: 'audit',
  initial: 'balanced',
  states: {
    balanced: {
      on: {
        'audit.agreed': { actions: [{ type: 'absorb', params: { reason: 'expected' } }] },
        'audit.differed': { target: 'suspected' },
      },
    },
    suspected: {
      on: {
        'audit.agreed': { target: 'balanced' },
        'audit.differed': { target: 'balanced', actions: ['setRight', 'countDrift'] },
      },
    },
  },
});

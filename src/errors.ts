/** Errors of the library. Each blames a party and carries a code that stays the same. */

export const CODES = {
  INTERLOCK_UNKNOWN_EVENT: 'the caller delivered an event that the alphabet does not have',
  INTERLOCK_BAD_OPTION: 'the caller gave an option that is not accepted',
  INTERLOCK_BAD_TRACE: 'a line is not a record of a trace',
  INTERLOCK_BAD_CONFIG: 'a configuration file or flag is not accepted',
  INTERLOCK_LEDGER: 'the usage records could not be written',
} as const;
export type Code = keyof typeof CODES;

export class InterlockError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'InterlockError';
    this.code = code;
  }
}

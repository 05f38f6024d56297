/** Errors of the library. Each blames a party and carries a code that stays the same. */

export const CODES = {
  INTERLOCK_UNKNOWN_EVENT: 'the caller delivered an event that the alphabet does not have',
  INTERLOCK_BAD_OPTION: 'the caller gave an option that is not accepted',
  INTERLOCK_BAD_TRACE: 'a line is not a record of a trace',
  INTERLOCK_BAD_CONFIG: 'a configuration file or flag is not accepted',
  INTERLOCK_LEDGER: 'the usage records could not be written',
} as const;
export type Code = keyof typeof CODES;

/** How much of what was found stands in a message. */
const CHARACTERS_MAX = 80;

/** What was found, for a message. It may be anything, of any size, and hostile to being printed. */
export function quoted(found: unknown): string {
  if (found === undefined) return 'nothing';
  if (typeof found === 'function') return 'a function';
  try {
    // JSON has no word for numbers that are none, for symbols and for what is beyond its numbers.
    const isJson = typeof found === 'object' || typeof found === 'string';
    const text = typeof found === 'string' ? found.slice(0, CHARACTERS_MAX) : found;
    return (isJson ? JSON.stringify(text) : String(text)).slice(0, CHARACTERS_MAX);
  } catch {
    return Array.isArray(found) ? 'a list' : 'an object';
  }
}

export class InterlockError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'InterlockError';
    this.code = code;
  }
}

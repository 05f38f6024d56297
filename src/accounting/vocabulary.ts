/**
 * The keys that accounting reads out of a peer's JSON, and nothing else. A key of the peer is only
 * ever compared with these; it never names anything of ours, so `__proto__` is a key like others.
 */

/** What to do with the value behind a key. */
export type Role =
  | 'skip'
  | 'text'
  | 'count'
  | 'index'
  | 'finish'
  | 'presence'
  | 'flag'
  | 'usage'
  | 'object'
  | 'choices'
  | 'choice';

export interface Slot {
  readonly role: Role;
  /** Which text, count, flag or place it is; meaning depends on the role. */
  readonly number: number;
  /** The keys inside, when the value is an object that is read. */
  readonly inside: Keys | undefined;
  /** One bit per key of an object, to see a key that comes twice. */
  readonly bit: number;
}

/** Where a usage object stood. */
export const PLACE = { root: 0, response: 1, message: 2 } as const;

/** The counts a usage object may hold, as they are written on the wire. */
export const COUNT = {
  promptTokens: 0,
  completionTokens: 1,
  totalTokens: 2,
  inputTokens: 3,
  outputTokens: 4,
  cacheRead: 5,
  cacheCreation: 6,
  promptCached: 7,
  inputCached: 8,
  completionReasoning: 9,
  outputReasoning: 10,
  // Ollama says its counts beside `done`, without a usage object.
  promptEval: 11,
  eval: 12,
} as const;
export const COUNTS_PER_PLACE = 13;

export const TEXT = { type: 0, model: 1, object: 2, status: 3 } as const;
export const FLAG = { done: 0, lastOne: 1 } as const;

interface Key {
  readonly bytes: Buffer;
  readonly slot: Slot;
}

/** The keys of one object, found by their bytes. */
export class Keys {
  readonly #byLength: (readonly Key[] | undefined)[] = [];

  constructor(slots: Record<string, Omit<Slot, 'bit'>>) {
    Object.entries(slots).forEach(([name, slot], position) => {
      const key = { bytes: Buffer.from(name), slot: { ...slot, bit: 1 << position } };
      this.#byLength[name.length] = [...(this.#byLength[name.length] ?? []), key];
    });
    // A hole would make every look-up of an unknown length slow.
    for (let i = 0; i < this.#byLength.length; i++) this.#byLength[i] ??= undefined;
  }

  /** The slot of the key `bytes[start, end)`, which is written without escapes. */
  find(bytes: Buffer, start: number, end: number): Slot | undefined {
    const length = end - start;
    if (length >= this.#byLength.length) return undefined;
    const candidates = this.#byLength[length];
    if (candidates === undefined) return undefined;
    for (const key of candidates) {
      let i = 0;
      while (i < length && bytes[start + i] === key.bytes[i]) i++;
      if (i === length) return key.slot;
    }
    return undefined;
  }
}

export const SKIP: Slot = { role: 'skip', number: 0, inside: undefined, bit: 0 };

/** A key's slot; `Keys` gives it its bit. */
export function slot(role: Role, number = 0, inside?: Keys): Omit<Slot, 'bit'> {
  return { role, number, inside };
}

function usageAt(place: number): Omit<Slot, 'bit'> {
  const count = (number: number) => slot('count', place * COUNTS_PER_PLACE + number);
  const details = (name: string, number: number) =>
    slot('object', 0, new Keys({ [name]: count(number) }));
  return slot(
    'usage',
    place,
    new Keys({
      prompt_tokens: count(COUNT.promptTokens),
      completion_tokens: count(COUNT.completionTokens),
      total_tokens: count(COUNT.totalTokens),
      input_tokens: count(COUNT.inputTokens),
      output_tokens: count(COUNT.outputTokens),
      cache_read_input_tokens: count(COUNT.cacheRead),
      cache_creation_input_tokens: count(COUNT.cacheCreation),
      prompt_tokens_details: details('cached_tokens', COUNT.promptCached),
      input_tokens_details: details('cached_tokens', COUNT.inputCached),
      completion_tokens_details: details('reasoning_tokens', COUNT.completionReasoning),
      output_tokens_details: details('reasoning_tokens', COUNT.outputReasoning),
    }),
  );
}

const CHOICE_KEYS = new Keys({ index: slot('index'), finish_reason: slot('finish') });

/** One element of `choices`. */
export const CHOICE: Slot = { ...slot('choice', 0, CHOICE_KEYS), bit: 0 };

const ROOT_KEYS = new Keys({
  type: slot('text', TEXT.type),
  model: slot('text', TEXT.model),
  object: slot('text', TEXT.object),
  status: slot('text', TEXT.status),
  error: slot('presence'),
  choices: slot('choices'),
  usage: usageAt(PLACE.root),
  response: slot(
    'object',
    0,
    new Keys({
      model: slot('text', TEXT.model),
      status: slot('text', TEXT.status),
      error: slot('presence'),
      usage: usageAt(PLACE.response),
    }),
  ),
  message: slot(
    'object',
    0,
    new Keys({ model: slot('text', TEXT.model), usage: usageAt(PLACE.message) }),
  ),
  done: slot('flag', FLAG.done),
  lastOne: slot('flag', FLAG.lastOne),
  prompt_eval_count: slot('count', COUNT.promptEval),
  eval_count: slot('count', COUNT.eval),
});

/** The whole text. */
export const ROOT: Slot = { ...slot('object', 0, ROOT_KEYS), bit: 0 };

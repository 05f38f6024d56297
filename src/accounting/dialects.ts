import { Choices } from './choices.js';
import type { Facts } from './facts.js';
import { JsonScanner } from './json.js';
import {
  capped,
  type Dialect,
  type TokenCounts,
  type UnknownReason,
  type Usage,
  type Verdict,
} from './usage.js';
import { COUNT, COUNTS_PER_PLACE, FLAG, PLACE, TEXT } from './vocabulary.js';

/** One for all: a scan is synchronous and its facts are read before anybody else can scan. */
const scanner = new JsonScanner();

const OPEN_BRACE = 0x7b;
const DONE = Buffer.from('[DONE]');

type Names = readonly (readonly [keyof TokenCounts, readonly number[]])[];

/**
 * Where each count stands, the dialect's own name first: some gateways write both names and leave
 * the foreign one 0.
 */
const PROMPT_COMPLETION: Names = [
  ['inputTokens', [COUNT.promptTokens, COUNT.inputTokens, COUNT.promptEval]],
  ['outputTokens', [COUNT.completionTokens, COUNT.outputTokens, COUNT.eval]],
  ['totalTokens', [COUNT.totalTokens]],
  ['cachedInputTokens', [COUNT.promptCached, COUNT.inputCached, COUNT.cacheRead]],
  ['cacheCreationInputTokens', [COUNT.cacheCreation]],
  ['reasoningTokens', [COUNT.completionReasoning, COUNT.outputReasoning]],
];
const INPUT_OUTPUT: Names = [
  ['inputTokens', [COUNT.inputTokens, COUNT.promptTokens, COUNT.promptEval]],
  ['outputTokens', [COUNT.outputTokens, COUNT.completionTokens, COUNT.eval]],
  ['totalTokens', [COUNT.totalTokens]],
  ['cachedInputTokens', [COUNT.inputCached, COUNT.promptCached, COUNT.cacheRead]],
  ['cacheCreationInputTokens', [COUNT.cacheCreation]],
  ['reasoningTokens', [COUNT.outputReasoning, COUNT.completionReasoning]],
];

/**
 * Folds the events of one response into one usage.
 *
 * Per field the last value that is not null wins, never a sum (field: I2, H19), and a smaller one
 * too. A usage is not the end (field: K13) and may stand anywhere: first, in each event, on the
 * finishing one or after it (field: H6). It is final when a terminal was seen and nothing was
 * generated after the event that said it; else it is a lower bound.
 */
export class UsageMerger {
  readonly #tokensMax: number;
  readonly #counts: TokenCounts = {};
  #dialect: Dialect | undefined;
  #objectSeen = false;
  #choicesSeen = false;
  #model: string | undefined;
  #done = false;
  #verdict: Verdict | undefined;
  #terminalSeen = false;
  #errorSeen = false;
  #usageSeen = false;
  /** Nothing was generated since the usage was said. */
  #usageFresh = false;
  #lost: UnknownReason | undefined;
  #broken: UnknownReason | undefined;
  #bodyRead = false;
  /** Grows whenever `usage()` may have come to say something else. */
  revision = 0;
  readonly #choices = new Choices();

  /** `tokensMax` is the largest count that is believed. */
  constructor(tokensMax: number) {
    this.#tokensMax = tokensMax;
  }

  /** `[DONE]` came: whatever follows is ignored, as the SDKs do. */
  get done(): boolean {
    return this.#done;
  }

  /** The first verdict that the content gave. */
  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  /** Takes the data of one complete event, or one line of NDJSON, as `bytes[start, end)`. */
  event(type: string, bytes: Buffer, start: number, end: number): void {
    if (this.#done) return;
    if (isDone(bytes, start, end)) {
      this.#done = true;
      // field: H20. A stream that says nothing but that it is over has answered nothing.
      if (!this.#objectSeen) this.#verdict ??= 'failed';
      this.#succeed();
      return;
    }
    const isError = type === 'error';
    if (!isObject(bytes, start, end)) {
      if (isError) this.#fail();
      return;
    }
    this.#objectSeen = true;
    const result = scanner.scan(bytes, start, end, this.#tokensMax);
    if (result === 'ok') {
      this.#merge(scanner.facts, isError);
    } else {
      if (isError) this.#fail();
      this.lose(result);
    }
    scanner.facts.forget();
  }

  /** Takes a whole JSON body. */
  body(bytes: Buffer): void {
    const result = scanner.scan(bytes, 0, bytes.length, this.#tokensMax);
    if (result === 'ok') {
      this.#bodyRead = true;
      this.#merge(scanner.facts, false);
      if (scanner.facts.text(TEXT.status) === 'failed') this.#fail();
      this.#succeed();
    } else {
      this.lose(result);
    }
    scanner.facts.forget();
  }

  /** Something that may have held a usage could not be read. */
  lose(reason: UnknownReason): void {
    this.#lost ??= reason;
    this.#usageFresh = false;
  }

  /** What is known now. */
  usage(): Usage {
    const usage: Usage =
      this.#broken === undefined && this.#usageSeen
        ? { kind: this.#isFinal() ? 'final' : 'partial', ...this.#counts }
        : { kind: 'unknown', reason: this.#broken ?? this.#whyUnknown() };
    const dialect = this.#dialect ?? (this.#choicesSeen ? 'chat' : undefined);
    if (dialect !== undefined) usage.dialect = dialect;
    if (this.#model !== undefined) usage.model = this.#model;
    return usage;
  }

  #isFinal(): boolean {
    if (this.#bodyRead) return true;
    if (!this.#terminalSeen || !this.#usageFresh) return false;
    return !this.#errorSeen || this.#verdict === 'succeeded';
  }

  #whyUnknown(): UnknownReason {
    if (this.#errorSeen) return this.#bodyRead ? 'error_body' : 'in_band_error';
    if (this.#lost !== undefined) return this.#lost;
    return this.#terminalSeen ? 'no_usage' : 'truncated';
  }

  #succeed(): void {
    if (!this.#terminalSeen) this.revision++;
    this.#terminalSeen = true;
    this.#verdict ??= 'succeeded';
  }

  // field: H20, D23. An error inside a 200 is a failure, also when `[DONE]` follows it.
  #fail(): void {
    this.#errorSeen = true;
    this.#verdict ??= 'failed';
  }

  #merge(facts: Facts, isErrorEvent: boolean): void {
    const type = facts.text(TEXT.type) ?? '';
    if (facts.duplicate) this.#broken ??= 'duplicate';
    if (facts.invalidUsage) this.#broken ??= 'invalid_usage';
    this.#recognise(facts, type);
    const said = this.#takeCounts(facts, placeOf(type));
    const generated = this.#takeChoices(facts) || isDelta(facts, type);
    if (said) {
      this.#usageFresh = this.#usageSeen = true;
      this.revision++;
    } else if (generated) this.#usageFresh = false;
    if (type === 'response.failed' && said) {
      // The Responses API says the usage of a failed response in its last event: that is final.
      this.#verdict ??= 'failed';
      this.#terminalSeen = true;
      return;
    }
    if (isErrorEvent || facts.error || type === 'error' || type === 'response.failed') this.#fail();
    const finished = facts.choices > 0 && this.#choices.allFinished;
    if (finished || facts.flags[FLAG.done] === 2 || facts.flags[FLAG.lastOne] === 2) {
      this.#succeed();
    } else if (isLast(type)) {
      this.#succeed();
    }
  }

  #recognise(facts: Facts, type: string): void {
    if (facts.choices > 0) this.#choicesSeen = true;
    if (this.#model === undefined) {
      const model = facts.text(TEXT.model);
      if (model) this.#model = capped(model);
    }
    if (this.#dialect === undefined) this.#dialect = dialectOf(facts, type);
  }

  /** True if the event said a usage at the place where its dialect says it. */
  #takeCounts({ counts, places }: Facts, place: number): boolean {
    if ((places & (1 << place)) === 0) return false;
    const own = this.#dialect === 'messages' || this.#dialect === 'responses';
    for (const [field, names] of own ? INPUT_OUTPUT : PROMPT_COMPLETION) {
      for (const name of names) {
        const count = counts[place * COUNTS_PER_PLACE + name] as number;
        if (Number.isNaN(count)) continue;
        this.#counts[field] = count;
        break;
      }
    }
    return true;
  }

  /** True if a choice that was not finished before was spoken of. */
  #takeChoices(facts: Facts): boolean {
    let generated = facts.choicesCut;
    if (facts.choicesCut) this.#choices.neverFinishes();
    for (let i = 0; i < facts.choices; i++) {
      const finished = facts.choiceFinished[i] === 1;
      if (this.#choices.take(facts.choiceIndex[i]!, finished)) generated = true;
    }
    return generated;
  }
}

/** The only place where an event of this type may say its usage. */
function placeOf(type: string): number {
  if (type.startsWith('response.')) return PLACE.response;
  return type === 'message_start' ? PLACE.message : PLACE.root;
}

function isLast(type: string): boolean {
  return type === 'message_stop' || type === 'response.completed' || type === 'response.incomplete';
}

function isDelta(facts: Facts, type: string): boolean {
  if (facts.flags[FLAG.done] === 1 || type.startsWith('content_block')) return true;
  return type.startsWith('response.') && !isLast(type);
}

function dialectOf(facts: Facts, type: string): Dialect | undefined {
  if (type.startsWith('response.')) return 'responses';
  if (type === 'message' || type.startsWith('message_') || type.startsWith('content_block')) {
    return 'messages';
  }
  if (facts.flags[FLAG.done] !== 0) return 'ollama';
  switch (facts.text(TEXT.object)) {
    case 'chat.completion.chunk':
    case 'chat.completion':
      return 'chat';
    case 'text_completion':
      return 'completions';
    case 'response':
      return 'responses';
    case 'list':
      // A list of models is one too, and says no usage.
      return facts.places === 0 ? undefined : 'embeddings';
    default:
      return undefined;
  }
}

function isDone(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== DONE[0] && !isBlank(bytes[start])) return false;
  let from = start;
  let to = end;
  while (from < to && isBlank(bytes[from])) from++;
  while (to > from && isBlank(bytes[to - 1])) to--;
  return to - from === DONE.length && DONE.every((byte, i) => bytes[from + i] === byte);
}

/** Data that is not an object, like `keep-alive`, is not meant for us. */
function isObject(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  while (at < end && isBlank(bytes[at])) at++;
  return at < end && bytes[at] === OPEN_BRACE;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}

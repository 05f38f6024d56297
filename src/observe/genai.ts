/**
 * OpenTelemetry's conventions for generative AI: what an operation and its provider are called, and
 * the labels of its metrics. Conventions of v1.36; the newer names come with the opt-in that they
 * ask for, `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`.
 */
import type { Attributes } from '@opentelemetry/api';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Dialect } from '../accounting/usage.js';
import { Interned, type Models, OTHER } from './labels.js';

/**
 * Label sets of one server: those of models that the configuration names, and those of others, which
 * clients can have made. Each has a series per bucket in four histograms.
 */
const NAMED_SETS_MAX = 1_000;
const LEARNED_SETS_MAX = 300;
/** Those without a model of their own: as many as there are operations at each upstream. */
const REST_SETS_MAX = 300;
const ERRORS_MAX = 64;

export interface Operation {
  readonly operation: string;
  readonly provider: string;
}

const OPERATIONS: Readonly<Record<Dialect, Operation>> = {
  chat: { operation: 'chat', provider: 'openai' },
  completions: { operation: 'text_completion', provider: 'openai' },
  embeddings: { operation: 'embeddings', provider: 'openai' },
  responses: { operation: 'chat', provider: 'openai' },
  messages: { operation: 'chat', provider: 'anthropic' },
  ollama: { operation: 'chat', provider: 'ollama' },
};

/** The dialect of a request, by its path, where no response has shown one. */
const PATHS: readonly (readonly [RegExp, Dialect])[] = [
  [/\/chat\/completions$/, 'chat'],
  [/\/completions$/, 'completions'],
  [/\/embeddings$/, 'embeddings'],
  [/\/responses$/, 'responses'],
  [/\/messages$/, 'messages'],
  [/\/api\/(chat|generate)$/, 'ollama'],
];

/** What was asked for; undefined where nothing shows that it was generative AI at all. */
export function operationOf({ usage, path = '' }: UsageRecord): Operation | undefined {
  const dialect = usage.dialect ?? PATHS.find(([pattern]) => pattern.test(path))?.[1];
  return dialect && OPERATIONS[dialect];
}

/** The name of the attribute that holds the provider. */
export function providerKeyOf(optIn: string | undefined): string {
  const wanted = (optIn ?? '').split(',').map((item) => item.trim());
  return wanted.includes('gen_ai_latest_experimental') ? 'gen_ai.provider.name' : 'gen_ai.system';
}

/** The labels of one kind of exchange, in each form that a metric wants them. */
export interface LabelSet {
  readonly all: Attributes;
  readonly input: Attributes;
  readonly output: Attributes;
  /** With why it failed. */
  failed(cause: string): Attributes;
}

/** The label sets of one server: made once each, and of a bounded number. */
export class LabelSets {
  /** The attribute that names the provider. */
  readonly providerKey: string;
  readonly #models: Models;
  readonly #full: () => void;
  readonly #named = new Interned<LabelSet>(NAMED_SETS_MAX);
  readonly #learned = new Interned<LabelSet>(LEARNED_SETS_MAX);
  readonly #rest = new Interned<LabelSet>(REST_SETS_MAX);
  readonly #last: LabelSet;

  /** `full` is called once, when models are told as others from then on for want of room. */
  constructor(models: Models, providerKey: string, full: () => void) {
    this.#models = models;
    this.providerKey = providerKey;
    this.#full = full;
    const nothing = { operation: OTHER, provider: OTHER };
    this.#last = this.#in(new Interned(1), nothing, OTHER, OTHER, OTHER) as LabelSet;
  }

  of(operation: Operation, record: UsageRecord, requestModel: string | undefined): LabelSet {
    const asked = this.#models.labelOf(requestModel);
    const answered = this.#models.labelOf(record.usage.model);
    const { upstream } = record;
    const learned = this.#models.isLearned(asked) || this.#models.isLearned(answered);
    const sets = learned ? this.#learned : this.#named;
    const set = this.#in(sets, operation, asked, answered, upstream);
    if (set !== undefined) return set;
    if (this.#rest.size === 0) this.#full();
    return this.#in(this.#rest, operation, OTHER, OTHER, upstream) ?? this.#last;
  }

  #in(
    sets: Interned<LabelSet>,
    { operation, provider }: Operation,
    asked: string | undefined,
    answered: string | undefined,
    upstream: string | undefined,
  ): LabelSet | undefined {
    return sets.get([operation, provider, asked, answered, upstream], () =>
      labelSetOf({
        'gen_ai.operation.name': operation,
        [this.providerKey]: provider,
        ...(asked !== undefined && { 'gen_ai.request.model': asked }),
        ...(answered !== undefined && { 'gen_ai.response.model': answered }),
        ...(upstream !== undefined && { 'interlock.upstream': upstream }),
      }),
    );
  }
}

function labelSetOf(all: Attributes): LabelSet {
  const withType = (type: string) => Object.freeze({ ...all, 'gen_ai.token.type': type });
  const withError = (cause: string) => Object.freeze({ ...all, 'error.type': cause });
  const other = withError(OTHER);
  const errors = new Interned<Attributes>(ERRORS_MAX);
  return {
    all: Object.freeze(all),
    input: withType('input'),
    output: withType('output'),
    failed: (cause) => errors.get([cause], () => withError(cause)) ?? other,
  };
}

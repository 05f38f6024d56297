/**
 * OpenTelemetry's conventions for generative AI: what an operation and its provider are called, and
 * the labels of its metrics. Conventions of v1.36; the newer names come with the opt-in that they
 * ask for, `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`.
 */
import type { Attributes } from '@opentelemetry/api';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Dialect } from '../accounting/usage.js';
import { Interned, type Models, OTHER } from './labels.js';

/** Label sets of one server. Each has a series per bucket in four histograms. */
const SETS_MAX = 300;
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
  readonly #sets = new Interned<LabelSet>(SETS_MAX);
  readonly #rest: LabelSet;

  constructor(models: Models, providerKey: string) {
    this.#models = models;
    this.providerKey = providerKey;
    this.#rest = labelSetOf({
      'gen_ai.operation.name': OTHER,
      [providerKey]: OTHER,
      'gen_ai.request.model': OTHER,
      'gen_ai.response.model': OTHER,
      'interlock.upstream': OTHER,
    });
  }

  of(operation: Operation, record: UsageRecord, requestModel: string | undefined): LabelSet {
    const asked = this.#models.labelOf(requestModel);
    const answered = this.#models.labelOf(record.usage.model);
    const { upstream } = record;
    const parts = [operation.operation, operation.provider, asked, answered, upstream];
    const made = this.#sets.get(parts, () =>
      labelSetOf({
        'gen_ai.operation.name': operation.operation,
        [this.providerKey]: operation.provider,
        ...(asked !== undefined && { 'gen_ai.request.model': asked }),
        ...(answered !== undefined && { 'gen_ai.response.model': answered }),
        ...(upstream !== undefined && { 'interlock.upstream': upstream }),
      }),
    );
    return made ?? this.#rest;
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

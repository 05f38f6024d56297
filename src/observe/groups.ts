/**
 * Exchanges that are alike in all that labels of metrics and common attributes of spans tell: what
 * is told of one is found for all of them at once, and is not put together for each.
 */
import type { UsageRecord } from '../accounting/ledger.js';
import type { LabelSets } from './genai.js';
import { operationOf } from './genai.js';
import type { Instruments, RecordSeries } from './instruments.js';
import type { Models, Part } from './labels.js';
import { Interned } from './labels.js';
import type { SpanGroup } from './spans.js';

/** Upstreams name models, and a few fields more are theirs to fill; over this all are found anew. */
const GROUPS_MAX = 500;

export interface Group extends SpanGroup {
  readonly series: RecordSeries;
}

export class Groups {
  readonly #instruments: Instruments;
  readonly #models: Models;
  readonly #labels: LabelSets;
  readonly #groups = new Interned<Group>(GROUPS_MAX);
  readonly #parts: Part[] = [];

  constructor(instruments: Instruments, models: Models, labels: LabelSets) {
    this.#instruments = instruments;
    this.#models = models;
    this.#labels = labels;
  }

  of(record: UsageRecord, requestModel: string | undefined): Group {
    const { usage } = record;
    const operation = operationOf(record);
    const parts = this.#parts;
    parts[0] = operation?.operation;
    parts[1] = operation?.provider;
    parts[2] = this.#models.labelOf(requestModel);
    parts[3] = usage.model;
    parts[4] = record.upstream;
    parts[5] = record.route;
    parts[6] = record.outcome;
    parts[7] = record.cause;
    parts[8] = record.status;
    parts[9] = record.method;
    parts[10] = usage.kind;
    parts[11] = usage.kind === 'unknown' ? usage.reason : undefined;
    return this.#groups.getAnyway(parts, () => this.#make(record, requestModel));
  }

  #make(record: UsageRecord, requestModel: string | undefined): Group {
    const { outcome, usage } = record;
    if (outcome === 'completed' && usage.model !== undefined && this.#models.learn(usage.model)) {
      // Its name was told as another one, if at all.
      this.#groups.clear();
    }
    const operation = operationOf(record);
    const labels = operation && this.#labels.of(operation, record, requestModel);
    return {
      operation,
      model: this.#models.labelOf(requestModel ?? usage.model),
      providerKey: this.#labels.providerKey,
      series: this.#instruments.seriesOf(record, labels),
      bytes: undefined,
    };
  }
}

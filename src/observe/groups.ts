/**
 * Exchanges that are alike in all that labels of metrics and common attributes of spans tell: what
 * is told of one is found for all of them at once, and is not put together for each.
 */
import type { UsageRecord } from '../accounting/ledger.js';
import type { LabelSets } from './genai.js';
import { operationOf } from './genai.js';
import type { Instruments, RecordSeries } from './instruments.js';
import type { Models } from './labels.js';
import { Interned, Recent } from './labels.js';
import type { SpanGroup } from './spans.js';

/** Upstreams name models, and a few fields more are theirs to fill; over this all are found anew. */
const GROUPS_MAX = 500;

export interface Group extends SpanGroup {
  readonly series: RecordSeries;
}

/** A record that was told as one of this group. */
interface Known {
  readonly record: UsageRecord;
  readonly requestModel: string | undefined;
  /** What that model is told as. */
  readonly asked: string | undefined;
  readonly group: Group;
}

export class Groups {
  readonly #instruments: Instruments;
  readonly #models: Models;
  readonly #labels: LabelSets;
  readonly #groups = new Interned<Group>(GROUPS_MAX);
  readonly #recent = new Recent<Known>();

  constructor(instruments: Instruments, models: Models, labels: LabelSets) {
    this.#instruments = instruments;
    this.#models = models;
    this.#labels = labels;
  }

  of(record: UsageRecord, requestModel: string | undefined): Group {
    const { all } = this.#recent;
    for (let at = 0; at < all.length; at++) {
      const known = all[at] as Known;
      if (!alike(known.record, record)) continue;
      if (known.requestModel === requestModel) return known.group;
      if (known.asked === this.#models.labelOf(requestModel)) return known.group;
    }
    const group = this.#find(record, requestModel);
    this.#recent.add({ record, requestModel, asked: this.#models.labelOf(requestModel), group });
    return group;
  }

  #find(record: UsageRecord, requestModel: string | undefined): Group {
    const { usage, outcome } = record;
    const operation = operationOf(record);
    if (outcome === 'completed' && usage.model !== undefined && this.#models.learn(usage.model)) {
      // Its name was told as another one, if at all.
      this.#groups.clear();
      this.#recent.clear();
    }
    const parts = [
      ...[operation?.operation, operation?.provider],
      ...[this.#models.labelOf(requestModel), usage.model, reasonOf(record)],
      ...[record.upstream, record.route, outcome, record.cause, record.status, record.method],
      usage.kind,
    ];
    return this.#groups.getAnyway(parts, () => {
      const labels = operation && this.#labels.of(operation, record, requestModel);
      return {
        operation,
        model: this.#models.labelOf(requestModel ?? usage.model),
        providerKey: this.#labels.providerKey,
        series: this.#instruments.seriesOf(record, labels),
        bytes: undefined,
      };
    });
  }
}

function reasonOf({ usage }: UsageRecord): string | undefined {
  return usage.kind === 'unknown' ? usage.reason : undefined;
}

/** Whether records have the same of all that a group is found by. */
function alike(one: UsageRecord, other: UsageRecord): boolean {
  return (
    one.outcome === other.outcome &&
    one.status === other.status &&
    one.route === other.route &&
    one.upstream === other.upstream &&
    one.method === other.method &&
    one.cause === other.cause &&
    one.usage.kind === other.usage.kind &&
    one.usage.dialect === other.usage.dialect &&
    one.usage.model === other.usage.model &&
    reasonOf(one) === reasonOf(other) &&
    // The dialect is known by the path where no response has shown it.
    (one.usage.dialect !== undefined || one.path === other.path)
  );
}

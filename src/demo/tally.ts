/** What a server made of the traffic, counted from what its clients and its ledger got. */
import { readFileSync } from 'node:fs';
import type { UsageRecord } from '../accounting/ledger.js';
import type { Play } from '../envoy/plan.js';
import type { TraceRecord } from '../trace.js';
import type { LateEnd, Planned } from './driver.js';

export interface Counts {
  exchanges: number;
  /** Exchanges whose response got a late end. */
  lateEnds: Record<LateEnd, number>;
  /** Answers of 500 to exchanges whose upstream had answered well, by what they said. */
  wrong500s: Record<string, number>;
  /** Exchanges that went wrong in any other way, by the first thing that did. */
  otherFaults: Record<string, number>;
  /** Exchanges without a record, with more than one, and with one that says other counts. */
  usage: { lost: number; doubled: number; wrong: number };
  /** Exchanges of which anything above is told. */
  failed: { withLateEnd: number; withoutLateEnd: number };
  /** By name. */
  anomalies: Record<string, number>;
}

interface Met {
  readonly planned: Planned;
  /** Its client got something that is not right. */
  readonly faulty: boolean;
}

export class Tally {
  readonly #met = new Map<string, Met>();
  readonly #counts: Counts = {
    exchanges: 0,
    lateEnds: { empty: 0, repeated: 0 },
    wrong500s: {},
    otherFaults: {},
    usage: { lost: 0, doubled: 0, wrong: 0 },
    failed: { withLateEnd: 0, withoutLateEnd: 0 },
    anomalies: {},
  };

  /** An exchange was played. */
  played(planned: Planned, play: Play): void {
    const { lateEnds, wrong500s, otherFaults } = this.#counts;
    this.#counts.exchanges += 1;
    if (planned.lateEnd !== undefined) lateEnds[planned.lateEnd] += 1;
    const wrong500 = play.immediate?.status.code === 500 ? wordsOf(play.immediate.body) : undefined;
    const otherFault = wrong500 === undefined ? faultOf(planned, play) : undefined;
    if (wrong500 !== undefined) countIn(wrong500s, wrong500);
    if (otherFault !== undefined) countIn(otherFaults, otherFault);
    const faulty = wrong500 !== undefined || otherFault !== undefined;
    this.#met.set(planned.path, { planned, faulty });
  }

  /** The server's machine took a step. */
  readonly traced = ({ commands }: TraceRecord): void => {
    for (const command of commands) {
      const anomaly = /^countAnomaly\((.*)\)$/.exec(command)?.[1];
      if (anomaly !== undefined) countIn(this.#counts.anomalies, anomaly);
    }
  };

  /** The counts, with what the ledger's file says. */
  close(file: string): Counts {
    const records = recordsIn(file);
    const { usage, failed } = this.#counts;
    for (const { planned, faulty } of this.#met.values()) {
      const own = records.get(planned.path) ?? [];
      const lost = own.length === 0;
      const doubled = own.length > 1;
      const wrong = own.some((record) => !tellsUsageOf(record, planned));
      if (lost) usage.lost += 1;
      if (doubled) usage.doubled += 1;
      if (wrong) usage.wrong += 1;
      if (!faulty && !lost && !doubled && !wrong) continue;
      failed[planned.lateEnd === undefined ? 'withoutLateEnd' : 'withLateEnd'] += 1;
    }
    return this.#counts;
  }
}

/** What is wrong with a response that is no answer of the server's own; undefined if nothing is. */
function faultOf({ body }: Planned, { immediate, faults, downstream }: Play): string | undefined {
  if (immediate !== undefined) return `answered ${immediate.status.code}`;
  if (faults[0] !== undefined) return faults[0];
  const whole = downstream.complete && downstream.status === 200 && downstream.body.equals(body);
  return whole ? undefined : 'the client got another response';
}

/** The message of an error answer, without the places and pieces of one body that it quotes. */
function wordsOf(body: Uint8Array | undefined): string {
  const { error } = JSON.parse(Buffer.from(body ?? []).toString()) as {
    error: { message: string };
  };
  return error.message
    .replace(/ '.{1,2}', .*(?= is not valid JSON)/s, ' …')
    .replace(/ at position \d.*/, '');
}

/** The records of each exchange, by its path. */
function recordsIn(file: string): Map<string | undefined, UsageRecord[]> {
  const records = new Map<string | undefined, UsageRecord[]>();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const record = JSON.parse(line) as UsageRecord;
    records.set(record.path, [...(records.get(record.path) ?? []), record]);
  }
  return records;
}

function tellsUsageOf({ outcome, usage }: UsageRecord, { usage: told }: Planned): boolean {
  return (
    outcome === 'completed' &&
    usage.kind === 'final' &&
    usage.inputTokens === told.inputTokens &&
    usage.outputTokens === told.outputTokens &&
    usage.totalTokens === told.totalTokens
  );
}

function countIn(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

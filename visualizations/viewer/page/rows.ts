/** The table of live exchanges: what was told of each, and in which order they stand. Pure. */
import type { Machine } from './runs.js';

/**
 * What the server tells in a turn (`src/observe/rows.ts` writes it). Times are milliseconds on its
 * clock; a row has ended if its second time is not 0.
 */
export interface Frame {
  readonly at: number;
  readonly inFlight: number;
  readonly begun: number;
  readonly leftOut: number;
  readonly rows: readonly (readonly [string, ...number[]])[];
  readonly messages: readonly unknown[];
  readonly unknown?: string;
}

export interface Row {
  readonly id: string;
  readonly number: number;
  state: string;
  startedAt: number;
  endedAt: number;
  chunks: number;
  requestBytes: number;
  responseBytes: number;
  anomalies: number;
}

export type Filter = 'all' | 'inFlight' | 'anomalies';

/** Rows kept. Those that ended first are dropped for newer ones. */
const KEPT_MAX = 20_000;

export const COLUMNS = [
  'exchange',
  'outcome',
  'state',
  'age',
  'chunks',
  'bytes up',
  'bytes down',
  'anomalies',
];

export class Rows {
  readonly #machine: Machine;
  readonly #byId = new Map<string, Row>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get size(): number {
    return this.#byId.size;
  }

  find(id: string): Row | undefined {
    return this.#byId.get(id);
  }

  take({ rows }: Frame): void {
    for (const [id, number = 0, state = 0, ...counts] of rows) {
      const [startedAt = 0, endedAt = 0, chunks = 0, requestBytes = 0, responseBytes = 0] = counts;
      const row = this.#byId.get(id) ?? ({ id, number } as Row);
      row.state = this.#machine.table.states[state] ?? `state ${state}`;
      row.anomalies = counts[5] ?? 0;
      Object.assign(row, { startedAt, endedAt, chunks, requestBytes, responseBytes });
      this.#byId.set(id, row);
    }
    this.#dropOldest();
  }

  /** Those in flight, then those that have ended; of each the newest first. */
  ordered(filter: Filter): Row[] {
    const fits: Record<Filter, (row: Row) => boolean> = {
      all: () => true,
      inFlight: ({ endedAt }) => endedAt === 0,
      anomalies: ({ anomalies }) => anomalies > 0,
    };
    return [...this.#byId.values()]
      .filter(fits[filter])
      .sort((one, other) => rank(one) - rank(other) || other.number - one.number);
  }

  #dropOldest(): void {
    if (this.#byId.size <= KEPT_MAX) return;
    for (const [id, { endedAt }] of this.#byId) {
      if (endedAt > 0) this.#byId.delete(id);
      if (this.#byId.size <= KEPT_MAX) return;
    }
  }
}

const rank = ({ endedAt }: Row): number => (endedAt === 0 ? 0 : 1);

/** `now` is on the clock of the server. */
export function cellsOf(row: Row, now: number): { cells: string[]; look: string } {
  const { id, state, startedAt, endedAt, anomalies } = row;
  const age = (endedAt === 0 ? Math.max(now, startedAt) : endedAt) - startedAt;
  const [phase, outcome] = state.split('.');
  const settled = phase === 'settling' || phase === 'processed';
  const counts = [row.chunks, row.requestBytes, row.responseBytes].map(String);
  return {
    cells: [
      id,
      settled && outcome !== undefined ? outcome : endedAt === 0 ? '– in flight' : '–',
      state,
      ageOf(age),
      ...counts,
      anomalies === 0 ? '0' : `▲ ${anomalies}`,
    ],
    look: anomalies === 0 ? '' : 'anomaly',
  };
}

function ageOf(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}

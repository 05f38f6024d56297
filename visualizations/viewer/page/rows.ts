/** The table of live exchanges: what was told of each, and in which order they stand. Pure. */
import type { Frame } from '../../../src/observe/rows.js';
import type { Machine } from './runs.js';

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
  requestFingerprint: string;
  responseFingerprint: string;
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
    for (const [id, number, state, startedAt, endedAt, chunks, ...rest] of rows) {
      const [requestBytes, responseBytes, anomalies, , ...fingerprints] = rest;
      const [requestFingerprint, responseFingerprint] = fingerprints;
      this.#byId.set(
        id,
        Object.assign(this.#byId.get(id) ?? { id, number }, {
          state: this.#machine.table.states[state] ?? `state ${state}`,
          ...{ startedAt, endedAt, chunks, requestBytes, responseBytes, anomalies },
          ...{ requestFingerprint, responseFingerprint },
        }),
      );
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
  const up = bodyOf(row.requestBytes, row.requestFingerprint);
  const down = bodyOf(row.responseBytes, row.responseFingerprint);
  return {
    cells: [
      id,
      settled && outcome !== undefined ? outcome : endedAt === 0 ? '– in flight' : '–',
      state,
      ageOf(age),
      `${row.chunks}`,
      up,
      down,
      anomalies === 0 ? '0' : `▲ ${anomalies}`,
    ],
    look: anomalies === 0 ? '' : 'anomaly',
  };
}

/** Its size, and what tells it from others of that size. */
function bodyOf(bytes: number, fingerprint: string): string {
  return fingerprint === '' ? `${bytes}` : `${bytes} #${fingerprint}`;
}

function ageOf(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}

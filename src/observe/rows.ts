/**
 * What the viewer's page is told: in each turn the rows that have changed, and the steps of the one
 * exchange that it follows. Rows wait in the order in which they changed, so each is told in the end
 * however many there are.
 */
import type { Viewer } from './feed.js';
import { Following } from './following.js';
import type { Messages } from './messages.js';
import type { Watch, Watched } from './watch.js';

const ROWS_A_TURN = 1_000;

/**
 * A frame, as JSON. Times are milliseconds on the server's own clock, which `at` is now; a row has
 * ended if its second time is not 0. `visualizations/viewer/page/rows.ts` reads it.
 */
export interface Frame {
  readonly at: number;
  readonly inFlight: number;
  /** Exchanges that have begun since the server did. */
  readonly begun: number;
  /** Those of which this viewer was never told, as newer ones came too fast. */
  readonly leftOut: number;
  readonly rows: readonly Row[];
  /** In the protocol of `@statelyai/inspect`, of the exchange that is followed. */
  readonly messages: readonly unknown[];
  /** An exchange that was to be followed and that is not known any more. */
  readonly unknown?: string;
}

export type Row = readonly [
  id: string,
  number: number,
  /** Its place among the states of the machine. */
  state: number,
  startedAt: number,
  endedAt: number,
  chunks: number,
  requestBytes: number,
  responseBytes: number,
  anomalies: number,
  steps: number,
  /** Of the bytes of either body, in hexadecimal; empty where there is none. */
  requestFingerprint: string,
  responseFingerprint: string,
];

export class RowsViewer implements Viewer {
  readonly #watch: Watch;
  readonly #messages: Messages;
  /** The revision of each row that it was told, 0 for none so far. What waits longest comes first. */
  readonly #known = new Map<Watched, number>();
  /** Exchanges that were gone when it came, and those that it has been told of. */
  readonly #before: number;
  #told = 0;
  #following: Following | undefined;
  #unknown: string | undefined;

  constructor(watch: Watch, messages: Messages) {
    this.#watch = watch;
    this.#messages = messages;
    this.#before = watch.begun - watch.held;
  }

  /** Whoever it followed before is followed no longer. */
  follow(id: string | null): void {
    const row = id === null ? undefined : this.#watch.find(id);
    this.#following = row && new Following(row, this.#messages);
    this.#unknown = row === undefined && id !== null ? id : undefined;
  }

  turn(): string[] {
    for (const row of this.#watch.rows()) if (!this.#known.has(row)) this.#known.set(row, 0);
    const { changed, waiting } = this.#look();
    for (const row of changed) {
      if (this.#known.get(row) === 0) this.#told++;
      this.#known.delete(row);
      this.#known.set(row, row.revision);
    }
    const { begun, inFlight } = this.#watch;
    const frame: Omit<Frame, 'messages'> = {
      at: Math.round(performance.now()),
      inFlight: inFlight.size,
      begun,
      leftOut: begun - this.#before - this.#told - waiting,
      rows: changed.map(rowOf),
      ...(this.#unknown === undefined ? {} : { unknown: this.#unknown }),
    };
    this.#unknown = undefined;
    // The messages are JSON already.
    const messages = this.#following?.news() ?? [];
    return [`${JSON.stringify(frame).slice(0, -1)},"messages":[${messages.join()}]}`];
  }

  /** The rows to tell now, and how many were never told of and have to wait. */
  #look(): { changed: Watched[]; waiting: number } {
    const changed: Watched[] = [];
    let waiting = 0;
    for (const [row, revision] of this.#known) {
      const over = row.forgotten && (revision === 0 || revision === row.revision);
      if (over) this.#known.delete(row);
      else if (revision === row.revision) continue;
      else if (changed.length < ROWS_A_TURN) changed.push(row);
      else if (revision === 0) waiting++;
    }
    return { changed, waiting };
  }
}

function rowOf(row: Watched): Row {
  return [
    row.id,
    row.number,
    row.state,
    Math.round(row.startedAt),
    Math.round(row.endedAt),
    row.chunks,
    row.request.bytes,
    row.response.bytes,
    row.anomalies,
    row.steps,
    row.request.fingerprint,
    row.response.fingerprint,
  ];
}

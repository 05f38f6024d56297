/**
 * Recorded exchanges in Stately's inspector: each viewer is told all of them from the start, in the
 * order in which they were recorded. A viewer that reads slowly is waited for, so what waits for it
 * is bounded however long the record is.
 */
import type { WebSocket } from 'ws';
import { codeOf } from '../../machines/events.js';
import type { Table } from '../table.js';
import type { TraceRecord } from '../trace.js';
import { eventOf } from '../trace.js';
import { type Messages, makeMessages } from './messages.js';
import { socketsOf } from './sockets.js';
import { statelyFile } from './stately.js';
import { Viewing } from './viewing.js';

const UNREAD_BYTES_MAX = 1024 * 1024;
/** Exchanges that are known to have been told of. One that is forgotten is told of again. */
const KNOWN_MAX = 10_000;

export interface ReplayOptions {
  readonly host: string;
  readonly port: number;
  /** The records anew, for each viewer that comes. */
  readonly records: () => AsyncIterable<TraceRecord>;
  /** The machines that the records may be of. */
  readonly tables: readonly Table[];
  /** Told, for people, what cannot be told to a viewer. */
  readonly warn: (message: string) => void;
}

export interface Replay {
  /** What to open in a browser. It holds the token. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Throws `INTERLOCK_BAD_CONFIG` if an optional package is missing, and rejects with the system's
 * error if the port is taken.
 */
export async function startReplay(options: ReplayOptions): Promise<Replay> {
  const { host, port, records, warn } = options;
  const tellers = await Promise.all(options.tables.map(Teller.of));
  const tell = (socket: WebSocket) => {
    replay(socket, records(), tellers).then(
      (skipped) => {
        if (skipped > 0) warn(`replay: ${skipped} records are of no machine known here`);
      },
      (error) => {
        warn(`replay: ${(error as Error).message}`);
        socket.close(1011);
      },
    );
  };
  const viewing = new Viewing({
    host,
    port,
    policy: () => "default-src 'none'",
    find: (path) => (path === 'stately' ? statelyFile() : undefined),
    sockets: await socketsOf({ 'stately/messages': tell }, '--stately'),
  });
  await viewing.listen();
  return { url: `${viewing.url}stately`, close: () => viewing.close() };
}

/** Tells one viewer. Gives how many records were of no machine. */
async function replay(
  socket: WebSocket,
  records: AsyncIterable<TraceRecord>,
  tellers: readonly Teller[],
): Promise<number> {
  const known = new Set<string>();
  let skipped = 0;
  for await (const record of records) {
    const teller = tellers.find(({ codes }) => codes.has(record.state));
    if (teller === undefined) {
      skipped++;
      continue;
    }
    for (const text of teller.textsOf(record, known)) await send(socket, text);
    if (socket.readyState !== socket.OPEN) break;
  }
  return skipped;
}

/** Waits where the viewer has much to read; a viewer that goes away ends the wait. */
async function send(socket: WebSocket, text: string): Promise<void> {
  if (socket.bufferedAmount <= UNREAD_BYTES_MAX) socket.send(text, () => {});
  else await new Promise<void>((resolve) => socket.send(text, () => resolve()));
}

/** What tells the steps of one machine. */
class Teller {
  readonly codes: ReadonlyMap<string, number>;
  readonly #messages: Messages;

  private constructor(table: Table, messages: Messages) {
    this.codes = new Map(table.states.map((state, code) => [state, code]));
    this.#messages = messages;
  }

  static async of(table: Table): Promise<Teller> {
    return new Teller(table, await makeMessages(table, '--stately'));
  }

  textsOf(
    { exchange, seq, at, event, state, commands }: TraceRecord,
    known: Set<string>,
  ): string[] {
    const texts: string[] = [];
    if (!known.has(exchange)) {
      known.add(exchange);
      const [oldest] = known;
      if (known.size > KNOWN_MAX) known.delete(oldest as string);
      texts.push(this.#messages.actor(exchange, at));
    }
    // A record that was read has events of the alphabet alone.
    const code = codeOf(eventOf(event) as NonNullable<ReturnType<typeof eventOf>>);
    const told = { seq, at, event: code, state: this.codes.get(state) as number, commands };
    return [...texts, ...this.#messages.step(exchange, told)];
  }
}

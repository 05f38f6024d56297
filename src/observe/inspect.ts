/**
 * Live exchanges in the Stately inspector, without XState on the path of an exchange.
 *
 * The records of a trace already say which event came and which state it led to. Here they become
 * the messages that `@statelyai/inspect` would send for a running actor: the package makes the
 * messages (`createInspector`), and each exchange is an actor of the machine in `machines/`. Its
 * own adapter for WebSockets is not used, since it keeps what it cannot send without a bound.
 *
 * What is shown are names: of events, states and commands. A record has no headers and no bodies.
 */
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { InterlockError } from '../errors.js';
import { stateValueOf } from '../names.js';
import { start, table } from '../step.js';
import type { TraceRecord, TraceSink } from '../trace.js';
import { eventOf } from '../trace.js';
import { Bridge } from './bridge.js';
import type { SamplingLimits } from './sampling.js';
import { Sampling } from './sampling.js';

export interface InspectionOptions {
  /** On 127.0.0.1. Default: 0, which takes a free one. */
  readonly port?: number | undefined;
  readonly limits?: Partial<SamplingLimits> | undefined;
  /** A viewer with more bytes than this unread is let go. Default: 8 MiB. */
  readonly unreadBytesMax?: number | undefined;
  /** Told, for people, what is not shown. Default: a line on stderr. */
  readonly warn?: ((message: string) => void) | undefined;
}

export interface Inspection {
  /** For `HttpGateway` and `Exchange`. It never throws and never waits. */
  readonly sink: TraceSink;
  /** What to open in a browser. It holds the token. */
  readonly url: string;
  readonly sampling: Sampling;
  readonly bridge: Bridge;
  close(): Promise<void>;
}

const INSPECTOR_URL = 'https://stately.ai/inspect';
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Starts the bridge. Throws `INTERLOCK_BAD_CONFIG` if an optional package is missing, and rejects
 * with the system's error if the port is taken.
 */
export async function startInspection(options: InspectionOptions = {}): Promise<Inspection> {
  const { port = 0, limits, unreadBytesMax = UNREAD_BYTES_MAX, warn = warnOnStderr } = options;
  const { WebSocketServer } = await optional('ws', () => import('ws'));
  const messages = await makeMessages();

  const told = (record: TraceRecord) => {
    if (bridge.viewers === 0) return;
    for (const text of messages.of(record)) bridge.tell(text);
  };
  const cut = (last: TraceRecord) => {
    if (bridge.viewers > 0) bridge.tell(messages.stopped(last));
  };
  const sampling = new Sampling({ told, cut, warn }, limits);
  // A viewer that joins is told of the latest exchanges, and of no more than it can take at once.
  const greeting = () => newest(sampling.replay, messages.of, unreadBytesMax / 4);
  const bridge: Bridge = new Bridge({
    WebSocketServer,
    port,
    inspectorUrl: INSPECTOR_URL,
    greeting,
    warn,
    unreadBytesMax,
  });
  await bridge.listen();

  const close = async () => {
    sampling.close();
    await bridge.close();
  };
  return { sink: sampling.sink, url: bridge.url, sampling, bridge, close };
}

interface Messages {
  /** The messages of one record, as JSON; the first record of an exchange announces the actor. */
  of(record: TraceRecord): string[];
  /** That no more will be told of an exchange. */
  stopped(last: TraceRecord): string;
}

async function makeMessages(): Promise<Messages> {
  const { createInspector } = await optional(
    '@statelyai/inspect',
    () => import('@statelyai/inspect'),
  );
  const { exchange } = await import('../../machines/exchange.js');
  // Not left to the package: it would make it anew for each actor, and cut it off at ten levels.
  const definition = JSON.stringify(exchange.config);
  const values = new Map(table.states.map((name) => [name, stateValueOf(name)]));
  let texts: string[] = [];
  let at = 0;

  const complete = (message: StatelyInspectionEvent): StatelyInspectionEvent => ({
    ...message,
    ...(message.type === '@xstate.actor' ? { definition } : {}),
    rootId: message.sessionId,
    // When it happened, not when it is told.
    createdAt: Math.round(performance.timeOrigin + at).toString(),
  });
  const send = (message: StatelyInspectionEvent) => texts.push(JSON.stringify(message));
  const inspector = createInspector({ send }, { serialize: complete });
  const snapshotOf = (state: string, status: 'active' | 'done' | 'stopped') => ({
    status,
    value: values.get(state),
    context: {},
  });

  const of = ({ exchange: id, seq, event: text, state, commands, ...record }: TraceRecord) => {
    texts = [];
    at = record.at;
    const event = eventOf(text) ?? { type: text };
    const over = state.startsWith('processed.');
    if (seq === 0) inspector.actor(id, snapshotOf(table.states[start()] as string, 'active'));
    inspector.event(id, event);
    // The machine has no context, so its place is free for what was ordered.
    const snapshot = { ...snapshotOf(state, over ? 'done' : 'active'), context: { commands } };
    inspector.snapshot(id, snapshot, { event });
    return texts;
  };
  const stopped = ({ exchange: id, state }: TraceRecord) => {
    texts = [];
    at = performance.now();
    inspector.snapshot(id, snapshotOf(state, 'stopped'), { event: { type: 'notShownOn' } });
    return texts[0] as string;
  };
  return { of, stopped };
}

/** The texts of the newest exchanges that together stay below `lengthMax`, in their order. */
function newest(
  exchanges: readonly (readonly TraceRecord[])[],
  textsOf: (record: TraceRecord) => string[],
  lengthMax: number,
): string[] {
  const chosen: string[][] = [];
  let length = 0;
  for (const records of exchanges.toReversed()) {
    const texts = records.flatMap(textsOf);
    length += texts.reduce((sum, text) => sum + text.length, 0);
    if (length > lengthMax) break;
    chosen.unshift(texts);
  }
  return chosen.flat();
}

/** A package that is installed only where it is wanted. */
async function optional<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new InterlockError(
      'INTERLOCK_BAD_CONFIG',
      `--inspect needs the package "${name}", which is optional and not installed here; ` +
        'npm install @statelyai/inspect ws',
      { cause },
    );
  }
}

function warnOnStderr(message: string): void {
  process.stderr.write(`interlock: ${message}\n`);
}

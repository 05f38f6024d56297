/**
 * The log: one line of JSON per exchange on stderr, and one per warning. It holds the facts of the
 * usage record and no header or body; peers' texts are short and of one line, and without what
 * looks like a key (SEC-22, SEC-29). A reader that does not read costs lines and no exchange.
 */
import { pino } from 'pino';
import type { UsageRecord } from '../accounting/ledger.js';
import { capped } from '../accounting/usage.js';
import { isFault } from './spans.js';
import type { ExchangeLog } from './telemetry.js';
import { plainJson, redacted } from './text.js';

/** `info`: every exchange. `warn`: those that failed by a fault of somebody, and warnings. */
export const LOG_LEVELS = ['info', 'warn'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;
/** Characters that may wait for a reader; what comes over it is left out. */
const WAITING_MAX = 1024 * 1024;
/** Characters that go out at once, and how long fewer wait for more. */
const BATCH = 32 * 1024;
const GATHER_MS = 100;
/** How long the last lines may take at the end. */
const LAST_MS = 1_000;

export interface Log {
  readonly exchange: ExchangeLog;
  warn(message: string): void;
  /** Writes what waits, for a moment at the most. */
  close(): Promise<void>;
}

/** Opens the log. `dest` is a file's path or descriptor. */
export function openLog(level: LogLevel, dest: string | number = STDERR): Log {
  const destination = pino.destination({
    dest,
    sync: false,
    minLength: BATCH,
    maxWrite: 2 * BATCH,
    maxLength: WAITING_MAX,
    periodicFlush: GATHER_MS,
  });
  // A reader that went away is told to each write; unheard, it would end the process.
  destination.on('error', () => {});
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => `${plainJson(line)}\n` },
    },
    destination,
  );
  let closed = false;
  return {
    exchange: (record, traceId, spanId) => {
      const fault = isFault(record.outcome);
      if (closed || !logger.isLevelEnabled(fault ? 'warn' : 'info')) return;
      logger[fault ? 'warn' : 'info'](fieldsOf(record, traceId, spanId), 'exchange');
    },
    warn: (message) => {
      if (!closed) logger.warn(redacted(message));
    },
    close: () =>
      new Promise((resolve) => {
        closed = true;
        const late = setTimeout(resolve, LAST_MS);
        destination.once('close', () => {
          clearTimeout(late);
          resolve();
        });
        destination.end();
      }),
  };
}

/** One flat literal: what is nested, or made by spreading, would cost more than all the rest. */
function fieldsOf(record: UsageRecord, trace?: string, span?: string): object {
  const { usage, anomalies } = record;
  const known = usage.kind === 'unknown' ? undefined : usage;
  return {
    exchange: record.exchange,
    outcome: record.outcome,
    cause: record.cause,
    status: record.status,
    method: clean(record.method),
    path: clean(record.path),
    route: record.route,
    upstream: record.upstream,
    model: clean(record.model),
    usage: usage.kind,
    reason: usage.kind === 'unknown' ? usage.reason : undefined,
    inputTokens: known?.inputTokens,
    outputTokens: known?.outputTokens,
    totalTokens: known?.totalTokens,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    durationMs: record.durationMs,
    firstByteMs: record.firstByteMs,
    anomalies,
    trace,
    span,
  };
}

function clean(text: string | undefined): string | undefined {
  return text && redacted(capped(text));
}

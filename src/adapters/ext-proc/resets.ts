/**
 * Connections whose peer resets its streams, as Envoy does with most (field: E17).
 *
 * Node's HTTP/2 takes that for an attack (CVE-2023-44487): a connection may bring 1000 resets, and 33
 * more per second; then it is cut, with every exchange on it. Node 20 has no option for the two
 * numbers, and gRPC passes none on. So a connection is retired before: it is told to be the last one
 * (GOAWAY), what is open on it ends in its own time, and the peer opens another.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Call } from './conversation.js';

const RESETS = 1000;
const RESETS_PER_SECOND = 33;
/** Resets that may be on their way already when a connection is retired. */
const SLACK = 50;

/** What a connection has left, and how many of its streams are open, each of which may be reset. */
interface Budget {
  left: number;
  at: number;
  open: number;
}

const budgets = new WeakMap<ServerHttp2Session, Budget>();

/** Counts how the stream ends, and retires its connection if it is time to. */
export function watchResets(call: Call): void {
  // gRPC does not show the stream otherwise. Without it, connections are cut as Node will.
  const { stream } = (call as unknown as { call: { stream?: ServerHttp2Stream } }).call;
  const session = stream?.session as ServerHttp2Session | undefined;
  if (stream === undefined || session === undefined) return;
  let budget = budgets.get(session);
  if (budget === undefined) {
    budget = { left: RESETS, at: performance.now(), open: 0 };
    budgets.set(session, budget);
  }
  budget.open++;
  stream.once('close', () => ended(stream, session, budget));
}

function ended(stream: ServerHttp2Stream, session: ServerHttp2Session, budget: Budget): void {
  budget.open--;
  // A stream that closes before our end of it was written was closed by the peer.
  if (stream.rstCode === 0 && stream.writableFinished) return;
  const now = performance.now();
  const earned = ((now - budget.at) / 1000) * RESETS_PER_SECOND;
  budget.left = Math.min(RESETS, budget.left + earned) - 1;
  budget.at = now;
  if (budget.left < budget.open + SLACK && !session.closed) session.close();
}

/**
 * Connections whose peer resets its streams, as Envoy does with most (field: E17).
 *
 * Node's HTTP/2 takes that for an attack (CVE-2023-44487): a connection may bring 1000 resets, and 33
 * more per second; then it is cut, with every exchange on it. So a connection is retired before: it
 * is told to be the last one (GOAWAY), what is open on it ends in its own time, and the peer opens
 * another. From then on no new stream of it is heard.
 *
 * Node 22.23 and 24.21 (nghttp2 1.69 and 1.70) end the process when their own guard strikes a
 * connection that was retired, or when one is retired while its bytes are read. So the guard is ours,
 * wherever Node can be told, and a connection is retired once what was read is through.
 */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from 'node:http2';
import { constants } from 'node:http2';
import type { ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';

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

/** What gRPC does not show. Should it be there no more, connections are cut as Node will. */
interface Inside {
  readonly commonServerOptions?: ServerOptions;
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}

/** Takes connections for the server, with this guard in the place of Node's. Node 20 keeps its own. */
export function guardedInjector(
  server: Server,
  credentials: ServerCredentials,
): ConnectionInjector {
  const { commonServerOptions, http2Servers } = server as unknown as Inside;
  if (commonServerOptions === undefined || http2Servers === undefined) {
    return server.createConnectionInjector(credentials);
  }
  const others = new Set(http2Servers.keys());
  const streamResetBurst = Number.MAX_SAFE_INTEGER;
  Object.assign(commonServerOptions, { streamResetBurst, streamResetRate: streamResetBurst });
  const injector = server.createConnectionInjector(credentials);
  for (const http2Server of http2Servers.keys()) {
    if (!others.has(http2Server)) http2Server.prependListener('stream', watch);
  }
  return injector;
}

/** Counts how the stream ends, and retires its connection if it is time to. */
function watch(stream: ServerHttp2Stream): void {
  const session = stream.session as ServerHttp2Session | undefined;
  if (session === undefined) return;
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
  if (budget.left < budget.open + SLACK) setImmediate(retire, session, budget);
}

/** What is open ends in its own time, unless all is spent. GOAWAY goes before either. */
function retire(session: ServerHttp2Session, budget: Budget): void {
  if (session.destroyed) return;
  session.close();
  // Node 20 would wait for bytes that its guard keeps from being sent.
  if (budget.open === 0 || budget.left <= 0) session.destroy(undefined, codeOf(budget));
}

function codeOf({ left }: Budget): number {
  return left > 0 ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_ENHANCE_YOUR_CALM;
}

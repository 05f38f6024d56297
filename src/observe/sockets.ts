/** The sockets beside a page, each with what is said over it. */
import type { WebSocket } from 'ws';
import { optional } from './optional.js';
import type { Sockets } from './viewing.js';

/** By the path of a socket, below the token. */
export type Talks = Readonly<Record<string, (socket: WebSocket) => void>>;

/** What a viewer may say in one message. */
const SAID_BYTES_MAX = 1_024;

/** Throws `INTERLOCK_BAD_CONFIG` if the package is missing; `flag` is what asks for it. */
export async function socketsOf(talks: Talks, flag: string): Promise<Sockets> {
  const { WebSocketServer } = await optional('ws', flag, () => import('ws'));
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: SAID_BYTES_MAX,
    perMessageDeflate: false,
  });
  return { server, at: (path) => (Object.hasOwn(talks, path) ? talks[path] : undefined) };
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A port of 127.0.0.1 that refuses connections until it is closed. */
export interface RefusedPort {
  readonly port: number;
  /** Origin without a trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Takes a port on which nobody listens (fault: F13). A port that was merely free a moment ago could
 * be taken by the next server of another test, so this one is kept in use, as the local end of a
 * connection: nobody else gets it, and connecting to it is refused.
 */
export async function refusedPort(): Promise<RefusedPort> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(holder, 'connect');
  const [other] = await accepted;
  for (const socket of [holder, other]) socket.on('error', () => {});
  const port = holder.localPort ?? 0;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      holder.destroy();
      other.destroy();
      await closed;
    },
  };
}

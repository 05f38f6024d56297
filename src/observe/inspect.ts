/**
 * Live exchanges in a browser on this machine: the page of the viewer, or Stately's inspector.
 *
 * `@statelyai/inspect` brings a server of its own (`@statelyai/inspect/server`). It is not used: it
 * listens on every interface, takes any Host and any Origin and asks for no token, so any page in
 * any browser that reaches the port could read every exchange, and write into the viewer; and it
 * opens a browser unasked. Who comes in here is for `door.ts` to say.
 */
import type { WebSocket } from 'ws';
import { ActorsViewer } from './actors.js';
import type { FeedLimits, Viewer } from './feed.js';
import { Feed } from './feed.js';
import { makeMessages } from './messages.js';
import { RowsViewer } from './rows.js';
import { socketsOf, type Talks } from './sockets.js';
import { statelyFile } from './stately.js';
import type { Find, Policy, Viewable } from './viewing.js';
import { Viewing } from './viewing.js';
import { Watch } from './watch.js';

export interface InspectionOptions {
  /** What is looked at. Default: a new one. */
  readonly watch?: Watch | undefined;
  /** On 127.0.0.1. Default: 0, which takes a free one. */
  readonly port?: number | undefined;
  /** The files of the page, and their policy. It asks for `live` and opens the socket `rows`. */
  readonly find: Find;
  readonly policy: Policy;
  readonly limits?: Partial<FeedLimits> | undefined;
  /** Told, for people, what is not shown. Default: a line on stderr. */
  readonly warn?: ((message: string) => void) | undefined;
}

export interface Inspection {
  /** For the server whose exchanges are to be seen. */
  readonly watch: Watch;
  /** What to open in a browser. It holds the token; Stately's inspector is at `stately` below. */
  readonly url: string;
  readonly feed: Feed;
  close(): Promise<void>;
}

/**
 * Throws `INTERLOCK_BAD_CONFIG` if an optional package is missing, and rejects with the system's
 * error if the port is taken.
 */
export async function startInspection(options: InspectionOptions): Promise<Inspection> {
  const { watch = new Watch(), port = 0, policy, warn = warnOnStderr } = options;
  const messages = await makeMessages(watch.table, '--inspect');
  const feed = new Feed(warn, options.limits);

  const talks: Talks = {
    rows: (socket) => {
      const viewer = new RowsViewer(watch, messages);
      join(feed, socket, viewer);
      socket.on('message', (data, binary) => {
        const id = binary ? undefined : followed(String(data));
        if (id === undefined) socket.close(1008, 'Accepted: {"follow":"<id>"}, or null');
        else viewer.follow(id);
      });
    },
    'stately/messages': (socket) => join(feed, socket, new ActorsViewer(watch, messages)),
  };
  const sockets = await socketsOf(talks, '--inspect');
  const viewing = new Viewing({
    host: '127.0.0.1',
    port,
    policy,
    find: (path) => fileAt(path, watch.table.machine) ?? options.find(path),
    sockets,
  });
  await viewing.listen();

  const close = async () => {
    feed.close();
    await viewing.close();
  };
  return { watch, url: viewing.url, feed, close };
}

function join(feed: Feed, socket: WebSocket, viewer: Viewer): void {
  const wire = {
    get unreadBytes() {
      return socket.bufferedAmount;
    },
    send: (text: string) => socket.send(text),
    letGo: () => socket.terminate(),
  };
  socket.on('close', () => feed.leave(wire));
  feed.join(wire, viewer);
}

/** The one thing that a viewer can say: which exchange it follows, or that it follows none. */
function followed(text: string): string | null | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof said !== 'object' || said === null || Object.keys(said).join() !== 'follow') return;
  const { follow } = said as { follow: unknown };
  return typeof follow === 'string' || follow === null ? follow : undefined;
}

function fileAt(path: string, machine: string): Viewable | undefined {
  // What the page is told when it asks whether there is something live.
  if (path === 'live') return { type: 'application/json', body: JSON.stringify({ machine }) };
  return path === 'stately' ? statelyFile() : undefined;
}

function warnOnStderr(message: string): void {
  process.stderr.write(`interlock: ${message}\n`);
}

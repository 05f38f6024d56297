/** A client on a plain socket, and what it can tell of a reply without an HTTP library's mercy. */
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { UsageRecord } from '../src/accounting/ledger.js';
import type { RawReply } from '../src/upstream/index.js';
import { rawExchange } from '../src/upstream/index.js';
import type { WorldOptions } from './harness.js';
import { World } from './harness.js';

export const CHAT = '/v1/chat/completions';

/** What a client has read: the head, the body without its framing, and how it ended. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Lines after the last chunk. */
  readonly trailers: readonly string[];
  /** The framing says that the body is all there; a close-delimited one never says so. */
  readonly whole: boolean;
  /** How the connection ended; `open` where the reply was whole and left it open. */
  readonly ending: RawReply['ending'];
  /** What came behind the whole reply. */
  readonly rest: Buffer;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly version?: '1.0' | '1.1';
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A request in bytes. Without a body it is a chat that asks for a stream. */
export function request({ method = 'POST', path = CHAT, ...asked }: Asked = {}): string {
  const { version = '1.1', headers = [], body = '' } = asked;
  const length = method === 'POST' ? [`content-length: ${Buffer.byteLength(body)}`] : [];
  const lines = [`${method} ${path} HTTP/${version}`, 'host: gateway', ...length, ...headers];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** The body of a chat that asks the scripted upstream for a fault. */
export function chat(model: string): string {
  return JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hi' }] });
}

/** A chat whose stream tells its usage. */
export const WITH_USAGE = JSON.stringify({
  ...JSON.parse(chat('interlock-small')),
  stream_options: { include_usage: true },
});

/** Sends a request and reads until the reply is whole, or its connection has ended. */
export async function ask(port: number, asked: Asked): Promise<Reply> {
  const bodiless = asked.method === 'HEAD';
  const { bytes, ending } = await rawExchange(
    port,
    request(asked),
    (sofar) => replyOf(sofar, bodiless)?.whole ?? false,
  );
  const reply = replyOf(bytes, bodiless);
  if (reply === undefined) throw new Error(`no reply, but ${ending} after ${bytes}`);
  return { ...reply, ending };
}

/** The first reply in these bytes, once its head is there. */
export function replyOf(bytes: Buffer, bodiless = false): Omit<Reply, 'ending'> | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(first.split(' ')[1]);
  const after = bytes.subarray(end + 4);
  const facts = { status, headers, trailers: [] };
  if (bodiless || status === 204 || status === 304) {
    return { ...facts, body: after.subarray(0, 0), whole: true, rest: after };
  }
  if (headers['transfer-encoding'] === 'chunked') return { ...facts, ...dechunked(after) };
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(length)) {
    return { ...facts, body: after, whole: false, rest: after.subarray(after.length) };
  }
  const body = after.subarray(0, length);
  return { ...facts, body, whole: body.length === length, rest: after.subarray(length) };
}

/** Reads chunks strictly; what is not a chunk is not part of the body. */
function dechunked(bytes: Buffer) {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, Math.max(at, lineEnd)), 16);
    if (lineEnd < 0 || Number.isNaN(size) || size > bytes.length * 16) {
      return { body: Buffer.concat(parts), whole: false, trailers: [], rest: bytes.subarray(at) };
    }
    if (size === 0) return { body: Buffer.concat(parts), ...ended(bytes, lineEnd + 2) };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

function ended(bytes: Buffer, from: number) {
  const trailers: string[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return { whole: false, trailers, rest: bytes.subarray(at) };
    if (lineEnd === at) return { whole: true, trailers, rest: bytes.subarray(at + 2) };
    trailers.push(bytes.toString('latin1', at, lineEnd));
    at = lineEnd + 2;
  }
}

/** Runs a claim in a world of its own; what it did must have been runs of the machine. */
export async function inWorld(
  options: WorldOptions,
  claim: (world: World) => Promise<void>,
): Promise<void> {
  const world = await World.start(options);
  try {
    await claim(world);
  } finally {
    await world.close();
  }
}

/** A record in two phrases: outcome and cause; the kind of usage, or why it is unknown. */
export function gist(record: UsageRecord | undefined): [string, string] {
  const { outcome, cause, usage } = record as UsageRecord;
  const why = usage.kind === 'unknown' ? usage.reason : usage.kind;
  return [cause === undefined ? outcome : `${outcome} ${cause}`, why];
}

/** A client that keeps its connection, and leaves when and as the test says. */
export class Client {
  readonly #progress = new EventEmitter();
  #bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #read = 0;
  /** How the connection ended, from this side. */
  ending: 'fin' | 'rst' | undefined;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (part: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, part]);
      this.#progress.emit('progress');
    });
    socket.on('end', () => this.#ended(socket.remoteAddress === undefined ? 'rst' : 'fin'));
    socket.on('error', () => this.#ended('rst'));
    socket.on('close', () => this.#ended('fin'));
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** What came and was not yet read as a reply. */
  get text(): string {
    return this.#bytes.toString('latin1', this.#read);
  }

  ask(asked: Asked): void {
    this.socket.write(request(asked));
  }

  /** The next whole reply, or what there is of it when the connection ends. */
  async reply(): Promise<Reply> {
    const parsed = () => replyOf(this.#bytes.subarray(this.#read));
    await this.until(() => parsed()?.whole ?? false).catch(() => {});
    const reply = parsed();
    if (reply === undefined) throw new Error(`no reply, but ${this.ending} after ${this.text}`);
    this.#read = this.#bytes.length - reply.rest.length;
    return { ...reply, ending: this.ending ?? 'open' };
  }

  /** Resolves once this holds; rejects if the connection ends before. */
  async until(ready: (text: string) => boolean): Promise<void> {
    while (!ready(this.text)) {
      if (this.ending !== undefined) throw new Error(`${this.ending} after ${this.text}`);
      await once(this.#progress, 'progress');
    }
  }

  /** Resolves when the other side has ended the connection. */
  async gone(): Promise<'fin' | 'rst'> {
    while (this.ending === undefined) await once(this.#progress, 'progress');
    return this.ending;
  }

  /** Goes at once. Gives the moment. */
  leave(how: 'fin' | 'rst'): number {
    if (how === 'rst') this.socket.resetAndDestroy();
    else this.socket.destroy();
    return performance.now();
  }

  #ended(how: 'fin' | 'rst'): void {
    this.ending ??= how;
    this.#progress.emit('progress');
  }
}

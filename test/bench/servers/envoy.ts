/**
 * Envoy's side, in a process of its own: streamed exchanges as frames that were made beforehand,
 * on bare HTTP/2, so that it costs less than the servers and they are what is waited for.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect, constants } from 'node:http2';
import type { ProcessingRequest, ProcessingResponse } from '../../../src/adapters/ext-proc/wire.js';
import { SERVICE_NAME, service } from '../../../src/adapters/ext-proc/wire.js';

export type BenchMode = 'STREAMED' | 'FULL_DUPLEX_STREAMED';

/** What is asked of this process. */
export type Ask =
  | { readonly do: 'load'; readonly port: number; readonly mode: BenchMode; readonly ms: number }
  | { readonly do: 'idle'; readonly port: number; readonly streams: number }
  | { readonly do: 'close' };

export interface Loaded {
  readonly messages: number;
  readonly seconds: number;
  /** What one exchange was answered, a word for each answer. */
  readonly words: readonly string[];
}

const CHUNKS = 150;
const CONNECTIONS = 4;
const STREAMS = 32;
/** Messages of one stream that may be without their answer. */
const WINDOW = 8;
const HEAD_BYTES = 5;

const { requestSerialize, responseDeserialize } = service.Process!;

const text = (value: string) => Buffer.from(value);
const map = (fields: Record<string, string>) => ({
  headers: Object.entries(fields).map(([key, value]) => ({ key, rawValue: text(value) })),
});
const event = (value: object) => text(`data: ${JSON.stringify(value)}\n\n`);

const DELTA = event({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'bench',
  choices: [
    { index: 0, delta: { content: 'a word or two ' }, logprobs: null, finish_reason: null },
  ],
  obfuscation: 'abcdefghijklmnopqrstuvwxyz',
  usage: null,
});
const USAGE = { prompt_tokens: 12, completion_tokens: 150, total_tokens: 162 };
const LAST = Buffer.concat([event({ choices: [], usage: USAGE }), text('data: [DONE]\n\n')]);
const REQUEST = text(
  JSON.stringify({
    model: 'bench',
    stream: true,
    messages: [{ role: 'user', content: 'Tell me about the order of events. '.repeat(8) }],
  }),
);

function exchangeOf(mode: BenchMode): ProcessingRequest[] {
  return [
    {
      requestHeaders: {
        headers: map({
          ':method': 'POST',
          ':path': '/v1/chat/completions',
          ':scheme': 'https',
          ':authority': 'llm.example.com',
          'content-type': 'application/json',
          authorization: 'Bearer sk-0123456789abcdef0123456789abcdef',
          'user-agent': 'OpenAI/Python 2.0.0',
          'x-request-id': '0b1f7a52-7c52-4f3a-9c0e-5a3d0c6f2a11',
        }),
      },
      protocolConfig: { requestBodyMode: mode, responseBodyMode: mode },
    },
    { requestBody: { body: REQUEST, endOfStream: true } },
    {
      responseHeaders: {
        headers: map({ ':status': '200', 'content-type': 'text/event-stream', server: 'bench' }),
      },
    },
    ...Array.from({ length: CHUNKS }, () => ({ responseBody: { body: DELTA } })),
    { responseBody: { body: LAST, endOfStream: true } },
  ];
}

/** A message as gRPC frames it: not compressed, and its length. */
function frameOf(message: ProcessingRequest): Buffer {
  const bytes = requestSerialize(message);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const FRAMES = {
  STREAMED: exchangeOf('STREAMED').map(frameOf),
  FULL_DUPLEX_STREAMED: exchangeOf('FULL_DUPLEX_STREAMED').map(frameOf),
};

/** Tells how many messages begin in each chunk of a stream's bytes. */
class Counter {
  #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;

  count(chunk: Buffer): number {
    let found = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      this.#head[this.#headBytes++] = chunk[at++] as number;
      if (this.#headBytes < HEAD_BYTES) continue;
      this.#headBytes = 0;
      this.#left = this.#head.readUInt32BE(1);
      found++;
    }
    return found;
  }
}

function open(session: ClientHttp2Session): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': `/${SERVICE_NAME}/Process`,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
  });
}

async function sessionsTo(port: number, count: number): Promise<ClientHttp2Session[]> {
  // Windows as wide as Envoy's, so that nobody waits for one.
  const settings = { initialWindowSize: 16 * 1024 * 1024 };
  const sessions = Array.from({ length: count }, () =>
    connect(`http://127.0.0.1:${port}`, { settings }),
  );
  for (const session of sessions) {
    await new Promise((resolve) => session.once('connect', resolve));
    session.setLocalWindowSize(16 * 1024 * 1024);
  }
  return sessions;
}

/** Runs one exchange. Rejects if it is not answered message by message and ended well. */
function exchange(session: ClientHttp2Session, frames: readonly Buffer[]): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const stream = open(session);
    const counter = new Counter();
    const chunks: Buffer[] = [];
    let sent = 0;
    let answered = 0;
    let status: unknown;
    const send = () => {
      while (sent < frames.length && sent - answered < WINDOW) stream.write(frames[sent++]);
    };
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      answered += counter.count(chunk);
      if (answered === frames.length) stream.end();
      else send();
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (answered === frames.length && status === '0') resolve(chunks);
      else reject(new Error(`${answered} of ${frames.length} answered, status ${status}`));
    });
    send();
  });
}

/** The kind of each answer, and how much of a body it gives back. */
function wordsOf(chunks: readonly Buffer[]): string[] {
  const bytes = Buffer.concat(chunks);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUInt32BE(at + 1);
    const answer: ProcessingResponse = responseDeserialize(bytes.subarray(at + HEAD_BYTES, end));
    const kind = Object.keys(answer).find((key) => key !== 'dynamicMetadata');
    const { response } = answer.responseBody ?? answer.requestBody ?? {};
    const back = response?.bodyMutation?.streamedResponse?.body?.length;
    words.push(back === undefined ? `${kind}` : `${kind}(${back})`);
    at = end;
  }
  return words;
}

async function load(port: number, mode: BenchMode, ms: number): Promise<Loaded> {
  const sessions = await sessionsTo(port, CONNECTIONS);
  const frames = FRAMES[mode];
  const words = wordsOf(await exchange(sessions[0] as ClientHttp2Session, frames));
  const from = performance.now();
  let messages = 0;
  const one = async (session: ClientHttp2Session) => {
    while (performance.now() - from < ms) {
      await exchange(session, frames);
      messages += frames.length;
    }
  };
  await Promise.all(
    Array.from({ length: STREAMS }, (_, place) =>
      one(sessions[place % CONNECTIONS] as ClientHttp2Session),
    ),
  );
  const seconds = (performance.now() - from) / 1000;
  for (const session of sessions) session.destroy();
  return { messages, seconds, words };
}

let held: ClientHttp2Session[] = [];

/** Opens streams that are answered up to their first event, and says no more on them. */
async function idle(port: number, streams: number): Promise<void> {
  held = await sessionsTo(port, CONNECTIONS);
  const frames = FRAMES.STREAMED.slice(0, 4);
  await Promise.all(
    Array.from({ length: streams }, (_, place) => {
      const stream = open(held[place % CONNECTIONS] as ClientHttp2Session);
      const counter = new Counter();
      let answered = 0;
      stream.on('error', () => {});
      for (const frame of frames) stream.write(frame);
      return new Promise<void>((resolve) => {
        stream.on('data', (chunk: Buffer) => {
          answered += counter.count(chunk);
          if (answered === frames.length) resolve();
        });
      });
    }),
  );
}

async function close(): Promise<void> {
  const closed = held.map((session) => new Promise((resolve) => session.once('close', resolve)));
  for (const session of held) session.destroy(undefined, constants.NGHTTP2_CANCEL);
  await Promise.all(closed);
}

process.on('message', async (ask: Ask) => {
  if (ask.do === 'load') process.send?.(await load(ask.port, ask.mode, ask.ms));
  else if (ask.do === 'idle') process.send?.({ idle: await idle(ask.port, ask.streams) });
  else process.send?.({ closed: await close() });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

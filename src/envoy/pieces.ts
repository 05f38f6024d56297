/** A body as its mode shows it: which bytes go into a message, and which message has the end. */
import type { BodyMode } from '../adapters/ext-proc/wire.js';
import { Deframer, type Framed, frame } from './frames.js';
import type { Line } from './line.js';
import type { Content } from './plan.js';

/** The bytes of one body message. */
export interface Piece {
  readonly bytes: Buffer;
  readonly end: boolean;
  /** It comes after the one that ended the half. */
  readonly late?: boolean;
  /** The same as it stands in the body, where the mode shows gRPC's messages alone. */
  readonly framed?: Buffer;
  readonly compressed?: boolean;
  /** An end without a message, which an empty message is not. */
  readonly bare?: boolean;
}

const NOTHING = Buffer.alloc(0);

/** The pieces of a half in their order, until there are no more or all has stopped. */
export async function* piecesOf(
  content: Content,
  side: 'request' | 'response',
  mode: BodyMode,
  line: Line,
): AsyncGenerator<Piece> {
  const { quirks } = line.plan;
  const many = mode !== 'BUFFERED' && mode !== 'NONE';
  let last: Piece | undefined;
  for await (const piece of mode === 'GRPC'
    ? framedPieces(content, line)
    : chunkPieces(content, line, many && quirks?.bareEnd === true)) {
    if (quirks?.emptyChunks && many && mode !== 'GRPC') yield { bytes: NOTHING, end: false };
    yield piece;
    last = piece;
  }
  const late = quirks?.lateEnd?.[side];
  if (late === undefined || last?.end === undefined || content.trailers !== undefined) return;
  yield { bytes: late === 'empty' ? NOTHING : last.bytes, end: true, late: true };
}

async function* chunkPieces(
  { chunks = [], trailers }: Content,
  line: Line,
  bareEnd: boolean,
): AsyncGenerator<Piece> {
  const counted = Array.isArray(chunks) && !bareEnd;
  let number = 0;
  for await (const bytes of unlessStopped(chunks, line)) {
    number += 1;
    const last = counted && number === (chunks as readonly Buffer[]).length;
    yield { bytes, end: last && trailers === undefined };
  }
  if (!counted && trailers === undefined) yield { bytes: NOTHING, end: true };
}

/** The end of a gRPC body is known when its last message has gone, so it comes without one. */
async function* framedPieces(
  { chunks = [], trailers }: Content,
  line: Line,
): AsyncGenerator<Piece> {
  const deframer = new Deframer();
  for await (const chunk of unlessStopped(chunks, line)) {
    for (const framed of deframer.take(chunk)) yield pieceOf(framed);
  }
  if (deframer.restBytes > 0) throw new Error("a body of the plan's ends inside a gRPC message");
  if (trailers === undefined) yield { bytes: NOTHING, end: true, bare: true, framed: NOTHING };
}

function pieceOf(framed: Framed): Piece {
  const { bytes, compressed } = framed;
  return { bytes, compressed, end: false, framed: frame(framed) };
}

async function* unlessStopped(
  chunks: readonly Buffer[] | AsyncIterable<Buffer>,
  line: Line,
): AsyncGenerator<Buffer> {
  if (Symbol.iterator in chunks) {
    for (const chunk of chunks) {
      if (line.standing === 'stopped') return;
      yield chunk;
    }
    return;
  }
  const iterator = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = await line.unlessStopped(iterator.next());
    // An iterable that still waits would also wait to be told that nobody wants it any more.
    if (next === undefined) {
      iterator.return?.();
      return;
    }
    if (next.done) return;
    yield next.value;
  }
}

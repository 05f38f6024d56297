import { Accounting, type AccountingOptions } from '../../src/accounting/accounting.js';
import type { Usage, Verdict } from '../../src/accounting/usage.js';

export interface Replay {
  usage: Usage;
  verdicts: Verdict[];
  progress: number;
  bufferedMax: number;
}

/** Shows the chunks to an Accounting, reads it unless it was cut, and says what came of it. */
export async function replay(
  chunks: readonly Uint8Array[],
  options: Partial<AccountingOptions> & { cut?: boolean } = {},
): Promise<Replay> {
  const { cut, ...rest } = options;
  const result = { verdicts: [] as Verdict[], progress: 0, bufferedMax: 0 };
  const accounting = new Accounting({
    contentType: 'text/event-stream',
    contentEncoding: undefined,
    onProgress: () => void result.progress++,
    onTerminal: (verdict) => void result.verdicts.push(verdict),
    ...rest,
  });
  for (const chunk of chunks) {
    accounting.write(chunk);
    result.bufferedMax = Math.max(result.bufferedMax, accounting.bufferedBytes);
  }
  if (!cut) accounting.read();
  const usage = await accounting.settle();
  accounting.release();
  return { usage, ...result };
}

/** Every way to cut the bytes in two, the empty pieces at both ends too. */
export function* splits(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

export function byteByByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** Cuts at the places, which may repeat: then a chunk is empty. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ordered = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const edges = [0, ...ordered, bytes.length];
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
}

/** One event of an event stream. */
export function sse(data: unknown, event?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}

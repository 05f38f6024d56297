/** A file or stdout, as the ledger writes to it. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

/** Where lines go. `write` resolves to the bytes that were taken, at least one. */
export interface Sink {
  write(bytes: Buffer): Promise<number>;
  close(): Promise<void>;
}

export async function openSink(path: string): Promise<Sink> {
  if (path === '-') return new StdoutSink();
  const file = await open(path, 'a');
  return {
    write: async (bytes) => (await file.write(bytes)).bytesWritten,
    close: () => file.close(),
  };
}

class StdoutSink implements Sink {
  readonly #onError = () => {};

  constructor() {
    // A reader that went away (EPIPE) is told to each write; unheard, it would end the process.
    process.stdout.on('error', this.#onError);
  }

  write(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve(bytes.length)));
    });
  }

  async close(): Promise<void> {
    // The listener goes one turn later: the error event follows the callback of the write.
    setImmediate(() => process.stdout.off('error', this.#onError));
  }
}

const BLOCK_BYTES = 64 * 1024;

/** Moves the bytes behind the last LF of a file to `<file>.torn`; resolves to how many they are. */
export async function moveTornLine(path: string): Promise<number> {
  if (path === '-') return 0;
  const file = await open(path, 'a+');
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size === 0) return 0;
    const keep = await lastLineEnd(file, stat.size);
    if (keep === stat.size) return 0;
    const torn = await open(`${path}.torn`, 'a');
    try {
      const block = Buffer.alloc(BLOCK_BYTES);
      for (let at = keep; at < stat.size; ) {
        const { bytesRead } = await file.read(block, 0, block.length, at);
        if (bytesRead === 0) break;
        await torn.appendFile(block.subarray(0, bytesRead));
        at += bytesRead;
      }
      await torn.appendFile('\n');
      await torn.sync();
    } finally {
      await torn.close();
    }
    await file.truncate(keep);
    return stat.size - keep;
  } finally {
    await file.close();
  }
}

/** The offset behind the last LF of the first `size` bytes. */
async function lastLineEnd(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const at = block.lastIndexOf(0x0a, bytesRead - 1);
    if (bytesRead > 0 && at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

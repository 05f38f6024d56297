/** What a server under test does: tells its port, and what it has used, when asked. */
export interface Used {
  /** Microseconds of CPU, of user and system together. */
  readonly cpuMicros: number;
  /** Bytes held after a garbage collection, on the heap and beside it; only where it was asked. */
  readonly heldBytes: number;
}

/** A collection costs as much as hundreds of messages, so it is no part of what they cost. */
export type Question = 'cpu' | 'held';

export function serve(port: number): void {
  process.on('message', (question: Question) => {
    const { user, system } = process.cpuUsage();
    const used: Used = { cpuMicros: user + system, heldBytes: question === 'held' ? held() : 0 };
    process.send?.(used);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port });
}

function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What every proxy under test does: tells its port, and what it has used, when asked. */
export interface Used {
  /** Microseconds of CPU, of user and system together. */
  readonly cpuMicros: number;
  /** Bytes that are held after a garbage collection, on the heap and beside it. */
  readonly heldBytes: number;
}

/** `watched` is where it is watched, if it is. */
export function serve(port: number, watched?: string): void {
  process.send?.({ port, watched });
  process.on('message', () => {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { heapUsed, external } = process.memoryUsage();
    const used: Used = { cpuMicros: user + system, heldBytes: heapUsed + external };
    process.send?.(used);
  });
  process.on('disconnect', () => process.exit(0));
}

/** The upstream's URL, which every proxy is started with. */
export const upstream = process.argv[2] as string;

/** What every proxy under test does: tells its port, and what it has used, when asked. */
export interface Used {
  /** Microseconds of CPU, of user and system together. */
  readonly cpuMicros: number;
  /** Resident bytes after a garbage collection. */
  readonly residentBytes: number;
}

export function serve(port: number): void {
  process.send?.({ port });
  process.on('message', () => {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const used: Used = { cpuMicros: user + system, residentBytes: process.memoryUsage.rss() };
    process.send?.(used);
  });
  process.on('disconnect', () => process.exit(0));
}

/** The upstream's URL, which every proxy is started with. */
export const upstream = process.argv[2] as string;

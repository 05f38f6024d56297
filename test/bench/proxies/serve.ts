/** What every proxy under test does: tells its port, and what it has used, when asked. */
export interface Used {
  /** Microseconds of CPU, of user and system together. */
  readonly cpuMicros: number;
}

export interface Held {
  /** Bytes that are held after a garbage collection, on the heap and beside it. */
  readonly heldBytes: number;
}

export interface Serving {
  /** Where it is watched, if it is. */
  readonly watched?: string;
  /** Does what was put off: it is paid for by who asked for it, and not by who comes next. */
  readonly settle?: () => void;
}

export function serve(port: number, { watched, settle }: Serving = {}): void {
  process.send?.({ port, watched });
  process.on('message', async (asked) => {
    settle?.();
    process.send?.(asked === 'held' ? await held() : used());
  });
  process.on('disconnect', () => process.exit(0));
}

function used(): Used {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system };
}

/** A collection that is asked for drops compiled code as well: what is run next is slow at first. */
async function held(): Promise<Held> {
  for (let again = 0; again < 3; again++) {
    globalThis.gc?.();
    // What a collection finds to be finalised is let go of after it.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heldBytes: heapUsed + external };
}

/** The upstream's URL, which every proxy is started with. */
export const upstream = process.argv[2] as string;

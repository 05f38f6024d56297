/** One line that says how far a long run is, where somebody watches; elsewhere it is silent. */
export interface Progress {
  readonly show: (text: string) => void;
  readonly clear: () => void;
}

const EVERY_MS = 100;
const ERASE = '\r\u001b[K';

export function progressOn(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { show: () => {}, clear: () => {} };
  let last = Number.NEGATIVE_INFINITY;
  return {
    show: (text) => {
      const now = performance.now();
      if (now - last < EVERY_MS) return;
      last = now;
      // A line that wraps could not be erased.
      stream.write(ERASE + text.slice(0, (stream.columns ?? 80) - 1));
    },
    clear: () => void stream.write(ERASE),
  };
}

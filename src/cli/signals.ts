/** Resolves at the first SIGTERM or SIGINT. At a second one the process ends as it would without us. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      resolve(signal);
      // Who waited may wait for a second one at once. Were nobody listening in between, that one
      // would end the process.
      setImmediate(() => {
        process.off('SIGTERM', stop);
        process.off('SIGINT', stop);
      });
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

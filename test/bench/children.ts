/** The processes of a bench: each side on a core of its own where there are two. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { compiled } from '../running.js';

export interface Child<Hello> {
  /** What it said when it was ready. */
  readonly hello: Hello;
  /** Sends a message, and gives the next that comes back. */
  ask<Answer>(message: unknown): Promise<Answer>;
  tell(message: unknown): void;
  stop(): void;
}

let built: string | undefined;

/** A file of this folder as it is shipped: a loader makes all slower, and so what is fixed look small. */
export function shipped(file: string): string {
  built ??= compiled('bench', 'tsconfig.json');
  return join(built, 'test', 'bench', file.replace(/\.ts$/, '.js'));
}

/** Starts a file, from this folder, and waits for its first message. */
export async function start<Hello>(
  file: string,
  core?: 0 | 1,
  ...given: string[]
): Promise<Child<Hello>> {
  const node = [process.execPath, '--expose-gc', shipped(file), ...given];
  const pinned = core !== undefined && availableParallelism() > 1 && process.platform === 'linux';
  const [command = '', ...args] = pinned ? ['taskset', '-c', `${core}`, ...node] : node;
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code}`);
  });
  gone.catch(() => {});
  const next = async (from: ChildProcess) => (await Promise.race([once(from, 'message'), gone]))[0];
  return {
    hello: await next(child),
    ask: (message) => {
      const answer = next(child);
      child.send(message as object);
      return answer;
    },
    tell: (message) => void child.send(message as object),
    stop: () => child.disconnect(),
  };
}

/** A process of the command line that a test talks to. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A command that runs: what it has printed, and its end. */
export class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<[code: number | null, signal: string | null]>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], cwd: string) {
    this.#child = spawn(process.execPath, args, { cwd });
    this.#child.stdout?.on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    this.ended = once(this.#child, 'close') as typeof this.ended;
  }

  /** The address that its first line ends with: on stderr where stdout is for records. */
  async url(): Promise<string> {
    const first = () => / on (http:\S+)\n/.exec(this.stdout || this.stderr)?.[1];
    await this.until(() => first() !== undefined);
    return first() as string;
  }

  /** Waits until `ready` holds; asks again whenever something is printed. */
  async until(ready: () => boolean): Promise<void> {
    const streams = [this.#child.stdout, this.#child.stderr] as const;
    while (!ready()) {
      const heard = streams.map((stream) => once(stream as NodeJS.ReadableStream, 'data'));
      const ended = this.ended.then(() => Promise.reject(new Error(`it ended: ${this.stderr}`)));
      await Promise.race([...heard, ended]);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

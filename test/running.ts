/** A process that a test talks to: of our command line, or of another program. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** What a build leaves where the sources are, and a copy elsewhere must bring along. */
const BESIDE = ['package.json', 'src/adapters/ext-proc/external_processor.proto'];

/**
 * The sources, compiled for one test file: a build may be stale, and a loader costs seconds a
 * process. `project` says which; those of a bench include its own. Gives the folder they are in.
 */
export function compiled(name: string, project = 'tsconfig.build.json'): string {
  const built = join(root, 'node_modules', '.cache', `interlock-${name}`);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = '--noCheck --noEmit false --incremental false --declaration false';
  const place = ['-p', project, '--tsBuildInfoFile', 'null', '--outDir', built];
  const args = [tsc, ...options.split(' '), ...place];
  rmSync(built, { recursive: true, force: true });
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`not compiled: ${stdout}`);
  for (const file of BESIDE) copyFileSync(join(root, file), join(built, file));
  return built;
}

/** A command that runs: what it has printed, and its end. */
export class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<[code: number | null, signal: string | null]>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], cwd: string, program = process.execPath) {
    this.#child = spawn(program, args, { cwd });
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
    const first = () => / on (\S+)\n/.exec(this.stdout || this.stderr)?.[1];
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

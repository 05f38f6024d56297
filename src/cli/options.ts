/** Values of flags, checked: each error names what was found and what is accepted. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InvalidArgumentError, Option } from 'commander';
import { InterlockError } from '../errors.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; port 0 takes a free one. */
export function address(text: string): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError(
      'Accepted: HOST:PORT, with a port from 0 to 65535 (0: a free one).',
    );
  }
  const host = (match[1] as string).replace(/^\[|\]$/g, '');
  return { host: host === '' ? '127.0.0.1' : host, port };
}

/** As `address`, or `unix:PATH`: one text, with the host and the port written out. */
export function place(text: string): string {
  if (/^unix:./.test(text)) return text;
  try {
    return textOf(address(text));
  } catch {
    throw new InvalidArgumentError(
      'Accepted: HOST:PORT, with a port from 0 to 65535 (0: a free one); or unix:PATH.',
    );
  }
}

/** Listens where a flag says. What the system refuses is told as a fault of the flag. */
export async function listening<At extends Address | string, T>(
  at: At,
  listen: (at: At) => Promise<T>,
  flag = '--listen',
): Promise<T> {
  try {
    return await listen(at);
  } catch (cause) {
    throw new InterlockError(
      'INTERLOCK_BAD_OPTION',
      `${flag} ${typeof at === 'string' ? at : textOf(at)}: ${(cause as Error).message}. ` +
        (typeof at === 'string' && at.startsWith('unix:')
          ? 'Accepted: unix:PATH, of a folder that can be written and a file that is not there.'
          : 'Accepted: an address of this machine with a port that is free; port 0 takes one.'),
      { cause },
    );
  }
}

function textOf({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function count(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('Accepted: a count from 0 to 999999999.');
  return Number(text);
}

/** Collects a flag that may be given more than once. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** The flag of every command that can tell what it found as a page. */
export function htmlOption(): Option {
  return new Option('--html <file>', 'write the result as a page that stands alone').argParser(
    page,
  );
}

function page(text: string): string {
  if (text !== '-' && text !== '') return text;
  throw new InvalidArgumentError('Accepted: a file. The standard output is for the text.');
}

/**
 * A file that a flag asks for. It is opened before the work, so that a place that cannot be had is
 * told then; what was in it stays there until there is something to put in its place.
 */
export class Target {
  readonly #flag: string;
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(flag: string, path: string, file: FileHandle) {
    this.#flag = flag;
    this.#path = path;
    this.#file = file;
  }

  static async open(flag: string, path: string): Promise<Target> {
    try {
      return new Target(flag, path, await open(path, 'a'));
    } catch (cause) {
      throw refused(flag, path, cause);
    }
  }

  async fill(pieces: Iterable<string>): Promise<void> {
    try {
      // A pipe or a terminal has nothing in it that could be replaced.
      if ((await this.#file.stat()).isFile()) await this.#file.truncate();
      await pipeline(Readable.from(pieces), this.#file.createWriteStream());
    } catch (cause) {
      throw refused(this.#flag, this.#path, cause);
    }
  }
}

function refused(flag: string, path: string, cause: unknown): InterlockError {
  const accepted = 'Accepted: a file that can be written, in a folder that is there.';
  const { message } = cause as Error;
  return new InterlockError('INTERLOCK_BAD_OPTION', `${flag} ${path}: ${message}. ${accepted}`, {
    cause,
  });
}

/** Throws where two flags name the same file, since each would write over the other. */
export function expectApart(files: Readonly<Record<string, string | undefined>>): void {
  const flags = new Map<string, string>();
  for (const [flag, path] of Object.entries(files)) {
    if (path === undefined || path === '-') continue;
    const before = flags.get(resolve(path));
    if (before !== undefined) {
      throw new InterlockError(
        'INTERLOCK_BAD_OPTION',
        `${before} and ${flag} name the same file, ${path}. Accepted: a file for each.`,
      );
    }
    flags.set(resolve(path), flag);
  }
}

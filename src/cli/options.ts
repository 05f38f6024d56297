/** Values of flags, checked: each error names what was found and what is accepted. */
import { InvalidArgumentError } from 'commander';
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

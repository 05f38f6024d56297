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

/** Listens where `--listen` says. What the system refuses is told as a fault of the flag. */
export async function listening<T>(at: Address, listen: (at: Address) => Promise<T>): Promise<T> {
  try {
    return await listen(at);
  } catch (cause) {
    throw new InterlockError(
      'INTERLOCK_BAD_OPTION',
      `--listen ${at.host}:${at.port}: ${(cause as Error).message}. ` +
        'Accepted: an address of this machine with a port that is free; port 0 takes one.',
      { cause },
    );
  }
}

export function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Accepted: a count from 0.');
  return Number(text);
}

/** Collects a flag that may be given more than once. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Whom an exporter trusts, and who it is, as the environment says (OTLP exporter specification). */
import { readFileSync } from 'node:fs';
import type { Environment, Signal } from './endpoints.js';
import { bad, variableOf } from './endpoints.js';

/** In PEM. */
export interface Certificates {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const VARIABLES = { ca: 'CERTIFICATE', cert: 'CLIENT_CERTIFICATE', key: 'CLIENT_KEY' } as const;

/**
 * Throws `INTERLOCK_BAD_OPTION` for a file that cannot be read: the SDK goes on without it, and
 * then no collector takes anything.
 */
export function certificatesOf(signal: Signal, env: Environment): Certificates {
  const found: { -readonly [Part in keyof Certificates]: Certificates[Part] } = {};
  for (const part of ['ca', 'cert', 'key'] as const) {
    const variable = variableOf(signal, VARIABLES[part], env);
    if (variable === undefined) continue;
    try {
      found[part] = readFileSync(variable.value);
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException;
      throw bad(variable.name, variable.value, `a file in PEM, which this is not (${code})`);
    }
  }
  return found;
}

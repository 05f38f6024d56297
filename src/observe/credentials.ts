/** The headers that the environment has sent along to a collector: mostly what opens its door. */
import type { Environment, Signal } from './endpoints.js';
import { bad } from './endpoints.js';

/** The connection's own (RFC 9110 section 7.6.1), and what says how a body of ours is to be read. */
const OURS: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const ACCEPTED =
  'name=value, with commas between them; each a header that HTTP can carry, ' +
  'with %25, %2C and %3B for a %, a comma and a semicolon';

/**
 * Throws `INTERLOCK_BAD_OPTION` for what the SDK leaves out, or no request can carry: then nothing is
 * taken. Whatever is there may be a secret, and where is not known, so nothing of it is told.
 */
export function checkHeaders(signal: Signal, env: Environment): void {
  // What is said of both signals is sent along with what is said of the one.
  for (const part of [`_${signal.toUpperCase()}`, '']) {
    const variable = `OTEL_EXPORTER_OTLP${part}_HEADERS`;
    for (const item of (env[variable] ?? '').split(',')) {
      if (item.trim() === '') continue;
      const name = nameOf(item);
      if (name === undefined) throw bad(variable, '***', ACCEPTED);
      if (!OURS.has(name)) continue;
      throw bad(variable, name, "headers that are not the connection's, nor of the body");
    }
  }
}

/** The name of a header that can be sent, in lower case. */
function nameOf(item: string): string | undefined {
  // The SDK takes for a remark what is behind a semicolon.
  const [, name, value] = /^([^=;]+)=([^;]+)$/s.exec(item) ?? [];
  if (name === undefined || value === undefined) return undefined;
  try {
    const isName = /^[\w!#$%&'*+.^`|~-]+$/.test(decodeURIComponent(name.trim()));
    const isValue = /^[\t -~\u0080-\u00ff]+$/.test(decodeURIComponent(value.trim()));
    return isName && isValue ? decodeURIComponent(name.trim()).toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}

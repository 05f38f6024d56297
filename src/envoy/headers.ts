/** Headers as the wire has them, and what a server's mutation makes of them in Envoy. */
import type { HeaderMap, HeaderMutation, HeaderValueOption } from '../adapters/ext-proc/wire.js';
import type { FaultName, Headers } from './plan.js';

/** Which headers are mutated: what is allowed hangs on it. */
export interface Place {
  readonly of: 'request' | 'response' | 'trailers' | 'reply';
  /** A content-length may be set, since the body that it tells is in the same hand. */
  readonly lengthAllowed: boolean;
}

export type Report = (name: FaultName, detail: string) => void;

// RFC 9110, 7.6.1: they belong to a connection, and none of Envoy's is the server's.
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
const NOT_IN_VALUE = /[\0\r\n]/;

/** Envoy fills `raw_value` and writes keys in lower case. */
export function headerMap(headers: Headers): HeaderMap {
  return {
    headers: Object.entries(headers).map(([key, value]) => ({
      key: key.toLowerCase(),
      rawValue: Buffer.from(value),
    })),
  };
}

/** The headers after a mutation. What Envoy would not carry out is reported and left out. */
export function mutate(
  headers: Headers,
  mutation: HeaderMutation | undefined,
  place: Place,
  report: Report,
): Headers {
  const result: Record<string, string> = { ...headers };
  for (const raw of mutation?.removeHeaders ?? []) {
    const name = raw.toLowerCase();
    if (name === 'host' || name.startsWith(':')) report('pseudo-header', `${name} removed`);
    else delete result[name];
  }
  for (const option of mutation?.setHeaders ?? []) set(result, option, place, report);
  return result;
}

function set(
  headers: Record<string, string>,
  option: HeaderValueOption,
  place: Place,
  report: Report,
): void {
  const { key = '', value, rawValue } = option.header ?? {};
  const name = key.toLowerCase();
  const text = rawValue === undefined ? (value ?? '') : Buffer.from(rawValue).toString();
  const refusal = refusalOf(name, place);
  const doubled = value !== undefined && rawValue !== undefined;
  if (refusal !== undefined) report(refusal, name);
  else if (NOT_IN_VALUE.test(text)) report('malformed header', `${name} has a control character`);
  else if (doubled) report('malformed header', `${name} has a value and a raw value`);
  else change(headers, name, text, actionOf(option));
}

function change(
  headers: Record<string, string>,
  name: string,
  text: string,
  action: HeaderValueOption['appendAction'],
): void {
  const old = headers[name];
  if (old === undefined) {
    if (action !== 'OVERWRITE_IF_EXISTS') headers[name] = text;
  } else if (action === 'APPEND_IF_EXISTS_OR_ADD') headers[name] = `${old},${text}`;
  else if (action !== 'ADD_IF_ABSENT') headers[name] = text;
}

/** The older flag rules where it is there, as it does in Envoy. */
function actionOf(option: HeaderValueOption & { append?: { value?: boolean } }) {
  if (option.append === undefined) return option.appendAction ?? 'APPEND_IF_EXISTS_OR_ADD';
  return option.append.value ? 'APPEND_IF_EXISTS_OR_ADD' : 'OVERWRITE_IF_EXISTS_OR_ADD';
}

/** Why a header may not be set. Of pseudo-headers Envoy takes the path and the status alone. */
function refusalOf(name: string, { of, lengthAllowed }: Place): FaultName | undefined {
  if (!NAME.test(name)) return 'malformed header';
  if (HOP_BY_HOP.has(name)) return 'hop-by-hop header';
  if (name === 'content-length' && !lengthAllowed) return 'framing header';
  if (name.startsWith(':')) {
    const taken =
      (of === 'request' && name === ':path') || (of === 'response' && name === ':status');
    return taken ? undefined : 'pseudo-header';
  }
  // Envoy's rules of mutation keep both from a server, unless they are told otherwise.
  return name === 'host' || name.startsWith('x-envoy-') ? 'protected header' : undefined;
}

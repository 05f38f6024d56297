/** Header maps of the wire: read by name, and changed in the few ways that Envoy lets through. Pure. */
import type { Content } from '../bill.js';
import { lengthOf } from '../bill.js';
import type { HeaderMap, HeaderMutation, HeaderValue } from './wire.js';

/**
 * The value of a header by its name in lower case; several are one list. A value is bytes and need
 * not be UTF-8, so each byte becomes one character (CVE-2023-27488).
 */
export function headerOf(map: HeaderMap | undefined, name: string): string | undefined {
  let found: string | undefined;
  for (const header of map?.headers ?? []) {
    if (header.key !== name) continue;
    const value = textOf(header);
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

function textOf({ value, rawValue }: HeaderValue): string {
  if (rawValue === undefined || rawValue.length === 0) return value ?? '';
  return Buffer.from(rawValue.buffer, rawValue.byteOffset, rawValue.length).toString('latin1');
}

/** The type, the encoding and the length of a response's body. */
export function contentOf(map: HeaderMap | undefined): Content {
  const type = headerOf(map, 'content-type');
  const encoding = headerOf(map, 'content-encoding');
  const length = lengthOf(headerOf(map, 'content-length') ?? '');
  return {
    ...(type !== undefined && { type }),
    ...(encoding !== undefined && { encoding }),
    ...(length !== undefined && { length }),
  };
}

/** Each header in place of whatever has its name. Values hold one character per byte. */
export function setting(headers: readonly (readonly [string, string])[]): HeaderMutation {
  return {
    setHeaders: headers.map(([key, value]) => ({
      header: { key, rawValue: Buffer.from(value, 'latin1') },
      appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD',
    })),
  };
}

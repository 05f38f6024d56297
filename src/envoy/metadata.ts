/** Dynamic metadata as plain values: Envoy keeps it by namespace, and a later one adds to it. */
import type { Struct } from '../adapters/ext-proc/wire.js';

/** A protobuf `Value` as it comes off the wire; one with none of its fields is null. */
interface WireValue {
  readonly stringValue?: string;
  readonly numberValue?: number;
  readonly boolValue?: boolean;
  readonly structValue?: { readonly fields?: Readonly<Record<string, WireValue>> };
  readonly listValue?: { readonly values?: readonly WireValue[] };
}

/** Adds a message's namespaces to what there is, and gives the names that hold no struct. */
export function mergeMetadata(into: Record<string, unknown>, metadata: Struct): string[] {
  const nameless: string[] = [];
  for (const [name, value] of Object.entries(
    (metadata.fields ?? {}) as Record<string, WireValue>,
  )) {
    if (value.structValue === undefined) nameless.push(name);
    else into[name] = merged(into[name], plain(value));
  }
  return nameless;
}

function merged(old: unknown, now: unknown): unknown {
  if (!isRecord(old) || !isRecord(now)) return now;
  const result: Record<string, unknown> = { ...old };
  for (const [name, value] of Object.entries(now)) result[name] = merged(old[name], value);
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plain(value: WireValue): unknown {
  const { stringValue, numberValue, boolValue, structValue, listValue } = value;
  if (listValue !== undefined) return (listValue.values ?? []).map(plain);
  if (structValue === undefined) return stringValue ?? numberValue ?? boolValue ?? null;
  const entries = Object.entries(structValue.fields ?? {});
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
}

/** How a body is read. `ndjson` is one JSON text a line. */
export type Format = 'sse' | 'json' | 'ndjson';

const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'].map((text) => Buffer.from(text));
/** A body that has not shown itself after this many bytes is what its content-type says. */
export const SNIFF_BYTES_MAX = 1024;

/** The format that a content-type claims, or undefined when it claims none that we read. */
export function formatOf(contentType: string | undefined): Format | undefined {
  const essence = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (essence === 'text/event-stream') return 'sse';
  if (essence === 'application/x-ndjson' || essence === 'application/jsonl') return 'ndjson';
  if (essence === 'application/json' || essence.endsWith('+json')) return 'json';
  return undefined;
}

/**
 * The format that the first bytes of a body show, which beats a content-type that lies (field: A6).
 * `undecided`: more bytes could still show one. `none`: they show nothing; believe the claim.
 */
export function sniff(head: Buffer, claimed: Format | undefined): Format | 'undecided' | 'none' {
  let at = 0;
  const bom = [0xef, 0xbb, 0xbf];
  while (at < 3 && at < head.length && head[at] === bom[at]) at++;
  if (at < 3 && at === head.length) return 'undecided';
  if (at < 3) at = 0;
  while (at < head.length && at < SNIFF_BYTES_MAX && isBlank(head[at]!)) at++;
  if (at >= SNIFF_BYTES_MAX) return 'none';
  if (at === head.length) return 'undecided';
  const first = head[at];
  if (first === 0x7b || first === 0x5b) return claimed === 'ndjson' ? 'ndjson' : 'json';
  for (const field of FIELDS) {
    const end = Math.min(head.length, at + field.length);
    if (head.compare(field, 0, end - at, at, end) !== 0) continue;
    return end - at === field.length ? 'sse' : 'undecided';
  }
  return 'none';
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}

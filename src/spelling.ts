/** What was probably meant by a name that is not known. */

/** Longer names are nobody's, and are not compared: the price of a comparison has a bound. */
const LENGTH_MAX = 100;
/** How many characters it takes to be forgiven one slip, and how many slips are at the most. */
const CHARACTERS_PER_SLIP = 4;
const SLIPS_MAX = 3;
/** How many near names are told, how many of a long list, and what is a long one. */
const TOLD = 3;
const LONG = 16;

/**
 * What is said of a name that is not known: what was probably meant, and then what is accepted. Of a
 * long list the first few stand there, and `all` says where the rest is. `found` may be anything.
 */
export function acceptedFor(found: string, known: readonly string[], all?: string): string {
  return acceptedNear(nearest(found, known), known, all);
}

/** The same where it is known already what was probably meant. */
export function acceptedNear(
  near: readonly string[],
  known: readonly string[],
  all?: string,
): string {
  const accepted = listOf(known, all);
  return near.length === 0
    ? `accepted: ${accepted}`
    : `did you mean ${choiceOf(near)}? Accepted: ${accepted}`;
}

/** The known names that are nearest to this one, as they stand in the list; none if none is near. */
export function nearest(found: string, known: readonly string[]): string[] {
  if (found.length < 2 || found.length > LENGTH_MAX) return [];
  const most = Math.min(SLIPS_MAX, Math.floor(found.length / CHARACTERS_PER_SLIP));
  const text = found.toLowerCase();
  let least = Number.POSITIVE_INFINITY;
  let near: string[] = [];
  for (const name of known) {
    const farness = farnessOf(text, name.toLowerCase(), most);
    if (farness < least) [least, near] = [farness, []];
    if (farness === least && Number.isFinite(farness)) near.push(name);
  }
  return near;
}

/**
 * Two for every slip: a character that is missing, too many or another, or two that changed places.
 * Where the name goes on after what was found, that is one more. Infinite above `most` slips.
 */
function farnessOf(found: string, name: string, most: number): number {
  const over = most + 1;
  let earlier: number[] = [];
  let last = Array.from({ length: name.length + 1 }, (_, at) => at);
  for (let at = 1; at <= found.length; at++) {
    const row: number[] = new Array(name.length + 1).fill(over);
    row[0] = at;
    // Further from the diagonal are more slips than are counted.
    const end = Math.min(name.length, at + most);
    for (let to = Math.max(1, at - most); to <= end; to++) {
      const other = found[at - 1] === name[to - 1] ? 0 : 1;
      let slips = Math.min(last[to - 1]! + other, last[to]! + 1, row[to - 1]! + 1);
      const swapped = found[at - 1] === name[to - 2] && found[at - 2] === name[to - 1];
      if (at > 1 && to > 1 && swapped) slips = Math.min(slips, earlier[to - 2]! + 1);
      row[to] = slips;
    }
    if (Math.min(...row) > most) return Number.POSITIVE_INFINITY;
    [earlier, last] = [last, row];
  }
  const whole = last[name.length]!;
  return Math.min(whole > most ? Number.POSITIVE_INFINITY : 2 * whole, 2 * Math.min(...last) + 1);
}

function choiceOf(near: readonly string[]): string {
  if (near.length > TOLD) return `${near.slice(0, TOLD).join(', ')} …`;
  const [others, last] = [near.slice(0, -1), near.at(-1)];
  return others.length === 0 ? `${last}` : `${others.join(', ')} or ${last}`;
}

function listOf(known: readonly string[], all: string | undefined): string {
  if (known.length === 0) return 'none';
  if (known.length <= LONG) return known.join(', ');
  const where = all === undefined ? '' : `: ${all}`;
  return `${known.slice(0, TOLD).join(', ')} … (${known.length} in all${where})`;
}

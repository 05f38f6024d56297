/**
 * The name of a state and the value that it names: `settling.completed` is `{ settling: 'completed' }`,
 * and regions that run side by side stand in parentheses: `active(request.ended shutdown.running)`.
 *
 * Tables, traces and people use names; XState and what is made for it (the inspector) use values.
 */

/** A state in XState's form, which is spelled out here so that reading a name loads no XState. */
export type StateValue = string | { [part: string]: StateValue | undefined };

/** The name of a state: `settling.completed`, `active(request.ended response.awaitingHeaders …)`. */
export function nameOf(value: StateValue): string {
  if (typeof value === 'string') return value;
  const names = Object.entries(value).map(([key, inner]) => {
    const name = nameOf(inner as StateValue);
    if (name === '') return key;
    return name.startsWith('(') ? `${key}${name}` : `${key}.${name}`;
  });
  return names.length === 1 ? (names[0] as string) : `(${names.join(' ')})`;
}

/** The value that has this name. Throws a `RangeError` for a text that names no state. */
export function stateValueOf(name: string): StateValue {
  const words = name.match(/[.() ]|[^.() ]+/g) ?? [];
  const value = readValue(words);
  if (words.length > 0 || nameOf(value) !== name) {
    throw new RangeError(`not the name of a state: ${JSON.stringify(name)}`);
  }
  return value;
}

/** Takes the words of one value from the front of `words`. Where none is, it gives one not written. */
function readValue(words: string[]): StateValue {
  if (words[0] === '(') return readRegions(words);
  const key = words.shift();
  if (key === undefined || /[.() ]/.test(key)) return {};
  if (words[0] === '(') return { [key]: readRegions(words) };
  if (words[0] !== '.') return key;
  words.shift();
  return { [key]: readValue(words) };
}

function readRegions(words: string[]): StateValue {
  const regions: Record<string, StateValue | undefined> = {};
  do {
    words.shift();
    if (words[0] === ')') break;
    const region = readValue(words);
    Object.assign(regions, typeof region === 'string' ? { [region]: '' } : region);
  } while (words[0] === ' ');
  words.shift();
  return regions;
}

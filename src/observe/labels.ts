/**
 * What a peer may name in a metric, which is little: a label's value makes a series, and a series
 * is for ever (SEC-21).
 */

/** Stands for every name that is not told. */
export const OTHER = 'other';

/** What a name in a label may look like; that of any model and route there is does. */
const PLAIN = /^[\w.:/@+-]{1,100}$/;

/**
 * The models that metrics tell by name: those that the configuration names, and the first others
 * that an upstream has answered for. A client can ask for any model; it cannot make one answer.
 */
export class Models {
  readonly #known: Set<string>;
  readonly #most: number;

  /** `named` are from the configuration, patterns left out; `learnedMax` is how many come to them. */
  constructor(named: readonly string[], learnedMax: number) {
    this.#known = new Set(named.filter((name) => PLAIN.test(name)));
    this.#most = this.#known.size + learnedMax;
  }

  /** An upstream has answered in this name, and well. Gives whether it is told from now on, and was not. */
  learn(name: string): boolean {
    if (this.#known.has(name) || this.#known.size >= this.#most || !PLAIN.test(name)) return false;
    this.#known.add(name);
    return true;
  }

  /** The name, or `other`; nothing where no model was named. */
  labelOf(name: string | undefined): string | undefined {
    if (name === undefined) return undefined;
    return this.#known.has(name) ? name : OTHER;
  }
}

export type Part = string | number | undefined;

interface Known<Value> {
  readonly parts: readonly Part[];
  readonly value: Value;
}

/** How many of those asked for last are looked at, before a key is made of the parts. */
const RECENT = 8;

/**
 * Values that are made once for each combination of parts, up to so many. Mostly what is asked for
 * is among what was asked for last, and then no key is made of its parts.
 */
export class Interned<Value> {
  readonly #values = new Map<string, Value>();
  readonly #max: number;
  readonly #recent: Known<Value>[] = [];
  #oldest = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The value of the first `count` of these parts; undefined for new ones over the limit. */
  get(parts: readonly Part[], make: () => Value, count = parts.length): Value | undefined {
    for (let at = 0; at < this.#recent.length; at++) {
      const known = this.#recent[at] as Known<Value>;
      if (alike(parts, known.parts, count)) return known.value;
    }
    const copy = parts.slice(0, count);
    const key = JSON.stringify(copy);
    let value = this.#values.get(key);
    if (value === undefined) {
      if (this.#values.size >= this.#max) return undefined;
      value = make();
      this.#values.set(key, value);
    }
    this.#recent[this.#oldest] = { parts: copy, value };
    this.#oldest = (this.#oldest + 1) % RECENT;
    return value;
  }

  /** The same of what is kept only to save work: over the limit, all is made anew. */
  getAnyway(parts: readonly Part[], make: () => Value, count = parts.length): Value {
    const value = this.get(parts, make, count);
    if (value !== undefined) return value;
    this.clear();
    return this.get(parts, make, count) ?? make();
  }

  clear(): void {
    this.#values.clear();
    this.#recent.length = 0;
    this.#oldest = 0;
  }
}

function alike(some: readonly Part[], all: readonly Part[], count: number): boolean {
  if (all.length !== count) return false;
  for (let at = 0; at < count; at++) if (some[at] !== all[at]) return false;
  return true;
}

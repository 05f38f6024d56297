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

  /** An upstream has answered in this name, and well. */
  learn(name: string): void {
    if (this.#known.size < this.#most && PLAIN.test(name)) this.#known.add(name);
  }

  /** The name, or `other`; nothing where no model was named. */
  labelOf(name: string | undefined): string | undefined {
    if (name === undefined) return undefined;
    return this.#known.has(name) ? name : OTHER;
  }
}

type Part = string | number | undefined;

/**
 * Values that are made once for each combination of parts, up to so many. Mostly what is asked for
 * is what was asked for last, and then no key is made of its parts.
 */
export class Interned<Value> {
  readonly #values = new Map<string, Value>();
  readonly #max: number;
  #parts: readonly Part[] = [];
  #last: Value | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** The value of these parts; undefined for new ones over the limit. */
  get(parts: readonly Part[], make: () => Value): Value | undefined {
    if (this.#last !== undefined && alike(parts, this.#parts)) return this.#last;
    const key = JSON.stringify(parts);
    let found = this.#values.get(key);
    if (found === undefined) {
      if (this.#values.size >= this.#max) return undefined;
      found = make();
      this.#values.set(key, found);
    }
    this.#parts = parts.slice();
    this.#last = found;
    return found;
  }
}

function alike(some: readonly Part[], others: readonly Part[]): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}

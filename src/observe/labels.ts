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

/** Values that are made once for each key, up to so many keys. */
export class Interned<Value> {
  readonly #values = new Map<string, Value>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** The value of the key; undefined for a new key over the limit. */
  get(key: string, make: () => Value): Value | undefined {
    const found = this.#values.get(key);
    if (found !== undefined || this.#values.size >= this.#max) return found;
    const made = make();
    this.#values.set(key, made);
    return made;
  }
}

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
  readonly #named: ReadonlySet<string>;
  readonly #known: Set<string>;
  readonly #most: number;

  /** `named` are from the configuration, patterns left out; `learnedMax` is how many come to them. */
  constructor(named: readonly string[], learnedMax: number) {
    this.#named = new Set(named.filter((name) => PLAIN.test(name)));
    this.#known = new Set(this.#named);
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

  /** Whether a label is a name that the configuration does not have. */
  isLearned(label: string | undefined): boolean {
    return label !== undefined && label !== OTHER && !this.#named.has(label);
  }
}

export type Part = string | number | undefined;

/** Values that are made once for each combination of parts, up to so many. */
export class Interned<Value> {
  readonly #values = new Map<string, Value>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Undefined for new ones over the limit. */
  get(parts: readonly Part[], make: () => Value): Value | undefined {
    const key = JSON.stringify(parts);
    let value = this.#values.get(key);
    if (value !== undefined) return value;
    if (this.#values.size >= this.#max) return undefined;
    value = make();
    this.#values.set(key, value);
    return value;
  }

  /** The same of what is kept only to save work: over the limit, all is made anew. */
  getAnyway(parts: readonly Part[], make: () => Value): Value {
    const value = this.get(parts, make);
    if (value !== undefined) return value;
    this.clear();
    return this.get(parts, make) ?? make();
  }

  clear(): void {
    this.#values.clear();
  }
}

const RECENT = 8;

/**
 * What was used last: mostly what is looked for is among it, and is found without making a key.
 * Whoever asks looks through `all` itself, as a call for each would cost more than what it does.
 */
export class Recent<Item> {
  readonly all: Item[] = [];
  #oldest = 0;

  add(item: Item): void {
    this.all[this.#oldest] = item;
    this.#oldest = (this.#oldest + 1) % RECENT;
  }

  clear(): void {
    this.all.length = 0;
    this.#oldest = 0;
  }
}

/**
 * What the buffer of a JSON response costs, by the rule that sizes it: bytes copied per byte of
 * body, and memory at its peak. Counted, not timed, so every run gives the same figures.
 *
 * 64 responses are open at a time. A chunk of at most 16 KiB (a TLS record) comes to one of them,
 * chosen by chance, or its end, upon which it is read and the next takes its place. Every rule sees
 * the same bodies in the same chunks and order. Ours runs as it is; the others are counted. A fixed
 * size is what a buffer begins with; above it, it doubles. Taking a chunk copies each of its bytes
 * once, and while bytes are copied from one piece to another, both pieces are held.
 */
import { BufferBudget } from '../../src/accounting/budget.js';
import { BufferSizer, ResponseBuffer } from '../../src/accounting/buffer.js';
import { growth, SMALLEST } from '../../src/accounting/growing.js';
import type { Random } from '../../src/upstream/random.js';
import { draw, random } from '../../src/upstream/random.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const OPEN = 64;
const CHUNK_BYTES_MAX = 16 * KIB;
const BODY_BYTES_MAX = 16 * MIB;

/** How long the body is that comes as the `at`-th of `count`. */
type Sizes = (rng: Random, at: number, count: number) => number;

const around = (rng: Random, bytes: number) => Math.round(bytes * (0.8 + 0.4 * rng()));

const DISTRIBUTIONS = {
  'small constant': () => 2_000,
  /** Pareto's, as of files in the web: M. Crovella, A. Bestavros, IEEE/ACM ToN 5(6), 1997. */
  'heavy-tailed': (rng) => Math.min(4 * MIB, Math.round(2_000 / (1 - rng()) ** (1 / 1.2))),
  /** Chats, then embeddings by the batch, then embeddings one by one. */
  shifting: (rng, at, count) =>
    around(rng, [2_000, 200_000, 20_000][Math.floor((3 * at) / count)] as number),
} satisfies Record<string, Sizes>;

export type Distribution = keyof typeof DISTRIBUTIONS;

interface Body {
  write(chunk: Buffer): void;
  end(): void;
}

/** A rule, and what its buffers cost together. */
interface Side {
  open(bytes: number): Body;
  readonly peakBytes: number;
  /** Beyond the first copy of each. */
  readonly copiedBytes: number;
}

/** Begins with so many bytes, or as many as come first, and doubles. */
export class Doubling implements Side {
  readonly #firstBytes: number;
  #held = 0;
  peakBytes = 0;
  copiedBytes = 0;

  constructor(firstBytes: number) {
    this.#firstBytes = firstBytes;
  }

  open(): Body {
    let length = 0;
    let allocated = 0;
    return {
      write: (chunk) => {
        const before = allocated;
        length += chunk.length;
        if (length <= allocated) return;
        allocated = Math.max(length, before === 0 ? this.#firstBytes : 2 * before);
        allocated = Math.min(allocated, BODY_BYTES_MAX);
        this.peakBytes = Math.max(this.peakBytes, this.#held + allocated);
        this.#held += allocated - before;
        this.copiedBytes += before === 0 ? 0 : length - chunk.length;
      },
      end: () => {
        this.#held -= allocated;
      },
    };
  }
}

class Adaptive implements Side {
  readonly #budget = new BufferBudget(Number.MAX_SAFE_INTEGER);
  readonly #sizer = new BufferSizer(this.#budget);
  readonly #copiedBefore = growth.copiedBytes;
  readonly #told: boolean;

  /** `told`: the responses say how long they are. */
  constructor(told: boolean) {
    this.#told = told;
  }

  get peakBytes(): number {
    return this.#budget.peakBytes;
  }

  get copiedBytes(): number {
    return growth.copiedBytes - this.#copiedBefore;
  }

  open(bytes: number): Body {
    const told = this.#told ? bytes : undefined;
    const buffer = new ResponseBuffer(BODY_BYTES_MAX, this.#sizer, told);
    return {
      write: (chunk) => void buffer.write(chunk),
      end: () => {
        buffer.end();
        this.#sizer.learn(buffer.receivedBytes);
        buffer.process(() => {});
        buffer.release();
      },
    };
  }
}

const ADAPTIVE = { adaptive: false, 'adaptive, length told': true } as const;
const OTHERS = { '4 KiB': 4 * KIB, '64 KiB': 64 * KIB, '1 MiB': MIB, doubling: SMALLEST } as const;

export type OurRule = keyof typeof ADAPTIVE;
export type Rule = OurRule | keyof typeof OTHERS;

const RULES: readonly (readonly [Rule, () => Side])[] = [
  ...Object.entries(ADAPTIVE).map(
    ([rule, told]) => [rule as Rule, () => new Adaptive(told)] as const,
  ),
  ...Object.entries(OTHERS).map(
    ([rule, bytes]) => [rule as Rule, () => new Doubling(bytes)] as const,
  ),
];

/** Both at once: a hundredth of the one is worth a hundredth of the other. */
export type Figure = 'copies' | 'memory' | 'copies x memory';

export type Costs = Record<Figure, number>;

const CHUNK = Buffer.alloc(CHUNK_BYTES_MAX, 'x');

/** Shows `count` bodies to a rule, and gives how many bytes they had. */
function play(side: Side, sizes: Sizes, count: number, seed: number): number {
  const rng = random(seed);
  const open: { body: Body; left: number }[] = [];
  let begun = 0;
  let bodyBytes = 0;
  const next = (slot: number) => {
    if (begun === count) return void open.splice(slot, 1);
    const left = sizes(rng, begun++, count);
    bodyBytes += left;
    open[slot] = { body: side.open(left), left };
  };
  for (let slot = 0; slot < OPEN; slot++) next(slot);
  while (open.length > 0) {
    const slot = draw(rng, open.length);
    const one = open[slot] as (typeof open)[number];
    if (one.left === 0) {
      one.body.end();
      next(slot);
      continue;
    }
    const length = Math.min(one.left, CHUNK_BYTES_MAX);
    one.body.write(CHUNK.subarray(0, length));
    one.left -= length;
  }
  return bodyBytes;
}

/** What every rule costs: the means over the seeds, in copies per byte and in bytes. */
function costsOf(distribution: Distribution, count: number, seeds: readonly number[]) {
  const costs = RULES.map(([rule, make]): [Rule, Costs] => {
    let copies = 0;
    let memory = 0;
    for (const seed of seeds) {
      const side = make();
      const bodyBytes = play(side, DISTRIBUTIONS[distribution], count, seed);
      copies += (1 + side.copiedBytes / bodyBytes) / seeds.length;
      memory += side.peakBytes / seeds.length;
    }
    return [rule, { copies, memory, 'copies x memory': copies * memory }];
  });
  return new Map(costs);
}

type AllCosts = ReadonlyMap<Distribution, ReadonlyMap<Rule, Costs>>;

export function benchBuffers(count = 3_000, seeds: readonly number[] = [1, 2, 3, 4]): AllCosts {
  const all = Object.keys(DISTRIBUTIONS) as Distribution[];
  return new Map(all.map((distribution) => [distribution, costsOf(distribution, count, seeds)]));
}

export interface Comparison {
  readonly distribution: Distribution;
  readonly rule: OurRule;
  readonly figure: Figure;
  readonly ours: number;
  /** The best of the others, and what it is called. */
  readonly best: number;
  readonly bestRule: Rule;
}

/** Ours beside the best of the others, in each figure alone and in both. */
export function compared(all: AllCosts): Comparison[] {
  const found: Comparison[] = [];
  for (const [distribution, costs] of all) {
    for (const rule of Object.keys(ADAPTIVE) as OurRule[]) {
      for (const figure of ['copies', 'memory', 'copies x memory'] as const) {
        const of = (one: Rule) => (costs.get(one) as Costs)[figure];
        const others = Object.keys(OTHERS) as Rule[];
        const bestRule = others.reduce((a, b) => (of(b) < of(a) ? b : a));
        found.push({ distribution, rule, figure, ours: of(rule), best: of(bestRule), bestRule });
      }
    }
  }
  return found;
}

/** Every rule's figures, as lines. */
export function linesOf(all: AllCosts): string[] {
  return [...all].flatMap(([distribution, costs]) => [
    `response buffers, ${distribution}: copies per byte, and memory at its peak in MiB`,
    ...[...costs].map(
      ([rule, { copies, memory }]) =>
        `  ${rule.padEnd(22)} ${copies.toFixed(2)} ${(memory / MIB).toFixed(2).padStart(6)}`,
    ),
  ]);
}

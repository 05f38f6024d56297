import { createHash } from 'node:crypto';

/** Numbers in [0, 1), the same ones for the same seed. */
export type Random = () => number;

/** mulberry32: 32 bits of state, enough for choosing words and cutting writes. */
export function random(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer in [0, below). */
export function draw(source: Random, below: number): number {
  return Math.floor(source() * below);
}

/** 24 hexadecimal digits that stand for a seed and a text: identifiers, and seeds of their own. */
export function digest(seed: number, text: string): string {
  return createHash('sha256').update(`${seed}\n${text}`).digest('hex').slice(0, 24);
}

/** A seed for `random` from a seed and a text. */
export function seedFrom(seed: number, text: string): number {
  return Number.parseInt(digest(seed, text).slice(0, 8), 16);
}

import { decoded, Facts } from './facts.js';
import { CHOICE, COUNTS_PER_PLACE, type Keys, ROOT, SKIP, type Slot } from './vocabulary.js';

/** Open brackets that are followed; RFC 8259 section 9 lets a reader set such a limit. */
export const DEPTH_MAX = 64;

export type ScanResult = 'ok' | 'invalid_json' | 'too_deep';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');
const NOTHING = Buffer.alloc(0);

/** Bytes that a string may hold as they are: all but the quote, the backslash and controls. */
const PLAIN = new Uint8Array(256).map((_, byte) =>
  byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
const BLANK = new Uint8Array(256).map((_, byte) => (' \t\n\r'.includes(chr(byte)) ? 1 : 0));
const DIGIT = new Uint8Array(256).map((_, byte) => (byte >= 0x30 && byte <= 0x39 ? 1 : 0));
const HEX = new Uint8Array(256).map((_, byte) => (/[0-9a-fA-F]/.test(chr(byte)) ? 1 : 0));
const ESCAPED = new Uint8Array(256).map((_, byte) => ('"\\/bfnrt'.includes(chr(byte)) ? 1 : 0));

function chr(byte: number): string {
  return String.fromCharCode(byte);
}

/**
 * Checks one complete JSON text (RFC 8259, strict, but a byte order mark is tolerated) and reads
 * the keys of `vocabulary.ts` out of it into `facts`, in one pass over the bytes and without
 * building a value. Facts count only after `ok`, until the next scan. Bytes inside strings need not
 * be valid UTF-8.
 */
export class JsonScanner {
  readonly facts = new Facts();
  readonly #root: Slot;
  #tokensMax = Number.MAX_SAFE_INTEGER;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #depth = 0;
  #tooDeep = false;
  #stringEscaped = false;
  #choiceIndex = 0;
  #choiceFinished = false;

  /** `root` says what is read; without it, all that accounting reads of a response. */
  constructor(root: Slot = ROOT) {
    this.#root = root;
  }

  /** Scans `bytes[start, end)`. `tokensMax` is the largest count that is believed. */
  scan(bytes: Buffer, start = 0, end = bytes.length, tokensMax = 1e12): ScanResult {
    this.facts.reset(bytes);
    this.#tokensMax = Math.min(tokensMax, Number.MAX_SAFE_INTEGER);
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#depth = 0;
    this.#tooDeep = false;
    if (end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb) {
      if (bytes[start + 2] === 0xbf) this.#at += 3;
    }
    const valid = this.#value(this.#root) && this.#peek() === -1;
    this.#bytes = NOTHING;
    if (valid) return 'ok';
    return this.#tooDeep ? 'too_deep' : 'invalid_json';
  }

  /** The next byte that is not blank, or -1 at the end. */
  #peek(): number {
    const bytes = this.#bytes;
    for (let at = this.#at; at < this.#end; at++) {
      const byte = bytes[at]!;
      if (byte > 0x20 || BLANK[byte] === 0) {
        this.#at = at;
        return byte;
      }
    }
    this.#at = this.#end;
    return -1;
  }

  #value(slot: Slot): boolean {
    const byte = this.#peek();
    switch (byte) {
      case QUOTE:
        return this.#text(slot);
      case OPEN_BRACE:
        return this.#object(slot);
      case OPEN_BRACKET:
        return this.#array(slot);
      case 0x6e: // n
        return this.#literal(NULL);
      case 0x74: // t
        this.#notANumber(slot);
        if (slot.role === 'flag') this.facts.flags[slot.number] = 2;
        return this.#literal(TRUE);
      case 0x66: // f
        this.#notANumber(slot);
        if (slot.role === 'flag') this.facts.flags[slot.number] = 1;
        return this.#literal(FALSE);
      default:
        return this.#number(slot);
    }
  }

  #object(slot: Slot): boolean {
    if (!this.#open(slot)) return false;
    if (slot.role === 'presence') this.facts.error = true;
    if (slot.role === 'finish') this.#choiceFinished = true; // SGLang says it as an object
    if (slot.role === 'choice') {
      this.#choiceIndex = 0;
      this.#choiceFinished = false;
    }
    if (this.#peek() === CLOSE_BRACE) this.#at++;
    else if (!this.#members(slot.inside)) return false;
    if (slot.role === 'choice') this.facts.addChoice(this.#choiceIndex, this.#choiceFinished);
    this.#depth--;
    return true;
  }

  #members(keys: Keys | undefined): boolean {
    let seen = 0;
    for (;;) {
      if (this.#peek() !== QUOTE) return false;
      const start = this.#at + 1;
      if (!this.#string()) return false;
      const slot = keys === undefined ? SKIP : this.#slotOf(keys, start, this.#at - 1);
      if ((seen & slot.bit) !== 0) this.facts.duplicate = true;
      seen |= slot.bit;
      if (this.#peek() !== COLON) return false;
      this.#at++;
      if (!this.#value(slot)) return false;
      const byte = this.#peek();
      this.#at++;
      if (byte === CLOSE_BRACE) return true;
      if (byte !== COMMA) return false;
    }
  }

  #array(slot: Slot): boolean {
    if (!this.#open(slot)) return false;
    if (slot.role === 'presence') this.facts.error = true;
    if (slot.role === 'usage') this.facts.invalidUsage = true;
    const element = slot.role === 'choices' ? CHOICE : SKIP;
    if (this.#peek() === CLOSE_BRACKET) this.#at++;
    else if (!this.#elements(element)) return false;
    this.#depth--;
    return true;
  }

  #elements(element: Slot): boolean {
    for (;;) {
      if (!this.#value(element)) return false;
      const byte = this.#peek();
      this.#at++;
      if (byte === CLOSE_BRACKET) return true;
      if (byte !== COMMA) return false;
    }
  }

  #open(slot: Slot): boolean {
    if (slot.role === 'count') this.facts.invalidUsage = true;
    if (slot.role === 'index') this.#choiceIndex = -1;
    this.#at++;
    if (++this.#depth <= DEPTH_MAX) return true;
    this.#tooDeep = true;
    return false;
  }

  #slotOf(keys: Keys, start: number, end: number): Slot {
    if (!this.#stringEscaped) return keys.find(this.#bytes, start, end) ?? SKIP;
    // A key may be written with escapes, `us\u0061ge`; six bytes for each is the longest way.
    if (end - start > 6 * 32) return SKIP;
    const plain = Buffer.from(decoded(this.#bytes, start, end));
    return keys.find(plain, 0, plain.length) ?? SKIP;
  }

  #text(slot: Slot): boolean {
    const start = this.#at + 1;
    if (!this.#string()) return false;
    const end = this.#at - 1;
    if (slot === SKIP) return true;
    this.#notANumber(slot);
    if (slot.role === 'text') {
      this.facts.textStart[slot.number] = start;
      this.facts.textEnd[slot.number] = end;
    } else if (slot.role === 'finish') {
      this.#choiceFinished = end > start; // some servers write "" until the end
    } else if (slot.role === 'presence' && end > start) {
      this.facts.error = true;
    }
    return true;
  }

  /** Passes a string from its opening to behind its closing quote. */
  #string(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at + 1;
    this.#stringEscaped = false;
    for (;;) {
      while (at < end && PLAIN[bytes[at]!] === 1) at++;
      if (at >= end) return false;
      const byte = bytes[at++]!;
      if (byte === QUOTE) {
        this.#at = at;
        return true;
      }
      if (byte !== BACKSLASH || at >= end) return false;
      this.#stringEscaped = true;
      const letter = bytes[at++]!;
      if (ESCAPED[letter] === 1) continue;
      if (letter !== 0x75 || at + 4 > end) return false; // u
      for (const last = at + 4; at < last; at++) if (HEX[bytes[at]!] === 0) return false;
    }
  }

  #literal(word: Buffer): boolean {
    const at = this.#at;
    if (at + word.length > this.#end) return false;
    for (let i = 1; i < word.length; i++) if (this.#bytes[at + i] !== word[i]) return false;
    this.#at += word.length;
    return true;
  }

  #number(slot: Slot): boolean {
    const start = this.#at;
    if (this.#bytes[this.#at] === 0x2d) this.#at++; // -
    const whole = this.#at;
    if (!this.#digits()) return false;
    if (this.#bytes[whole] === 0x30 && this.#at - whole > 1) return false;
    let plain = whole === start;
    if (this.#at < this.#end && this.#bytes[this.#at] === 0x2e) {
      this.#at++;
      plain = false;
      if (!this.#digits()) return false;
    }
    if (this.#at < this.#end && (this.#bytes[this.#at]! | 0x20) === 0x65) {
      this.#at++;
      plain = false;
      const sign = this.#at < this.#end ? this.#bytes[this.#at] : 0;
      if (sign === 0x2b || sign === 0x2d) this.#at++;
      if (!this.#digits()) return false;
    }
    if (slot !== SKIP) this.#counted(slot, plain ? this.#integer(start) : -1);
    return true;
  }

  #digits(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    while (at < this.#end && DIGIT[bytes[at]!] === 1) at++;
    this.#at = at;
    return at > start;
  }

  /** The integer of the plain digits from `start`, or -1 over the cap. Decided on the digits. */
  #integer(start: number): number {
    let value = 0;
    for (let at = start; at < this.#at; at++) value = 10 * value + this.#bytes[at]! - 0x30;
    // Many digits round, but never from above 2^53 - 1 to below.
    return value <= this.#tokensMax ? value : -1;
  }

  #counted(slot: Slot, value: number): void {
    if (slot.role === 'index') this.#choiceIndex = value;
    if (slot.role === 'usage') this.facts.invalidUsage = true;
    if (slot.role !== 'count') return;
    if (value < 0) {
      this.facts.invalidUsage = true;
      return;
    }
    this.facts.counts[slot.number] = value;
    this.facts.places |= 1 << Math.floor(slot.number / COUNTS_PER_PLACE);
  }

  #notANumber(slot: Slot): void {
    if (slot.role === 'count' || slot.role === 'usage') this.facts.invalidUsage = true;
    if (slot.role === 'index') this.#choiceIndex = -1;
  }
}

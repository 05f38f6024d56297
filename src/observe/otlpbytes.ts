/**
 * Attributes and texts as the bytes of OTLP (opentelemetry-proto, common.proto), beside what `pbf`
 * writes: its nested messages cost an object and a call each, and names of attributes are few.
 */
import { PbfWriter } from 'pbf';
import type { AttributeSink, AttributeValue } from './spans.js';

/** Writes attributes of a span, or of whatever else has them in this field. */
export class AttributeWriter implements AttributeSink {
  readonly #to: PbfWriter;
  readonly #field: number;

  constructor(to: PbfWriter, field = 9) {
    this.#to = to;
    this.#field = field;
  }

  /** Names are few: the code's, and a configuration's. */
  put(name: string, value: AttributeValue): void {
    if (value === undefined) return;
    const to = this.#to;
    to.writeTag(this.#field, 2);
    const from = openMessage(to);
    copy(keyOf(name), to);
    const valueFrom = openMessage(to);
    writeValue(value, to);
    closeMessage(valueFrom, to);
    closeMessage(from, to);
  }
}

/** The key of a `KeyValue`, and the tag of its value. */
function keyOf(name: string): Uint8Array {
  let key = keys.get(name);
  if (key === undefined) {
    const to = new PbfWriter();
    to.writeStringField(1, name);
    to.writeTag(2, 2);
    key = new Uint8Array(to.finish());
    keys.set(name, key);
  }
  return key;
}
const keys = new Map<string, Uint8Array>();

function writeValue(value: string | number, to: PbfWriter): void {
  if (typeof value === 'string') writeText(1, value, to);
  else if (Number.isSafeInteger(value)) to.writeVarintField(3, value);
  else to.writeDoubleField(4, value);
}

/** Leaves room for a length, which mostly takes as many bytes. What is written next is the message. */
export function openMessage(to: PbfWriter, room = 1): number {
  to.realloc(room);
  to.pos += room;
  return to.pos;
}

/** Writes the length of the message that was opened, which moves along if that takes more, or less. */
export function closeMessage(from: number, to: PbfWriter, room = 1): void {
  const length = to.pos - from;
  const width = varintBytes(length);
  if (width !== room) {
    to.realloc(width);
    to.buf.copyWithin(from + width - room, from, to.pos);
  }
  to.pos = from - room;
  to.writeVarint(length);
  to.pos += length;
}

/** How many bytes a number from 0 to 2 ** 31 takes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}

/** Of two UTF-16 code units, or half of such a one. */
const SURROGATE = /[\ud800-\udfff]/;

export function writeText(field: number, text: string, to: PbfWriter): void {
  if (text.length < 0x80 && writeAscii(field, text, to)) return;
  // pbf 5.1.2 writes most of the characters from U+20000 on as others.
  if (SURROGATE.test(text)) to.writeBytesField(field, Buffer.from(text));
  else to.writeStringField(field, text);
}

/** Gives false, and has written nothing, where the text has more than ASCII. Most have not. */
function writeAscii(field: number, text: string, to: PbfWriter): boolean {
  const { length } = text;
  to.realloc(length + 2);
  if (!putAscii(text, to.buf, to.pos + 2)) return false;
  to.writeTag(field, 2);
  to.writeVarint(length);
  to.pos += length;
  return true;
}

/** Puts the characters there, a byte each. Gives false for a text that has more than ASCII. */
export function putAscii(text: string, into: Uint8Array, start: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return false;
    into[start + at] = code;
  }
  return true;
}

export function copy(bytes: Uint8Array, to: PbfWriter): void {
  to.realloc(bytes.length);
  to.buf.set(bytes, to.pos);
  to.pos += bytes.length;
}

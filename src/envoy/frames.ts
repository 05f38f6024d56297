/**
 * gRPC's messages in the bytes of a body: what the GRPC mode shows one by one, without their five
 * bytes of prefix.
 */

/** A message as its sender wrote it. */
export interface Framed {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

const PREFIX_BYTES = 5;

export function frame({ compressed, bytes }: Framed): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt8(compressed ? 1 : 0, 0);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Takes bytes as they come, and gives the messages that are whole. */
export class Deframer {
  #rest: Buffer = Buffer.alloc(0);

  /** How many bytes wait for the rest of their message. */
  get restBytes(): number {
    return this.#rest.length;
  }

  take(bytes: Buffer): Framed[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const whole: Framed[] = [];
    while (this.#rest.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) break;
      whole.push({
        compressed: this.#rest[0] === 1,
        bytes: this.#rest.subarray(PREFIX_BYTES, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
    return whole;
  }
}

/**
 * What is known of the two bodies of an exchange that is watched, where nobody may see them: how
 * many bytes came, and a fingerprint of them (SEC-29).
 *
 * The fingerprint is the same however the bytes are cut into chunks, so bodies can be told to be the
 * same, here and elsewhere in one run of a server. It is a check sum behind a secret of that run, so
 * that a short text cannot be found by trying; it is no cryptographic hash.
 */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const WORD = 2 ** 32;
const START = randomInt(WORD);
const [FIRST, SECOND] = [randomInt(WORD) | 1, randomInt(WORD) | 1];

export class Body {
  /** Bytes that were received of a request, or passed on of a response. */
  bytes = 0;
  #sum = START;

  take(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#sum = crc32(chunk, this.#sum);
  }

  /** Eight hexadecimal digits; an empty text for a body without a byte. */
  get fingerprint(): string {
    if (this.bytes === 0) return '';
    // Check sums of texts of one length differ by what the texts differ by, which must not be seen.
    let mixed = Math.imul(this.#sum ^ (this.#sum >>> 16), FIRST);
    mixed = Math.imul(mixed ^ (mixed >>> 15), SECOND);
    return ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0');
  }
}

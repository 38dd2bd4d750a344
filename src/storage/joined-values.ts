import { Buffer } from 'node:buffer';

const separator = ';'.charCodeAt(0);
const minus = '-'.charCodeAt(0);
const zero = '0'.charCodeAt(0);

/**
 * Values that SQLite has joined into one, an integer as its digits and a semicolon, and handed over in hexadecimal: one text
 * costs the driver less than its parts, and less than a buffer. What is no integer reads as some number or other, and nothing
 * is read beyond the end: whoever reads has a checksum that tells.
 */
export class JoinedValues {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(hexadecimal: string) {
    this.#bytes = Buffer.from(hexadecimal, 'hex');
  }

  integer(): number {
    const bytes = this.#bytes;
    let position = this.#position;
    const isNegative = bytes[position] === minus;
    if (isNegative) position += 1;
    let value = 0;
    for (; position < bytes.length && bytes[position] !== separator; position += 1) {
      value = value * 10 + ((bytes[position] ?? 0) - zero);
    }
    this.#position = position + 1;
    return isNegative ? -value : value;
  }

  blob(size: number): Buffer {
    const start = this.#position;
    this.#position = Math.min(this.#bytes.length, start + Math.max(0, size));
    return this.#bytes.subarray(start, this.#position);
  }

  /** What has not been read yet. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#position);
  }
}

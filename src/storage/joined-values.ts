import { Buffer } from 'node:buffer';
import { crc32OfFew } from '../bytes/crc32.ts';

const separator = ';'.charCodeAt(0);
const minus = '-'.charCodeAt(0);
const zero = '0'.charCodeAt(0);

/** What is longer takes a larger buffer. */
const sizeUsual = 512;

/**
 * Values that SQLite has joined into one, an integer as its digits and a semicolon, and handed over in hexadecimal: one text
 * costs the driver less than its parts, and less than a buffer. What is no integer reads as some number or other, and nothing
 * is read beyond the end: whoever reads has a checksum that tells. One text after the other is read into the same buffer.
 */
export class JoinedValues {
  #bytes = Buffer.alloc(sizeUsual);
  #end = 0;
  #position = 0;

  /** Turns to another text. */
  read(hexadecimal: string): void {
    const size = hexadecimal.length / 2;
    if (size > this.#bytes.length) this.#bytes = Buffer.alloc(size);
    this.#end = this.#bytes.write(hexadecimal, 'hex');
    this.#position = 0;
  }

  /** Turns to a text that is in bytes already. */
  readBytes(source: Buffer, start: number, size: number): void {
    if (size > this.#bytes.length) this.#bytes = Buffer.alloc(size);
    for (let index = 0; index < size; index += 1) this.#bytes[index] = source[start + index] ?? 0;
    this.#end = size;
    this.#position = 0;
  }

  integer(): number {
    const bytes = this.#bytes;
    let position = this.#position;
    const isNegative = position < this.#end && bytes[position] === minus;
    if (isNegative) position += 1;
    let value = 0;
    for (; position < this.#end && bytes[position] !== separator; position += 1) {
      value = value * 10 + ((bytes[position] ?? 0) - zero);
    }
    this.#position = position + 1;
    return isNegative ? -value : value;
  }

  blob(size: number): Buffer {
    const start = this.#position;
    this.#position = Math.max(start, Math.min(this.#end, start + size));
    const blob = Buffer.allocUnsafe(this.#position - start);
    // The library's copy makes a view first.
    for (let index = 0; index < blob.length; index += 1) blob[index] = this.#bytes[start + index] ?? 0;
    return blob;
  }

  /** Passes over a blob, and says whether it is this one. */
  isBlob(expected: Buffer): boolean {
    const start = this.#position;
    this.#position = start + expected.length;
    if (this.#position > this.#end) return false;
    for (let index = 0; index < expected.length; index += 1) {
      if (this.#bytes[start + index] !== expected[index]) return false;
    }
    return true;
  }

  /** CRC-32 of what has not been read yet. */
  checksumOfRest(): number {
    return crc32OfFew(this.#bytes, this.#position, this.#end);
  }
}

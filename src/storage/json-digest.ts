import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

const quote = '"'.charCodeAt(0);
const backslash = '\\'.charCodeAt(0);
const minus = '-'.charCodeAt(0);
const zero = '0'.charCodeAt(0);
const firstPlain = ' '.charCodeAt(0);
const lastPlain = '~'.charCodeAt(0);
const hexadecimalDigits = Buffer.from('0123456789abcdef');
const sizeUsual = 1_024;
/** What an integer takes at most, and a character in UTF-8. */
const numberSizeMax = 24;
const characterSizeMax = 3;

/**
 * SHA-256 over a JSON text that is written value by value, as JSON.stringify writes finite ones, without ever being a string:
 * made of strings, the text of an event was a third of all garbage that a request left.
 */
export class JsonDigest {
  #bytes = Buffer.alloc(sizeUsual);
  #end = 0;
  /** The first bytes, by their number. */
  #views: (Buffer | undefined)[] = [];

  begin(): void {
    this.#end = 0;
  }

  /** Punctuation, and other ASCII that stands for itself. */
  mark(text: string): void {
    this.#makeRoom(text.length);
    for (let index = 0; index < text.length; index += 1) this.#put(text.charCodeAt(index));
  }

  /** A blob is written in lower-case hexadecimal. */
  value(value: Buffer | string | number | null): void {
    if (value === null) this.mark('null');
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#string(value);
    else this.#hexadecimal(value);
  }

  /** In hexadecimal. */
  finish(): string {
    const text = this.#views[this.#end] ?? this.#bytes.subarray(0, this.#end);
    if (this.#end <= sizeUsual) this.#views[this.#end] = text;
    return hash('sha256', text, 'hex');
  }

  #string(value: string): void {
    this.#makeRoom(value.length + 2);
    const bytes = this.#bytes;
    const start = this.#end + 1;
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code < firstPlain || code > lastPlain || code === quote || code === backslash) {
        this.#raw(JSON.stringify(value));
        return;
      }
      bytes[start + index] = code;
    }
    this.#quote(value.length);
  }

  #hexadecimal(value: Buffer): void {
    const size = value.length * 2;
    this.#makeRoom(size + 2);
    const bytes = this.#bytes;
    let place = this.#end + 1;
    for (let index = 0; index < value.length; index += 1, place += 2) {
      const byte = value[index] ?? 0;
      bytes[place] = hexadecimalDigits[byte >> 4] ?? 0;
      bytes[place + 1] = hexadecimalDigits[byte & 15] ?? 0;
    }
    this.#quote(size);
  }

  /** Around what has been written behind the end. */
  #quote(size: number): void {
    this.#bytes[this.#end] = quote;
    this.#bytes[this.#end + size + 1] = quote;
    this.#end += size + 2;
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#raw(String(value));
      return;
    }
    this.#makeRoom(numberSizeMax);
    if (value < 0) this.#put(minus);
    let rest = Math.abs(value);
    let digits = 1;
    for (let bound = 10; rest >= bound; bound *= 10) digits += 1;
    this.#end += digits;
    for (let place = 1; place <= digits; place += 1) {
      const shorter = Math.floor(rest / 10);
      this.#bytes[this.#end - place] = rest - shorter * 10 + zero;
      rest = shorter;
    }
  }

  #raw(text: string): void {
    this.#makeRoom(text.length * characterSizeMax);
    this.#end += this.#bytes.write(text, this.#end);
  }

  #put(byte: number): void {
    this.#bytes[this.#end] = byte;
    this.#end += 1;
  }

  #makeRoom(size: number): void {
    if (this.#end + size <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#end + size, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
    this.#views = [];
  }
}

import { crc32OfFew } from '../bytes/crc32.ts';

const bitsPerEntry = 64;

/**
 * A Map by bytes that is mostly asked for what it does not hold: a filter says so for all but one in 64 when it is full, in a
 * tenth of the time that looking costs. It is never cleared, so that a map is filled once and then dropped.
 */
export class FilteredMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #bits: number;
  readonly #filter: Uint32Array;

  /** `capacity` is the number of entries that it is made for; it takes more, and filters less. */
  constructor(capacity: number) {
    this.#bits = capacity * bitsPerEntry;
    this.#filter = new Uint32Array(this.#bits / 32);
  }

  get size(): number {
    return this.#values.size;
  }

  /** `sum` is `sumOf(key)`. */
  get(key: Buffer, sum: number): Value | undefined {
    return this.#mayHold(sum) ? this.#values.get(nameOf(key)) : undefined;
  }

  set(key: Buffer, sum: number, value: Value): void {
    const bit = sum % this.#bits;
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] ?? 0) | (1 << (bit & 31));
    this.#values.set(nameOf(key), value);
  }

  delete(key: Buffer): void {
    this.#values.delete(nameOf(key));
  }

  #mayHold(sum: number): boolean {
    const bit = sum % this.#bits;
    return ((this.#filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

/** Where a key stands in the filters of all maps. */
export function sumOf(key: Buffer, start = 0, end = key.length): number {
  return crc32OfFew(key, start, end);
}

/** A character for each byte: a small buffer would keep a whole pool of them alive. */
function nameOf(key: Buffer): string {
  return key.toString('latin1');
}

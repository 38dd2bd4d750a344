import { crc32OfFew } from '../bytes/crc32.ts';

const filterBits = 1_048_576;

/**
 * A Map by bytes that is mostly asked for what it does not hold: a filter says so for all but one in sixteen at 65,536
 * entries, in a tenth of the time that looking costs. It is never cleared, so that a map is filled once and then dropped.
 */
export class FilteredMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #filter = new Uint32Array(filterBits / 32);

  get size(): number {
    return this.#values.size;
  }

  /** `sum` is `sumOf(key)`. */
  get(key: Buffer, sum: number): Value | undefined {
    return this.#mayHold(sum) ? this.#values.get(nameOf(key)) : undefined;
  }

  set(key: Buffer, sum: number, value: Value): void {
    const bit = sum % filterBits;
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] ?? 0) | (1 << (bit & 31));
    this.#values.set(nameOf(key), value);
  }

  delete(key: Buffer): void {
    this.#values.delete(nameOf(key));
  }

  #mayHold(sum: number): boolean {
    const bit = sum % filterBits;
    return ((this.#filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

/** Where a key stands in the filters of all maps. */
export function sumOf(key: Buffer): number {
  return crc32OfFew(key, 0, key.length);
}

/** A character for each byte: a small buffer would keep a whole pool of them alive. */
function nameOf(key: Buffer): string {
  return key.toString('latin1');
}

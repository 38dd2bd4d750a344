import { Buffer } from 'node:buffer';
import type { Database, Statement } from 'better-sqlite3';
import { crc32OfFew } from '../bytes/crc32.ts';
import { keyIdSize } from '../domain/chat-key.ts';

const bitsMin = 2 ** 23;
const bitsMax = 2 ** 27;
/** With fewer there would be more looks in vain; with more, more memory. */
const bitsPerKey = 10;

type Piece = [count: number, ids: Buffer];

/**
 * Says of most new ids that there is no key under them, without a look into `key_numbers`: that look costs a page for each post where there are
 * millions. It knows nothing until it has read the whole index once, a piece at a time; ids that come meanwhile are added.
 * Ids that went stay in it, which costs a look. At ten million keys it takes 16 MiB, and one new id in fourteen is looked up
 * in vain, one in four where all of them came since the start.
 */
export class KeyFilter {
  readonly #select: Statement<[Buffer, number], unknown[]>;
  #bits: Uint32Array;
  #keys: number;
  /** Where reading has come to; undefined when it is done, or given up. */
  #position: Buffer | undefined = Buffer.alloc(0);
  #isWhole = false;

  /** `keys` is how many there are about. */
  constructor(database: Database, keys: number) {
    this.#select = database
      .prepare<[Buffer, number], unknown[]>(
        `SELECT count(*), CAST(group_concat(key_id, '') AS BLOB)
         FROM (SELECT key_id FROM key_numbers WHERE key_id > ? ORDER BY key_id LIMIT ?)`,
      )
      .raw();
    this.#keys = keys;
    let bits = bitsMin;
    while (bits < bitsMax && bits < keys * bitsPerKey) bits *= 2;
    this.#bits = new Uint32Array(bits / 32);
  }

  /** Whether there may be a key under an id, in `key_numbers` or among those added; `sum` is its `sumOf`. */
  mayHold(sum: number): boolean {
    if (!this.#isWhole) return true;
    const bit = sum % (this.#bits.length * 32);
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  add(sum: number): void {
    this.#keys += 1;
    if (this.#keys * bitsPerKey > this.#bits.length * 32) this.#grow();
    this.#set(sum);
  }

  /**
   * Reads the next `count` ids of the index, two at least; false when there is no more to be read. Where ids are not in their
   * order, or not of their size, one of them is damaged, and reading on from it would pass over others: then it gives up.
   */
  readOn(count: number): boolean {
    const position = this.#position;
    this.#position = undefined;
    if (position === undefined) return false;
    const wanted = Math.max(2, count);
    const [found, ids] = this.#select.get(position, wanted) as Piece;
    if (found > 0 && ids.length !== found * keyIdSize) return false;
    for (let start = 0; start < found * keyIdSize; start += keyIdSize) {
      const isInOrder = start === 0 ? position.compare(ids, 0, keyIdSize) < 0 : isBefore(ids, start - keyIdSize, start);
      if (!isInOrder) return false;
      this.#set(sumOf(ids, start, start + keyIdSize));
    }
    this.#isWhole = found < wanted;
    // The last one is read again: whether it is in order shows only beside those that follow.
    if (!this.#isWhole) this.#position = Buffer.from(ids.subarray(-2 * keyIdSize, -keyIdSize));
    return !this.#isWhole;
  }

  #set(sum: number): void {
    const bit = sum % (this.#bits.length * 32);
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  /** In twice the bits every id may be where it was, or as far again: what is not known is set in both halves. */
  #grow(): void {
    const { length } = this.#bits;
    if (length * 32 >= bitsMax) return;
    const grown = new Uint32Array(length * 2);
    grown.set(this.#bits);
    grown.set(this.#bits, length);
    this.#bits = grown;
  }
}

/** Where an id stands in the filter, which the size of that decides. */
export function sumOf(id: Buffer, start = 0, end = id.length): number {
  return crc32OfFew(id, start, end);
}

/** Whether the id at one place is less than that at another. In place: a view of each would take most of the time. */
function isBefore(ids: Buffer, one: number, other: number): boolean {
  for (let index = 0; index < keyIdSize; index += 1) {
    const difference = (ids[one + index] ?? 0) - (ids[other + index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

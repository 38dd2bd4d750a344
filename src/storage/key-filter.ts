import type { Database, Statement } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import { sumOf } from './filtered-map.ts';

const bitsMin = 2 ** 20;
/** 16 MiB: at ten million keys one new id in thirteen is looked up in vain. */
const bitsMax = 2 ** 27;
const bitsPerKey = 8;

type Piece = [count: number, ids: Buffer, last: Buffer | null];

/**
 * Says of most new ids that `key_numbers` lacks them, without a look: that look costs a page for each post where there are
 * millions. It knows nothing until it has read the whole index once, a piece at a time; ids that come meanwhile are added.
 * Ids that went stay in it, which costs a look.
 */
export class KeyFilter {
  readonly #select: Statement<[Buffer, number], unknown[]>;
  #bits: Uint32Array;
  #keys: number;
  /** Where reading has come to; undefined when it is done. */
  #position: Buffer | undefined = Buffer.alloc(0);
  #isUsable = true;

  /** `keys` is how many there are about. */
  constructor(database: Database, keys: number) {
    this.#select = database
      .prepare<[Buffer, number], unknown[]>(
        `SELECT count(*), CAST(group_concat(key_id, '') AS BLOB), max(key_id)
         FROM (SELECT key_id FROM key_numbers WHERE key_id > ? ORDER BY key_id LIMIT ?)`,
      )
      .raw();
    this.#keys = keys;
    let bits = bitsMin;
    while (bits < bitsMax && bits < keys * bitsPerKey) bits *= 2;
    this.#bits = new Uint32Array(bits / 32);
  }

  /** Whether an id may be in `key_numbers`; `sum` is its `sumOf`. */
  mayHold(sum: number): boolean {
    if (this.#position !== undefined || !this.#isUsable) return true;
    const bit = sum % (this.#bits.length * 32);
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  add(sum: number): void {
    this.#keys += 1;
    if (this.#keys * bitsPerKey > this.#bits.length * 32) this.#grow();
    this.#set(sum);
  }

  /** Reads the next `count` ids of the index; false when there is no more to be read. */
  readOn(count: number): boolean {
    const position = this.#position;
    if (position === undefined) return false;
    this.#position = undefined;
    this.#isUsable = false;
    const [found, ids, last] = this.#select.get(position, count) as Piece;
    // A damaged id has another size, and a damaged page cannot be read: then nothing can be said of any.
    if (last !== null && ids.length !== found * keyIdSize) return false;
    this.#isUsable = true;
    if (last === null) return false;
    for (let start = 0; start < ids.length; start += keyIdSize)
      this.#set(sumOf(ids.subarray(start, start + keyIdSize)));
    this.#position = last;
    return true;
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

import { Buffer } from 'node:buffer';
import type { Database, Statement } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import { bitsOf, HintTable, noHint } from './hint-table.ts';
import { hashOf } from './secret-hash.ts';

/** What is said instead of a number: that no key has the id; that it is not known. */
export const noKey = noHint;
export const notKnown = -1;

/** With more numbers or keys than this nothing is said: hints take four bytes a slot, and a slot some bits for the id. */
const capacityMin = 2 ** 20;
const capacityMax = 2 ** 25;
const numberBitsMax = 28;
/** How full a table is when all keys were read into it. */
const fillAtFirst = 0.75;
/** A table for those who come later is so large, beside what is held. */
const growth = 0.5;
/** Of how many numbers it is asked whether they still have keys, at how many places. */
const sample = { places: 32, numbers: 32 };

const comma = ','.charCodeAt(0);
const zero = '0'.charCodeAt(0);

type Piece = [count: number, numbers: string | null, ids: Buffer | null];

/** What `chat_keys` and its index have come to. */
export interface KeyProgress {
  /** Number of the newest key. */
  newest(): number;
  /** Number up to which `key_numbers` is complete. */
  indexedThrough(): number;
}

/** What has to be read yet: ids of `key_numbers` after one, then those of `chat_keys` from a number on. */
interface Reading {
  readonly id: Buffer | undefined;
  readonly number: number;
  /** Later ones have been added. */
  readonly end: number;
}

interface Entries {
  readonly numbers: readonly number[];
  /** One after the other. */
  readonly ids: Buffer;
}

/**
 * Says where the key of an id most likely stands, and of most new ids that there is none, without a look into `key_numbers`:
 * that look costs a page where there are millions of keys. A slot holds a number and some bits of the hash of its id, so
 * whoever follows a hint has to see whether it is the right row. Nothing is known until the whole index was read once, a
 * piece at a time, and then the keys that it lacked; ids that come meanwhile are added. Ids that went stay.
 */
export class KeyHints {
  readonly #database: Database;
  readonly #progress: KeyProgress;
  readonly #selectIndexed: Statement<[Buffer, number], unknown[]>;
  readonly #selectRows: Statement<[number, number, number], unknown[]>;
  /** The newest first; each takes what comes until it is full. None where it has given up. */
  #tables: HintTable[] = [];
  /** Undefined where everything is read, or it has given up. */
  #reading: Reading | undefined;
  #isWhole = false;

  constructor(database: Database, progress: KeyProgress) {
    this.#database = database;
    this.#progress = progress;
    const piece = "SELECT count(*), group_concat(number), CAST(group_concat(key_id, '') AS BLOB) FROM";
    this.#selectIndexed = database
      .prepare<[Buffer, number], unknown[]>(
        `${piece} (SELECT number, key_id FROM key_numbers WHERE key_id > ? ORDER BY key_id LIMIT ?)`,
      )
      .raw();
    this.#selectRows = database
      .prepare<[number, number, number], unknown[]>(
        `${piece} (SELECT number, key_id FROM chat_keys WHERE number > ? AND number <= ? ORDER BY number LIMIT ?)`,
      )
      .raw();
    this.#begin();
  }

  /** Number of the row that most likely holds the key of an id, `noKey` where none does, or `notKnown`; `hash` is its `hashOf`. */
  likelyNumberOf(hash: number): number {
    if (!this.#isWhole) return notKnown;
    for (const table of this.#tables) {
      const number = table.find(hash);
      if (number !== noHint) return number;
    }
    return noKey;
  }

  add(hash: number, number: number): void {
    if (this.#tables[0]?.add(hash, number) !== false) return;
    this.#makeRoom();
    this.#tables[0]?.add(hash, number);
  }

  /**
   * Reads the next `count` ids, two at least; false when there is no more to be read. Where ids of the index are not in their
   * order, or not of their size, one of them is damaged, and reading on from it would pass over others: then it gives up.
   */
  readOn(count: number): boolean {
    const reading = this.#reading;
    if (reading === undefined) return false;
    this.#reading = undefined;
    const piece = this.#read(reading, Math.max(2, count));
    if (piece === undefined) {
      this.#giveUp();
      return false;
    }
    this.#reading = piece.next;
    this.#holdAll(piece.entries);
    // There may not have been room for all.
    this.#isWhole = piece.next === undefined && this.#tables.length > 0;
    return this.#reading !== undefined;
  }

  /** Undefined where an id is damaged. */
  #read(reading: Reading, wanted: number): { entries: Entries; next: Reading | undefined } | undefined {
    const { id, number, end } = reading;
    if (id === undefined) {
      const entries = entriesOf(this.#selectRows.get(number, end, wanted) as Piece, end);
      if (entries === undefined) return undefined;
      const isLast = entries.numbers.length < wanted;
      return { entries, next: isLast ? undefined : { ...reading, number: entries.numbers.at(-1) ?? end } };
    }
    const entries = entriesOf(this.#selectIndexed.get(id, wanted) as Piece, this.#progress.newest());
    if (entries === undefined || !areInOrder(id, entries.ids)) return undefined;
    // The last one is read again: whether it is in order shows only beside those that follow.
    const isLast = entries.numbers.length < wanted;
    const last = isLast ? undefined : Buffer.from(entries.ids.subarray(-2 * keyIdSize, -keyIdSize));
    return { entries, next: { ...reading, id: last } };
  }

  #holdAll({ numbers, ids }: Entries): void {
    let start = 0;
    for (const number of numbers) {
      this.add(hashOf(ids, start, start + keyIdSize), number);
      start += keyIdSize;
    }
  }

  /** Adds a table; where most of what is held is of keys that went, it begins anew. */
  #makeRoom(): void {
    const held = sumOf(this.#tables.map((table) => table.held));
    const isStale = () => held > 2 * estimatedKeys(this.#database, this.#progress.newest()) + capacityMin;
    if (this.#isWhole && isStale()) this.#begin();
    else this.#addTable(held * growth);
  }

  #begin(): void {
    this.#giveUp();
    const newest = this.#progress.newest();
    this.#addTable(estimatedKeys(this.#database, newest) / fillAtFirst);
    if (this.#tables.length === 0) return;
    this.#reading = { id: Buffer.alloc(0), number: this.#progress.indexedThrough(), end: newest };
  }

  #addTable(wanted: number): void {
    const capacity = Math.max(capacityMin, Math.ceil(wanted));
    const together = sumOf(this.#tables.map((table) => table.capacity)) + capacity;
    const numberMax = this.#progress.newest() + capacity;
    if (together > capacityMax || bitsOf(numberMax) > numberBitsMax) this.#giveUp();
    else this.#tables.unshift(new HintTable(capacity, numberMax));
  }

  /** Holds nothing and says nothing. */
  #giveUp(): void {
    this.#tables = [];
    this.#isWhole = false;
    this.#reading = undefined;
  }
}

const noEntries: Entries = { numbers: [], ids: Buffer.alloc(0) };

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** About how many of the numbers up to `newest` still have keys. */
function estimatedKeys(database: Database, newest: number): number {
  const { places, numbers } = sample;
  if (newest <= places * numbers) return newest;
  const count = database
    .prepare<[number, number], number>('SELECT count(*) FROM chat_keys WHERE number > ? AND number <= ?')
    .pluck();
  let found = 0;
  for (let place = 1; place <= places; place += 1) {
    const end = Math.floor((newest * place) / places);
    found += count.get(end - numbers, end) ?? 0;
  }
  return Math.ceil((newest * found) / (places * numbers));
}

/** Undefined where an id has not its size, or a number cannot be one. */
function entriesOf([count, list, ids]: Piece, numberMax: number): Entries | undefined {
  if (count === 0) return noEntries;
  const numbers = integersOf(list ?? '');
  const isWhole = ids?.length === count * keyIdSize && numbers.length === count;
  return isWhole && numbers.every((number) => number > 0 && number <= numberMax) ? { numbers, ids } : undefined;
}

/** Of digits and commas. Split and converted by the library, they take several times as long. */
function integersOf(list: string): number[] {
  const integers: number[] = [];
  let value = 0;
  for (let index = 0; index < list.length; index += 1) {
    const code = list.charCodeAt(index);
    if (code !== comma) value = value * 10 + (code - zero);
    else {
      integers.push(value);
      value = 0;
    }
  }
  integers.push(value);
  return integers;
}

function areInOrder(after: Buffer, ids: Buffer): boolean {
  for (let start = 0; start < ids.length; start += keyIdSize) {
    const isInOrder = start === 0 ? after.compare(ids, 0, keyIdSize) < 0 : isBefore(ids, start - keyIdSize, start);
    if (!isInOrder) return false;
  }
  return true;
}

/** Whether the id at one place is less than that at another. In place: a view of each would take most of the time. */
function isBefore(ids: Buffer, one: number, other: number): boolean {
  for (let index = 0; index < keyIdSize; index += 1) {
    const difference = (ids[one + index] ?? 0) - (ids[other + index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

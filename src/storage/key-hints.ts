import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import { bitsOf, fillMax, HintTable, noHint } from './hint-table.ts';
import { type KeyPiece, KeyPieces } from './key-pieces.ts';
import { beforeAllPartitions, partitionOf } from './partitions.ts';
import { hashOf } from './secret-hash.ts';

/** What is said instead of a number: that no key has the id; that it is not known. */
export const noKey = noHint;
export const notKnown = -1;

/** In slots: what a table has at least, and all of them together at most. */
export interface HintLimits {
  readonly table: number;
  readonly together: number;
}

const limitsUsual: HintLimits = { table: 2 ** 20, together: 2 ** 25 };
/** With larger numbers too little of a slot is left for the id. */
const numberBitsMax = 28;
/** How full a table is when all keys were read into it. */
const fillAtFirst = 0.75;
/** A table for those who come later is so large, beside what is held. */
const growth = 0.25;
/** Of how many numbers it is asked whether they still have keys, at how many places. */
const sample = { places: 32, numbers: 32 };

/** What `chat_keys` and its index have come to. */
export interface KeyProgress {
  /** Number of the newest key. */
  newest(): number;
  /** Number up to which `key_numbers` is complete. */
  indexedThrough(): number;
}

export interface Hint {
  readonly number: number;
  /** Whether it may have been made for the id of another hash. */
  fits(hash: number): boolean;
}

/** Entries of `key_numbers` stand in this order. */
interface IndexPlace {
  readonly partition: number;
  readonly id: Buffer;
}

/** What has to be read yet: ids of `key_numbers` after one, then those of `chat_keys` after a number. */
interface Reading {
  readonly place: IndexPlace | undefined;
  readonly number: number;
  /** Later ones have been added. */
  readonly end: number;
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
  readonly #limits: HintLimits;
  readonly #indexed: KeyPieces<[partition: number, after: Buffer, count: number]>;
  readonly #stored: KeyPieces<[after: number, through: number, count: number]>;
  /** The newest first; each takes what comes until it is full. None where nothing is said. */
  #tables: HintTable[] = [];
  #reading: Reading | undefined;
  #isWhole = false;
  #isToBegin = true;
  /** Whether a table was added since all keys were read, or it was asked how many there are. */
  #hasGrown = false;

  constructor(database: Database, progress: KeyProgress, limits = limitsUsual) {
    this.#database = database;
    this.#progress = progress;
    this.#limits = limits;
    this.#indexed = new KeyPieces(
      database,
      'key_numbers WHERE (partition, key_id) > (?, ?) ORDER BY partition, key_id LIMIT ?',
    );
    this.#stored = new KeyPieces(database, 'chat_keys WHERE number > ? AND number <= ? ORDER BY number LIMIT ?');
  }

  /**
   * Number of the row that most likely holds the key of an id, `noKey` where none does, or `notKnown`; `hash` is its
   * `hashOf`.
   */
  likelyNumberOf(hash: number): number {
    if (!this.#isWhole || this.#tables.length === 0) return notKnown;
    for (const table of this.#tables) {
      const number = table.find(hash);
      if (number !== noHint) return number;
    }
    return noKey;
  }

  /** All hints that `likelyNumberOf` could have given. */
  hintsFor(hash: number): Hint[] {
    return this.#tables.flatMap((table) =>
      table.findAll(hash).map((number) => ({ number, fits: (other: number) => table.areAlike(hash, other) })),
    );
  }

  /** Reads nothing, for a request must not fail because of it. */
  add(hash: number, number: number): void {
    if (this.#tables[0]?.add(hash, number) !== false) return;
    this.#addTable(this.#held * growth, 0);
    this.#tables[0]?.add(hash, number);
    this.#hasGrown = true;
  }

  /**
   * Reads the next `count` ids, two at least; false when there is nothing to be read now. Where ids of the index are not in
   * their order, or not of their size, one of them is damaged, and reading on from it would pass over others: then nothing is
   * said any more.
   */
  readOn(count: number): boolean {
    if (this.#isToBegin || this.#isStale()) this.#begin();
    const reading = this.#reading;
    if (reading === undefined) return false;
    this.#reading = undefined;
    let piece: { read: KeyPiece; next: Reading | undefined } | undefined;
    try {
      piece = this.#read(reading, Math.max(2, count));
    } finally {
      if (piece === undefined) this.#fallSilent();
    }
    if (piece === undefined) return false;
    this.#reading = piece.next;
    this.#holdAll(piece.read);
    this.#isWhole = piece.next === undefined;
    if (this.#isWhole) this.#hasGrown = false;
    return this.#reading !== undefined;
  }

  /** Undefined where an id is damaged. */
  #read(reading: Reading, wanted: number): { read: KeyPiece; next: Reading | undefined } | undefined {
    const { place, number, end } = reading;
    if (place === undefined) {
      const read = this.#stored.read(end, number, end, wanted);
      if (read === undefined) return undefined;
      const isLast = read.numbers.length < wanted;
      return { read, next: isLast ? undefined : { ...reading, number: read.numbers.at(-1) ?? end } };
    }
    const read = this.#indexed.read(this.#progress.newest(), place.partition, place.id, wanted);
    if (read === undefined || !areInOrder(place, read)) return undefined;
    // The last one is read again: whether it is in order shows only beside those that follow.
    const isLast = read.numbers.length < wanted;
    return { read, next: { ...reading, place: isLast ? undefined : placeBeforeLast(read) } };
  }

  #holdAll({ numbers, ids }: KeyPiece): void {
    let start = 0;
    for (const number of numbers) {
      this.add(hashOf(ids, start, start + keyIdSize), number);
      start += keyIdSize;
    }
  }

  /** Whether most of what is held is of keys that went. */
  #isStale(): boolean {
    if (!this.#hasGrown || !this.#isWhole) return false;
    this.#hasGrown = false;
    return this.#held > 2 * estimatedKeys(this.#database, this.#progress.newest()) + this.#limits.table;
  }

  #begin(): void {
    this.#fallSilent();
    const newest = this.#progress.newest();
    const keys = estimatedKeys(this.#database, newest);
    this.#addTable(keys / fillAtFirst, keys);
    if (this.#tables.length === 0) return;
    this.#reading = { place: beforeAll, number: this.#progress.indexedThrough(), end: newest };
  }

  /** About `known` of what it will hold has numbers already: each bit less for a number is one more for the id. */
  #addTable(wanted: number, known: number): void {
    const capacity = Math.max(this.#limits.table, Math.ceil(wanted));
    const together = sumOf(this.#tables.map((table) => table.capacity)) + capacity;
    const numberMax = this.#progress.newest() + Math.max(0, Math.ceil(capacity * fillMax) - known);
    if (together > this.#limits.together || bitsOf(numberMax) > numberBitsMax) this.#fallSilent();
    else this.#tables.unshift(new HintTable(capacity, numberMax));
  }

  get #held(): number {
    return sumOf(this.#tables.map((table) => table.held));
  }

  /** Holds nothing, reads nothing and says nothing. */
  #fallSilent(): void {
    this.#tables = [];
    this.#reading = undefined;
    this.#isWhole = false;
    this.#isToBegin = false;
  }
}

const beforeAll: IndexPlace = { partition: beforeAllPartitions, id: Buffer.alloc(1) };

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
    // Where few are left, they are the newest: those stand for themselves alone.
    const end = Math.floor((newest * (place - 0.5)) / places);
    found += count.get(end - numbers, end) ?? 0;
  }
  return Math.ceil((newest * found) / (places * numbers));
}

function placeBeforeLast({ numbers, ids }: KeyPiece): IndexPlace {
  const id = Buffer.from(ids.subarray(-2 * keyIdSize, -keyIdSize));
  return { partition: partitionOf(numbers.at(-2) ?? 0), id };
}

function areInOrder(after: IndexPlace, { numbers, ids }: KeyPiece): boolean {
  const first = { partition: partitionOf(numbers[0] ?? 0), id: ids.subarray(0, keyIdSize) };
  if (numbers.length > 0 && !isPlaceBefore(after, first)) return false;
  let { partition } = first;
  for (let place = 1; place < numbers.length; place += 1) {
    const before = partition;
    partition = partitionOf(numbers[place] ?? 0);
    const start = place * keyIdSize;
    if (partition < before || (partition === before && !isBefore(ids, start - keyIdSize, start))) return false;
  }
  return true;
}

function isPlaceBefore(one: IndexPlace, other: IndexPlace): boolean {
  return one.partition < other.partition || (one.partition === other.partition && one.id.compare(other.id) < 0);
}

/** Whether the id at one place is less than that at another. In place: a view of each would take most of the time. */
function isBefore(ids: Buffer, one: number, other: number): boolean {
  for (let index = 0; index < keyIdSize; index += 1) {
    const difference = (ids[one + index] ?? 0) - (ids[other + index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

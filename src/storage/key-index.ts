import type { Database, Statement } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import type { Coin } from '../domain/coin.ts';
import { DamagedRow } from './damage.ts';
import { IdTable } from './id-table.ts';
import { IndexFollower } from './index-follower.ts';
import { type HintLimits, KeyHints } from './key-hints.ts';
import { KeyPieces } from './key-pieces.ts';
import { partitionOf, partitionSql } from './partitions.ts';
import type { RoundParts } from './round-parts.ts';
import { RoundTable } from './round-table.ts';
import { hashOf } from './secret-hash.ts';

export const keysIndexedThroughName = 'keys_indexed_through';

const idsPerRead = 4_096;
/** Keys that the index may lack while there are requests: the ids of so many take 5 MB. */
const lagMax = 131_072;
/** Numbers of the keys whose ids are held, and forgotten, together. */
const generationSize = 65_536;

/** Ids of keys that the index may lack, with their numbers. */
interface Generation {
  readonly number: number;
  readonly ids: IdTable;
}

/**
 * Where the key of an id stands in `chat_keys`, which holds keys in the order of their posting. Ids are random: the index on
 * disk follows in rounds, and the ids that it has not got yet are held in memory, read back from `chat_keys` at start.
 */
export class KeyIndex {
  readonly #selectNumber: Statement<[number, Buffer], number>;
  readonly #deleteNumber: Statement<[number, Buffer]>;
  readonly #deleteCoin: Statement<[number, number, number, number]>;
  readonly #insertCoin: Statement<[number]>;
  #recent: Generation[] = [];
  /** What the transaction at hand did to `recent`, for its rollback. */
  readonly #undo: { readonly keyId: Buffer; readonly before: number | undefined }[] = [];
  readonly #hints: KeyHints;
  readonly #rounds: readonly RoundTable[];
  readonly follower: IndexFollower;
  #newest = 0;

  constructor(database: Database, hintLimits?: HintLimits) {
    this.#selectNumber = database
      .prepare<[number, Buffer], number>('SELECT number FROM key_numbers WHERE partition = ? AND key_id = ?')
      .pluck();
    this.#deleteNumber = database.prepare('DELETE FROM key_numbers WHERE partition = ? AND key_id = ?');
    this.#deleteCoin = database.prepare(
      'DELETE FROM coin_keys WHERE partition = ? AND denomination = ? AND serial_number = ? AND number = ?',
    );
    this.#insertCoin = database.prepare(
      `INSERT OR IGNORE INTO coin_keys (partition, denomination, serial_number, number)
       SELECT ${partitionSql('number')}, denomination, serial_number, number FROM chat_keys WHERE number = ?`,
    );
    this.#rounds = keyRounds.map((parts) => new RoundTable(database, parts));
    this.follower = new IndexFollower(database, keysIndexedThroughName, lagMax, {
      newest: () => this.#newest,
      tables: this.#rounds,
    });
    const { through } = this.follower;
    this.#loadRecent(database, through);
    // A number is never used again, also where the newest key was removed.
    const newest = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM chat_keys').pluck().get() ?? 0;
    this.#newest = Math.max(newest, through);
    const progress = { newest: () => this.#newest, indexedThrough: () => this.follower.through };
    this.#hints = new KeyHints(database, progress, hintLimits);
  }

  /** The largest number that a key has had. */
  get newest(): number {
    return this.#newest;
  }

  /** Number of the row that holds the key of an id. */
  numberOf(keyId: Buffer): number | undefined {
    return this.#recentNumberOf(keyId) ?? this.#indexedNumberOf(keyId);
  }

  /** The same for an id that `key_numbers` may lack; undefined where it alone knows. */
  #recentNumberOf(keyId: Buffer): number | undefined {
    const hash = hashOf(keyId);
    for (const { ids } of this.#recent) {
      const number = ids.get(keyId, hash);
      if (number !== undefined) return number;
    }
    return undefined;
  }

  /** What `key_numbers` says. The newest partitions come first: most keys are fetched soon after they were posted. */
  #indexedNumberOf(keyId: Buffer): number | undefined {
    for (let partition = partitionOf(this.follower.through); partition >= 0; partition -= 1) {
      const number = this.#selectNumber.get(partition, keyId);
      if (number !== undefined) return number;
    }
    return undefined;
  }

  /** Number of the row that most likely holds the key of an id, `noKey` where none does, or `notKnown`. */
  likelyNumberOf(keyId: Buffer): number {
    return this.#hints.likelyNumberOf(hashOf(keyId));
  }

  /** All rows that may be meant instead, each with the question whether the hint to it may be that of another id. */
  hintsTo(keyId: Buffer): { readonly number: number; fits(other: Buffer): boolean }[] {
    const hints = this.#hints.hintsFor(hashOf(keyId));
    return hints.map(({ number, fits }) => ({ number, fits: (other) => fits(hashOf(other)) }));
  }

  /** Reads the next `count` ids into what `likelyNumberOf` goes by; false when there are none to be read now. */
  learnOn(count: number): boolean {
    return this.#hints.readOn(count);
  }

  /** The number for a new key under an id that has none. */
  add(keyId: Buffer): number {
    this.#newest += 1;
    this.#undo.push({ keyId, before: undefined });
    const hash = hashOf(keyId);
    this.#hold(keyId, hash, this.#newest);
    this.#hints.add(hash, this.#newest);
    return this.#newest;
  }

  remove(keyId: Buffer, { denomination, serialNumber }: Coin, number: number): void {
    this.#noteChange();
    if (this.#recentNumberOf(keyId) === number) {
      this.#undo.push({ keyId, before: number });
      this.#drop(keyId);
    }
    this.#deleteNumber.run(partitionOf(number), keyId);
    this.#deleteCoin.run(partitionOf(number), denomination, serialNumber, number);
  }

  /** The row now belongs to another coin. */
  moved(from: Coin, number: number): void {
    this.#noteChange();
    this.#deleteCoin.run(partitionOf(number), from.denomination, from.serialNumber, number);
    this.#insertCoin.run(number);
  }

  #noteChange(): void {
    for (const table of this.#rounds) table.mayBeStale = true;
  }

  #loadRecent(database: Database, through: number): void {
    const pieces = new KeyPieces<[after: number, count: number]>(
      database,
      'chat_keys WHERE number > ? ORDER BY number LIMIT ?',
    );
    for (let position = through; ; ) {
      const piece = pieces.read(Number.MAX_SAFE_INTEGER, position, idsPerRead);
      if (piece === undefined) throw new DamagedRow(`the id of a key after number ${position}`);
      for (const [place, number] of piece.numbers.entries()) {
        const id = piece.ids.subarray(place * keyIdSize, (place + 1) * keyIdSize);
        this.#hold(id, hashOf(id), number);
      }
      if (piece.numbers.length < idsPerRead) return;
      position = piece.numbers.at(-1) ?? position;
    }
  }

  /** A place in the transaction at hand to which `rollBackTo` can return; the transaction itself starts at 0. */
  get mark(): number {
    return this.#undo.length;
  }

  commit(): void {
    this.#undo.length = 0;
  }

  rollBackTo(mark: number): void {
    while (this.#undo.length > mark) {
      const step = this.#undo.pop();
      if (step === undefined) return;
      if (step.before === undefined) this.#drop(step.keyId);
      else this.#hold(step.keyId, hashOf(step.keyId), step.before);
    }
  }

  /** Holds an id with the others of its generation; with a new one, those go that the index has got for certain. */
  #hold(keyId: Buffer, hash: number, number: number): void {
    const wanted = Math.floor(number / generationSize);
    let generation = this.#recent.find((each) => each.number === wanted);
    if (generation === undefined) {
      generation = { number: wanted, ids: new IdTable(wanted * generationSize, generationSize) };
      const lacking = Math.floor((this.follower.through + 1) / generationSize);
      this.#recent = [...this.#recent.filter((each) => each.number >= lacking), generation];
    }
    generation.ids.add(keyId, hash, number);
  }

  #drop(keyId: Buffer): void {
    const hash = hashOf(keyId);
    for (const { ids } of this.#recent) ids.delete(keyId, hash);
  }
}

/** In a checked merge the row as it now is counts: the key may have been removed, or belong to another coin. */
export const keyRounds: readonly RoundParts[] = [
  {
    table: 'coin_keys',
    columns: ['denomination', 'serial_number', 'number'],
    order: ['denomination', 'serial_number', 'number'],
    number: 'number',
    source: 'SELECT denomination, serial_number, number FROM chat_keys WHERE number BETWEEN :low AND :high',
    condition: `EXISTS (SELECT 1 FROM chat_keys AS row WHERE row.number = entry.number
      AND row.denomination = entry.denomination AND row.serial_number = entry.serial_number)`,
  },
  {
    table: 'key_numbers',
    columns: ['key_id', 'number'],
    order: ['key_id'],
    number: 'number',
    source: 'SELECT key_id, number FROM chat_keys WHERE number BETWEEN :low AND :high',
    condition: 'EXISTS (SELECT 1 FROM chat_keys AS row WHERE row.number = entry.number AND row.key_id = entry.key_id)',
  },
];

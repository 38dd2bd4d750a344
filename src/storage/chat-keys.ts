import { Buffer } from 'node:buffer';
import type { Database, Statement } from 'better-sqlite3';
import type { ChatKey } from '../domain/chat-key.ts';
import { sameCoin } from '../domain/coin.ts';
import { DamagedRow } from './damage.ts';
import { JoinedValues } from './joined-values.ts';
import type { KeyCounts } from './key-counts.ts';
import { noKey, notKnown } from './key-hints.ts';
import type { KeyIndex } from './key-index.ts';
import type { ReadAhead } from './read-ahead.ts';
import { chatKeyChecksum, type StoredKey, selectJoinedRow } from './stored-key.ts';

export class ChatKeyReader {
  protected readonly index: KeyIndex;
  readonly #selectByNumber: Statement<[number], string>;
  readonly #selectId: Statement<[number], Buffer>;
  readonly #values = new JoinedValues();
  /** Where there are many keys and somebody reads them ahead. */
  protected ahead: ReadAhead | undefined;

  constructor(database: Database, index: KeyIndex) {
    this.index = index;
    this.#selectByNumber = database.prepare<[number], string>(selectJoinedRow).pluck();
    this.#selectId = database.prepare<[number], Buffer>('SELECT key_id FROM chat_keys WHERE number = ?').pluck();
  }

  /** From now on rows may be read ahead. */
  readAheadBy(ahead: ReadAhead | undefined): void {
    this.ahead = ahead;
  }

  /**
   * To be told beforehand which keys will be looked for in so many turns of the transaction at hand; false where that is of
   * no use.
   */
  beginExpecting(turns: number): boolean {
    return this.ahead?.begin(turns) ?? false;
  }

  /** In this turn, later than those that were told before, the key of this id will be looked for. */
  expect(keyId: Buffer, turn: number): void {
    const number = this.index.likelyNumberOf(keyId);
    if (number > noKey) this.ahead?.ask(number, turn);
  }

  /** A turn begins. */
  reachTurn(turn: number): void {
    this.ahead?.reachTurn(turn);
  }

  /** The transaction has come to its end. */
  expectNothing(): void {
    this.ahead?.forget();
  }

  find(keyId: Buffer): ChatKey | undefined {
    const row = this.#row(keyId);
    return row && { coin: { denomination: row.denomination, serialNumber: row.serialNumber }, key: row.key };
  }

  /**
   * The row, its checksum proved, that a key would replace if it were posted. Mostly there is none, so the ids that hints
   * lead to are looked at first: to read those rows whole takes twice as long. Throws DamagedRow.
   */
  rowToReplace(keyId: Buffer): StoredKey | undefined {
    const likely = this.index.likelyNumberOf(keyId);
    if (likely === noKey || (likely !== notKnown && this.#areOthers(keyId))) return undefined;
    return this.#row(keyId);
  }

  /** The stored row, its checksum proved. Throws DamagedRow. */
  #row(keyId: Buffer): StoredKey | undefined {
    const likely = this.index.likelyNumberOf(keyId);
    if (likely === noKey) return undefined;
    if (likely === notKnown) return this.#indexedRow(keyId);
    const guessed = this.#stored(likely, keyId);
    if (guessed?.isSound === true) return guessed;
    return this.#areOthers(keyId) ? undefined : this.#indexedRow(keyId);
  }

  /**
   * Whether all rows that may be meant hold other keys, and those explain the hints: there is no key of this id then, and to
   * ask the index for it takes a page of each partition. A hint that leads elsewhere comes from damage, or from a key that went.
   */
  #areOthers(keyId: Buffer): boolean {
    return this.index.hintsTo(keyId).every(({ number, fits }) => {
      const other = this.#selectId.get(number);
      return Buffer.isBuffer(other) && other.length === keyId.length && !other.equals(keyId) && fits(other);
    });
  }

  #indexedRow(keyId: Buffer): StoredKey | undefined {
    const number = this.index.numberOf(keyId);
    if (number === undefined) return undefined;
    const row = this.#stored(number, keyId);
    if (row?.isSound !== true) throw new DamagedRow(`key ${keyId.toString('hex', 0, 4)}...`);
    return row;
  }

  /** What stands where the key of an id is or should be, as far as it can be read. */
  protected unproved(keyId: Buffer): StoredKey | undefined {
    const likely = this.index.likelyNumberOf(keyId);
    if (likely === noKey) return undefined;
    const guessed = likely === notKnown ? undefined : this.#stored(likely, keyId);
    if (guessed?.isSound === true) return guessed;
    const number = this.index.numberOf(keyId);
    return number === undefined ? undefined : this.#stored(number, keyId);
  }

  #stored(rowNumber: number, keyId: Buffer): ProvedKey | undefined {
    if (this.ahead?.readInto(this.#values, rowNumber) === true) {
      const ahead = this.#proved(keyId);
      if (ahead.isSound) return ahead;
    }
    const joined = this.#selectByNumber.get(rowNumber);
    if (joined === undefined) return undefined;
    this.#values.read(joined);
    return this.#proved(keyId);
  }

  #proved(keyId: Buffer): ProvedKey {
    const values = this.#values;
    const number = values.integer();
    const checksum = values.integer();
    const keySize = values.integer();
    const isWhole = values.checksumOfRest() === checksum;
    const isSound = values.isBlob(keyId) && isWhole;
    const denomination = values.integer();
    const serialNumber = values.integer();
    const key = values.blob(keySize);
    const postedAt = values.integer();
    const replacements = values.integer();
    return { number, keyId, denomination, serialNumber, key, postedAt, replacements, checksum, isSound };
  }
}

/** A row and whether its checksum and its id are right. */
interface ProvedKey extends StoredKey {
  readonly isSound: boolean;
}

export class ChatKeyWriter extends ChatKeyReader {
  readonly #counts: KeyCounts;
  readonly #insert: Statement<[number, Buffer, number, number, Buffer, number, number, number]>;
  readonly #update: Statement<[number, number, Buffer, number, number, number, number]>;
  readonly #delete: Statement<[number]>;

  constructor(database: Database, index: KeyIndex, counts: KeyCounts) {
    super(database, index);
    this.#counts = counts;
    // An empty buffer without memory behind it may be bound as NULL.
    this.#insert = database.prepare(
      `INSERT INTO chat_keys (number, key_id, denomination, serial_number, key, posted_at, replacements, checksum)
       VALUES (?, ?, ?, ?, coalesce(?, zeroblob(0)), ?, ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE chat_keys SET denomination = ?, serial_number = ?, key = coalesce(?, zeroblob(0)), posted_at = ?,
         replacements = ?, checksum = ? WHERE number = ?`,
    );
    this.#delete = database.prepare('DELETE FROM chat_keys WHERE number = ?');
  }

  /**
   * Stores a key, which may be empty; one that is there under the same id is replaced whole, where it stands.
   * `postedAt` in milliseconds since 1970.
   */
  put(keyId: Buffer, chatKey: ChatKey, postedAt: number): void {
    this.putOver(this.rowToReplace(keyId), keyId, chatKey, postedAt);
  }

  /** The same for those who have looked already: `before` is the row of the id. */
  putOver(before: StoredKey | undefined, keyId: Buffer, { coin, key }: ChatKey, postedAt: number): void {
    const { denomination, serialNumber } = coin;
    const replacements = before === undefined ? 0 : before.replacements + 1;
    const checksum = chatKeyChecksum({ keyId, denomination, serialNumber, key, postedAt, replacements });
    if (before === undefined) {
      const number = this.index.add(keyId);
      this.#insert.run(number, keyId, denomination, serialNumber, key, postedAt, replacements, checksum);
      this.#counts.changed(coin, 1, number);
      return;
    }
    this.ahead?.noteChange(before.number);
    this.#update.run(denomination, serialNumber, key, postedAt, replacements, checksum, before.number);
    if (sameCoin(before, coin)) return;
    this.index.moved(before, before.number);
    this.#counts.changed(before, -1, before.number);
    this.#counts.changed(coin, 1, before.number);
  }

  /** Removes the key of an id, also a damaged one. */
  remove(keyId: Buffer): void {
    const row = this.unproved(keyId);
    if (row === undefined) return;
    this.ahead?.noteChange(row.number);
    this.#delete.run(row.number);
    this.index.remove(keyId, row, row.number);
    this.#counts.changed(row, -1, row.number);
  }
}

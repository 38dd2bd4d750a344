import type { Database, Statement } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import type { Coin } from '../domain/coin.ts';
import { DamagedRow } from './damage.ts';
import { followedThrough, IndexFollower } from './index-follower.ts';
import { RoundTable } from './round-table.ts';

export const keysIndexedThroughName = 'keys_indexed_through';

const idsPerRead = 4_096;
/** Keys that the index may lack while there are requests: their ids take some 10 MB. */
const lagMax = 131_072;
/** With each new id so many of the oldest are forgotten that the index has got. */
const forgottenTogether = 2;

/**
 * Where the key of an id stands in `chat_keys`, which holds keys in the order of their posting. Ids are random: the index on
 * disk follows in rounds, and the ids that it has not got yet are held in memory, read back from `chat_keys` at start.
 */
export class KeyIndex {
  readonly #selectNumber: Statement<[Buffer], number>;
  readonly #deleteNumber: Statement<[Buffer]>;
  readonly #deleteCoin: Statement<[number, number, number]>;
  readonly #insertCoin: Statement<[number]>;
  readonly #recent = new Map<string, number>();
  /** What the transaction at hand did to `recent`, for its rollback. */
  readonly #undo: { readonly name: string; readonly before: number | undefined }[] = [];
  readonly #rounds: readonly RoundTable[];
  readonly follower: IndexFollower;
  #newest: number;
  /** Walks through `recent`, which is in the order of numbers but for what a rollback put back; `oldest` is where it stands. */
  #walk: Iterator<[string, number]>;
  #oldest: readonly [string, number] | undefined;

  constructor(database: Database) {
    this.#selectNumber = database.prepare<[Buffer], number>('SELECT number FROM key_numbers WHERE key_id = ?').pluck();
    this.#deleteNumber = database.prepare('DELETE FROM key_numbers WHERE key_id = ?');
    this.#deleteCoin = database.prepare(
      'DELETE FROM coin_keys WHERE denomination = ? AND serial_number = ? AND number = ?',
    );
    this.#insertCoin = database.prepare(
      `INSERT OR IGNORE INTO coin_keys (denomination, serial_number, number)
       SELECT denomination, serial_number, number FROM chat_keys WHERE number = ?`,
    );
    const through = followedThrough(database, keysIndexedThroughName);
    this.#loadRecent(database, through);
    // A number is never used again, also where the newest key was removed.
    const newest = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM chat_keys').pluck().get() ?? 0;
    this.#newest = Math.max(newest, through);
    this.#rounds = roundTables(database);
    this.follower = new IndexFollower(database, keysIndexedThroughName, lagMax, {
      newest: () => this.#newest,
      tables: this.#rounds,
      begin: () => undefined,
      loaded: () => undefined,
      finish: () => undefined,
    });
    this.#walk = this.#recent.entries();
  }

  /** Number of the row that holds the key of an id. */
  numberOf(keyId: Buffer): number | undefined {
    return this.recentNumberOf(keyId) ?? this.#selectNumber.get(keyId);
  }

  /** The same for an id that `key_numbers` may lack; undefined where it alone knows. */
  recentNumberOf(keyId: Buffer): number | undefined {
    return this.#recent.get(nameOf(keyId));
  }

  /** The number for a new key under an id that has none. */
  add(keyId: Buffer): number {
    this.#newest += 1;
    this.#setRecent(nameOf(keyId), this.#newest);
    this.#forgetIndexed();
    return this.#newest;
  }

  /** All at once, forgetting a round of ids would be a pause. */
  #forgetIndexed(): void {
    for (let count = 0; count < forgottenTogether; count += 1) {
      if (this.#oldest === undefined) {
        const step = this.#walk.next();
        if (step.done === true) this.#walk = this.#recent.entries();
        else this.#oldest = step.value;
      }
      if (this.#oldest === undefined || this.#oldest[1] > this.follower.through) return;
      const [name, number] = this.#oldest;
      if (this.#recent.get(name) === number) this.#recent.delete(name);
      this.#oldest = undefined;
    }
  }

  remove(keyId: Buffer, { denomination, serialNumber }: Coin, number: number): void {
    this.#noteChange();
    this.#setRecent(nameOf(keyId), undefined);
    this.#deleteNumber.run(keyId);
    this.#deleteCoin.run(denomination, serialNumber, number);
  }

  /** The row now belongs to another coin. */
  moved(from: Coin, number: number): void {
    this.#noteChange();
    this.#deleteCoin.run(from.denomination, from.serialNumber, number);
    this.#insertCoin.run(number);
  }

  #noteChange(): void {
    for (const table of this.#rounds) table.mayBeStale = true;
  }

  /** Many ids as one value: row by row, a start with a far lagging index takes half a second longer. */
  #loadRecent(database: Database, through: number): void {
    const select = database
      .prepare<[number, number], unknown[]>(
        `SELECT group_concat(number), CAST(group_concat(key_id, '') AS BLOB)
         FROM (SELECT number, key_id FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?)`,
      )
      .raw();
    for (let position = through; ; ) {
      const [numberList, ids] = select.get(position, idsPerRead) as [string | null, Buffer];
      if (numberList === null) return;
      const numbers = numberList.split(',').map(Number);
      if (ids.length !== numbers.length * keyIdSize) throw new DamagedRow(`the id of a key after number ${position}`);
      const names = nameOf(ids);
      for (const [place, number] of numbers.entries()) {
        this.#recent.set(names.slice(place * keyIdSize, (place + 1) * keyIdSize), number);
      }
      position = numbers.at(-1) ?? position;
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
      if (step.before === undefined) this.#recent.delete(step.name);
      else this.#recent.set(step.name, step.before);
    }
  }

  #setRecent(name: string, number: number | undefined): void {
    const before = this.#recent.get(name);
    if (before === number) return;
    this.#undo.push({ name, before });
    if (number === undefined) this.#recent.delete(name);
    else this.#recent.set(name, number);
  }
}

/** In a checked merge the row as it now is counts: the key may have been removed, or belong to another coin. */
function roundTables(database: Database): RoundTable[] {
  const coins = new RoundTable(database, {
    table: 'coin_keys',
    columns: ['denomination', 'serial_number', 'number'],
    order: ['denomination', 'serial_number', 'number'],
    source: 'SELECT denomination, serial_number, number FROM chat_keys WHERE number BETWEEN :low AND :high',
    condition: `EXISTS (SELECT 1 FROM chat_keys AS row WHERE row.number = entry.number
      AND row.denomination = entry.denomination AND row.serial_number = entry.serial_number)`,
  });
  const ids = new RoundTable(database, {
    table: 'key_numbers',
    columns: ['key_id', 'number'],
    order: ['key_id'],
    source: 'SELECT key_id, number FROM chat_keys WHERE number BETWEEN :low AND :high',
    condition: 'EXISTS (SELECT 1 FROM chat_keys AS row WHERE row.number = entry.number AND row.key_id = entry.key_id)',
  });
  return [coins, ids];
}

/** Ids as keys of a Map: a character for each byte. */
function nameOf(keyId: Buffer): string {
  return keyId.toString('latin1');
}

import type { Database, Statement } from 'better-sqlite3';
import { type Coin, coinName } from '../domain/coin.ts';
import { followedThrough } from './index-follower.ts';
import { keysIndexedThroughName } from './key-index.ts';
import { UnindexedCounts } from './unindexed-counts.ts';

interface Query extends Coin {
  /** Number of the last key that counts. */
  readonly last: number;
}

/** Coins whose counts are remembered; beyond that they are counted again when they are asked for. */
const coinsMax = 10_000;

/** How many keys there are, and in one coin's name. Counted when first asked for, then kept up. */
export class KeyCounts {
  readonly #database: Database;
  readonly #countOfCoin: Statement<[Query], number>;
  readonly #countAll: Statement<[], number>;
  readonly #ofCoin = new Map<string, number>();
  readonly #unindexed: UnindexedCounts;
  readonly #newest: Statement<[], number>;
  readonly #countRange: Statement<[number, number], number>;
  #all: number | undefined;
  #counted = 0;
  #countedTo = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#unindexed = new UnindexedCounts(database);
    this.#countOfCoin = database
      .prepare<[Query], number>(
        `SELECT count(*) FROM key_partitions CROSS JOIN coin_keys USING (partition)
         WHERE denomination = :denomination AND serial_number = :serialNumber AND number <= :last`,
      )
      .pluck();
    this.#newest = database.prepare<[], number>('SELECT max(number) FROM chat_keys').pluck();
    this.#countRange = database
      .prepare<[number, number], number>('SELECT count(*) FROM chat_keys WHERE number BETWEEN ? AND ?')
      .pluck();
    this.#countAll = database.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck();
  }

  of({ denomination, serialNumber }: Coin): number {
    const name = coinName({ denomination, serialNumber });
    const known = this.#ofCoin.get(name);
    if (known !== undefined) return known;
    const last = this.#unindexed.startAfter(followedThrough(this.#database, keysIndexedThroughName));
    const count = (this.#countOfCoin.get({ denomination, serialNumber, last }) ?? 0) + this.#unindexed.of(name);
    if (this.#ofCoin.size >= coinsMax) this.#ofCoin.clear();
    this.#ofCoin.set(name, count);
    return count;
  }

  /** Whether there are so many keys. Numbers are never used again: where fewer were ever given, none has to be counted. */
  reaches(limit: number): boolean {
    if (this.#all === undefined && (this.#newest.get() ?? 0) < limit) return false;
    this.#all ??= this.#countAll.get() ?? 0;
    return this.#all >= limit;
  }

  /** All keys, where they are counted. */
  get known(): number | undefined {
    return this.#all;
  }

  /** Counts keys in pieces of `count` numbers, for those who cannot wait for all at once; false when it is done. */
  countOn(count: number): boolean {
    if (this.#all !== undefined) return false;
    const newest = this.#newest.get() ?? 0;
    const end = Math.min(newest, this.#countedTo + count);
    this.#counted += this.#countRange.get(this.#countedTo + 1, end) ?? 0;
    this.#countedTo = end;
    if (end >= newest) this.#all = this.#counted;
    return end < newest;
  }

  /** The key with this number came (1) or went (-1) in the name of a coin. */
  changed(coin: Coin, by: 1 | -1, number: number): void {
    if (this.#all !== undefined) this.#all += by;
    else if (by === -1) this.#restart();
    // Nobody has asked for a coin yet: most nodes have no quota for coins.
    if (this.#ofCoin.size === 0) return;
    const name = coinName(coin);
    this.#unindexed.changed(name, by, number);
    const known = this.#ofCoin.get(name);
    if (known !== undefined) this.#ofCoin.set(name, known + by);
  }

  /** After a rollback the database alone knows. */
  forget(): void {
    this.#ofCoin.clear();
    this.#unindexed.forget();
    this.#all = undefined;
    this.#restart();
  }

  /** A key that was counted may be gone. */
  #restart(): void {
    this.#counted = 0;
    this.#countedTo = 0;
  }
}

import type { Database, Statement } from 'better-sqlite3';
import { type Coin, coinName } from '../domain/coin.ts';
import { followedThrough } from './index-follower.ts';
import { keysIndexedThroughName } from './key-index.ts';

interface Query extends Coin {
  readonly through: number;
}

/** Coins whose counts are remembered; beyond that they are counted again when they are asked for. */
const coinsMax = 10_000;

/** How many keys there are, and in one coin's name. Counted when first asked for, then kept up. */
export class KeyCounts {
  readonly #database: Database;
  readonly #countOfCoin: Statement<[Query], number>;
  readonly #countAll: Statement<[], number>;
  readonly #ofCoin = new Map<string, number>();
  #all: number | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.#countOfCoin = database
      .prepare<[Query], number>(
        `SELECT (SELECT count(*) FROM coin_keys
             WHERE denomination = :denomination AND serial_number = :serialNumber AND number <= :through)
           + (SELECT count(*) FROM chat_keys
             WHERE number > :through AND denomination = :denomination AND serial_number = :serialNumber)`,
      )
      .pluck();
    this.#countAll = database.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck();
  }

  of({ denomination, serialNumber }: Coin): number {
    const name = coinName({ denomination, serialNumber });
    const known = this.#ofCoin.get(name);
    if (known !== undefined) return known;
    const through = followedThrough(this.#database, keysIndexedThroughName);
    const count = this.#countOfCoin.get({ denomination, serialNumber, through }) ?? 0;
    if (this.#ofCoin.size >= coinsMax) this.#ofCoin.clear();
    this.#ofCoin.set(name, count);
    return count;
  }

  total(): number {
    this.#all ??= this.#countAll.get() ?? 0;
    return this.#all;
  }

  /** A key came (1) or went (-1) in the name of a coin. */
  changed(coin: Coin, by: 1 | -1): void {
    if (this.#all !== undefined) this.#all += by;
    if (this.#ofCoin.size === 0) return;
    const name = coinName(coin);
    const known = this.#ofCoin.get(name);
    if (known !== undefined) this.#ofCoin.set(name, known + by);
  }

  /** After a rollback the database alone knows. */
  forget(): void {
    this.#ofCoin.clear();
    this.#all = undefined;
  }
}

import type { Database, Statement } from 'better-sqlite3';
import { coinName } from '../domain/coin.ts';

interface CountOfCoin {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly count: number;
}

/**
 * How many of the keys that the index of coins may lack are in one coin's name. Read once, then kept up: to look through
 * them again for each coin that is asked for would take milliseconds. In two generations, so that what the index has got in
 * the meantime is dropped whole.
 */
export class UnindexedCounts {
  readonly #countAll: Statement<[number], CountOfCoin>;
  readonly #selectNewest: Statement<[], number | null>;
  /** Of keys with numbers from `#indexed` to `#middle`, and of those beyond. */
  #older = new Map<string, number>();
  #newer = new Map<string, number>();
  #middle = 0;
  #indexed: number | undefined;

  constructor(database: Database) {
    this.#countAll = database.prepare(
      `SELECT denomination, serial_number AS serialNumber, count(*) AS count
       FROM chat_keys WHERE number > ? GROUP BY denomination, serial_number`,
    );
    this.#selectNewest = database.prepare<[], number | null>('SELECT max(number) FROM chat_keys').pluck();
  }

  /** Keys up to the number that this returns are the index's to count; `through` is how far that goes now. */
  startAfter(through: number): number {
    if (this.#indexed === undefined) {
      this.#newer = new Map(this.#countAll.all(through).map((of) => [coinName(of), of.count]));
      this.#middle = through;
    }
    if (this.#indexed === undefined || through >= this.#middle) {
      this.#indexed = this.#middle;
      this.#older = this.#newer;
      this.#newer = new Map();
      this.#middle = Math.max(this.#middle, this.#selectNewest.get() ?? 0);
    }
    return this.#indexed;
  }

  of(name: string): number {
    return (this.#older.get(name) ?? 0) + (this.#newer.get(name) ?? 0);
  }

  /** The key with this number came (1) to a coin or went (-1) from it. */
  changed(name: string, by: 1 | -1, number: number): void {
    if (this.#indexed === undefined || number <= this.#indexed) return;
    const counts = number <= this.#middle ? this.#older : this.#newer;
    counts.set(name, (counts.get(name) ?? 0) + by);
  }

  /** After a rollback the database alone knows. */
  forget(): void {
    this.#indexed = undefined;
    this.#older.clear();
    this.#newer.clear();
  }
}

import type { Database, Statement } from 'better-sqlite3';
import { partitionSql } from './partitions.ts';

/** Numbers of rows, both ends included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface RoundTableParts {
  /** The index. */
  readonly table: string;
  /** Its columns but the partition, which is its first. */
  readonly columns: readonly string[];
  /** Its primary key within a partition: the first of the columns. */
  readonly order: readonly string[];
  /** The column with the number of the row that an entry is about. */
  readonly number: string;
  /** A SELECT of the columns for the rows from `:low` to `:high` of what it indexes. */
  readonly source: string;
  /** What has to hold of an `entry` when it is merged, where a row has changed since it was loaded. */
  readonly condition?: string;
}

/**
 * Entries on their way into an index: a temporary table in memory, in the order of the index, out of which they are merged
 * some at a time. SQLite does all of it by itself: entry by entry in JavaScript it takes four times as long.
 */
export class RoundTable {
  readonly name: string;
  readonly #clear: Statement<[]>;
  readonly #load: Statement<[Range]>;
  readonly #selectPlace: Statement<unknown[], unknown[]>;
  readonly #merge: Statement<unknown[]>;
  readonly #mergeChecked: Statement<unknown[]>;
  readonly #start: readonly unknown[];
  /** The entry up to which all are merged. */
  #place: readonly unknown[];
  /** Entries that are not merged yet. */
  left = 0;
  /** Whether a row may have changed since it was loaded: then each entry is looked at once more, which takes twice as long. */
  mayBeStale = false;

  constructor(database: Database, parts: RoundTableParts) {
    const { table, columns, order, number, source, condition = 'true' } = parts;
    this.name = table;
    const round = `temp.round_${table}`;
    const list = columns.join(', ');
    const key = order.join(', ');
    const following = `FROM ${round} WHERE (${key}) > (${order.map(() => '?').join(', ')}) ORDER BY ${key}`;
    database.exec(`CREATE TABLE ${round} (${list}, PRIMARY KEY (${key})) WITHOUT ROWID`);
    this.#clear = database.prepare(`DELETE FROM ${round}`);
    this.#load = database.prepare(`INSERT OR IGNORE INTO ${round} (${list}) ${source}`);
    this.#selectPlace = database.prepare<unknown[], unknown[]>(`SELECT ${key} ${following} LIMIT 1 OFFSET ?`).raw();
    const merge = `INSERT OR REPLACE INTO main.${table} (partition, ${list})
       SELECT ${partitionSql(number)}, ${list} FROM (SELECT ${list} ${following} LIMIT ?) AS entry`;
    this.#merge = database.prepare(merge);
    this.#mergeChecked = database.prepare(`${merge} WHERE ${condition}`);
    // Before everything: numbers sort before blobs.
    this.#start = order.map(() => Number.NEGATIVE_INFINITY);
    this.#place = this.#start;
  }

  clear(): void {
    this.#clear.run();
    this.#place = this.#start;
    this.left = 0;
    this.mayBeStale = false;
  }

  load(range: Range): void {
    this.left += this.#load.run(range).changes;
  }

  /** Merges the next entries, at most `count`. */
  merge(count: number): void {
    const merged = Math.min(count, this.left);
    if (merged === 0) return;
    const place = this.#selectPlace.get(...this.#place, merged - 1);
    (this.mayBeStale ? this.#mergeChecked : this.#merge).run(...this.#place, merged);
    this.#place = place ?? this.#place;
    this.left -= merged;
  }
}

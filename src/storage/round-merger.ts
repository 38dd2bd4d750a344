import type { Database, Statement } from 'better-sqlite3';
import { partitionSql } from './partitions.ts';
import { type RoundParts, roundIn } from './round-parts.ts';

/** Merges sorted entries of one schema into an index, in their order, some at a time. */
export class RoundMerger {
  readonly #selectPlace: Statement<unknown[], unknown[]>;
  readonly #merge: Statement<unknown[]>;
  readonly #mergeChecked: Statement<unknown[]>;
  readonly #start: readonly unknown[];
  /** The entry up to which all are merged. */
  #place: readonly unknown[];
  /** Entries that are not merged yet. */
  left = 0;

  constructor(database: Database, schema: string, parts: RoundParts) {
    const { table, columns, order, number, condition = 'true', update } = parts;
    const list = columns.join(', ');
    const key = order.join(', ');
    const following = `FROM ${roundIn(schema, parts)} WHERE (${key}) > (${order.map(() => '?').join(', ')}) ORDER BY ${key}`;
    const partition =
      number === undefined ? { name: '', value: '' } : { name: 'partition, ', value: `${partitionSql(number)}, ` };
    const insert = `INSERT ${update === undefined ? 'OR REPLACE ' : ''}INTO main.${table} (${partition.name}${list})
       SELECT ${partition.value}${list} FROM (SELECT ${list} ${following} LIMIT ?) AS entry`;
    const end = update === undefined ? '' : ` ON CONFLICT (${key}) DO UPDATE SET ${update}`;
    this.#selectPlace = database.prepare<unknown[], unknown[]>(`SELECT ${key} ${following} LIMIT 1 OFFSET ?`).raw();
    this.#merge = database.prepare(`${insert} WHERE true${end}`);
    this.#mergeChecked = database.prepare(`${insert} WHERE ${condition}${end}`);
    // Before everything: numbers sort before blobs.
    this.#start = order.map(() => Number.NEGATIVE_INFINITY);
    this.#place = this.#start;
  }

  /** Other entries wait now, so many. */
  begin(entries: number): void {
    this.#place = this.#start;
    this.left = entries;
  }

  /** Merges the next entries, at most `count`; `isChecked` looks at each row once more, which takes twice as long. */
  merge(count: number, isChecked: boolean): void {
    const merged = Math.min(count, this.left);
    if (merged === 0) return;
    const place = this.#selectPlace.get(...this.#place, merged - 1);
    (isChecked ? this.#mergeChecked : this.#merge).run(...this.#place, merged);
    this.#place = place ?? this.#place;
    this.left -= merged;
  }
}

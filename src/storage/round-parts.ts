import type { Database } from 'better-sqlite3';

/** Numbers of rows, both ends included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** How the entries of an index are derived from the table that it follows. */
export interface RoundParts {
  /** The index. */
  readonly table: string;
  /** Its columns but the partition, which is its first where it has any. */
  readonly columns: readonly string[];
  /** Its primary key within a partition: the first of the columns. */
  readonly order: readonly string[];
  /** The column with the number of the row that an entry is about; undefined where the index has no partitions. */
  readonly number?: string;
  /** A SELECT of the columns for the rows from `:low` to `:high` of what it indexes. */
  readonly source: string;
  /** What has to hold of an `entry` when it is merged, where a row has changed since it was loaded. */
  readonly condition?: string;
  /** What an `excluded` entry changes of one that is there; otherwise both are the same. */
  readonly update?: string;
}

/** Name of the table where entries wait to be merged into an index. */
export function roundIn(schema: string, { table }: RoundParts): string {
  return `${schema}.round_${table}`;
}

export function createRound(database: Database, schema: string, parts: RoundParts): void {
  const { columns, order } = parts;
  database.exec(
    `CREATE TABLE ${roundIn(schema, parts)} (${columns.join(', ')}, PRIMARY KEY (${order.join(', ')})) WITHOUT ROWID`,
  );
}

/** The end of an INSERT of entries some of which may be there. */
export function onConflict({ order, update }: RoundParts): string {
  return `ON CONFLICT (${order.join(', ')}) DO ${update === undefined ? 'NOTHING' : `UPDATE SET ${update}`}`;
}

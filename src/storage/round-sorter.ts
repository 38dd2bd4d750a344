import type { Database, Statement } from 'better-sqlite3';
import { createRound, onConflict, type Range, type RoundParts, roundIn } from './round-parts.ts';

/** Brings the entries of rows into the order of an index, in a table of some schema. */
export class RoundSorter {
  readonly #clear: Statement<[]>;
  readonly #load: Statement<[Range]>;

  constructor(database: Database, schema: string, parts: RoundParts) {
    createRound(database, schema, parts);
    const round = roundIn(schema, parts);
    this.#clear = database.prepare(`DELETE FROM ${round}`);
    this.#load = database.prepare(
      `INSERT INTO ${round} (${parts.columns.join(', ')}) ${parts.source} ${onConflict(parts)}`,
    );
  }

  clear(): void {
    this.#clear.run();
  }

  /** Returns how many entries there were: a few more than are there now, where rows share one with those before. */
  load(range: Range): number {
    return this.#load.run(range).changes;
  }
}

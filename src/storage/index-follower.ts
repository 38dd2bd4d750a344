import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import type { Range, RoundTable } from './round-table.ts';
import { readSetting, writeSetting } from './settings.ts';

/** What an index follows: rows by ascending number that never change their keys. */
export interface Followed {
  /** Number of the newest row. */
  newest(): number;
  /** Where the entries of a round are sorted, and merged from. */
  readonly tables: readonly RoundTable[];
  /** A round begins: whatever is left of an unfinished one is forgotten. */
  begin(): void;
  /** The entries of these rows have been read into the tables. */
  loaded(range: Range): void;
  /** All rows of the round are in the index. */
  finish(): void;
}

/** An index is brought up to date in rounds of at most so many rows: their entries are held in memory meanwhile. */
const roundSizeMax = 65_536;

/**
 * Lets an index follow its table, a small piece of work at a time, off the path of any reply. A random entry costs an index
 * a page; a round of many, merged in the order of the index, shares pages and costs a fraction of that. Where the index is
 * stands in `settings`, and moves only when a round is done: what was merged of an unfinished one is merged again.
 */
export class IndexFollower {
  readonly #database: Database;
  readonly #name: string;
  readonly #followed: Followed;
  #through: number;
  /** Where the index was before the transaction at hand, should that be rolled back. */
  #throughBefore: number;
  #round: { readonly end: number; loaded: number } | undefined;
  /** Rows that it may lack while others need the time. */
  readonly #lagMax: number;

  constructor(database: Database, name: string, lagMax: number, followed: Followed) {
    this.#database = database;
    this.#name = name;
    this.#lagMax = lagMax;
    this.#followed = followed;
    this.#through = followedThrough(database, name);
    this.#throughBefore = this.#through;
  }

  /** Rows that the index has not got for certain yet. */
  lag(): number {
    return this.#followed.newest() - this.#through;
  }

  /** How urgent work on it is: 1 where it lacks as many rows as it may. */
  urgency(): number {
    return this.lag() / this.#lagMax;
  }

  get isInRound(): boolean {
    return this.#round !== undefined;
  }

  /** What kind of work comes next: reading a row takes another time than merging an entry, and each table one of its own. */
  get nextPiece(): string {
    const isLoaded = this.#round !== undefined && this.#round.loaded >= this.#round.end;
    if (!isLoaded) return `load ${this.#name}`;
    const table = this.#unmerged();
    return table === undefined ? `finish ${this.#name}` : `merge ${table.name}`;
  }

  #unmerged(): RoundTable | undefined {
    return this.#followed.tables.find((table) => table.left > 0);
  }

  get through(): number {
    return this.#through;
  }

  /**
   * Does the next piece of work within the transaction at hand: reads at most `size` rows, or merges at most so many
   * entries. A round that it begins is of at most `roundSize` rows.
   */
  advance(size: number, roundSize = roundSizeMax): void {
    this.#throughBefore = this.#through;
    const newest = this.#followed.newest();
    if (this.#round === undefined) {
      if (newest <= this.#through) return;
      this.#begin(Math.min(newest, this.#through + roundSize));
    } else if (this.#round.loaded < this.#round.end) {
      const { end, loaded } = this.#round;
      const range = { low: loaded + 1, high: Math.min(end, loaded + size) };
      for (const table of this.#followed.tables) table.load(range);
      this.#followed.loaded(range);
      this.#round.loaded = range.high;
    } else {
      const table = this.#unmerged();
      if (table === undefined) this.#finish(this.#round.end);
      else table.merge(size);
    }
  }

  #begin(end: number): void {
    for (const table of this.#followed.tables) table.clear();
    this.#followed.begin();
    this.#round = { end, loaded: this.#through };
  }

  /** The transaction was rolled back: the round has to begin again. */
  abandon(): void {
    this.#round = undefined;
    this.#through = this.#throughBefore;
  }

  #finish(end: number): void {
    this.#followed.finish();
    writeSetting(this.#database, this.#name, Buffer.from(String(end)));
    this.#through = end;
    this.#round = undefined;
  }
}

/** Number of the row up to which an index is complete. */
export function followedThrough(database: Database, name: string): number {
  return Number(readSetting(database, name)?.toString('utf8') ?? 0);
}

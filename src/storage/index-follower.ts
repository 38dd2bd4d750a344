import type { Database } from 'better-sqlite3';
import { readSetting, writeSetting } from './settings.ts';

/** What an index follows: rows by ascending number that never change their keys. */
export interface Followed {
  /** Number of the newest row. */
  newest(): number;
  /** A round begins: whatever is left of an unfinished one is forgotten. */
  begin(): void;
  /** Reads the rows after `position` up to `end`, at most `count`, for merging; returns where it has come to. */
  load(position: number, end: number, count: number): number;
  /** Merges some of what was loaded into the index, in its order; 0 when all is there. */
  merge(count: number): number;
  /** All rows up to `end` are in the index. */
  finish(end: number): void;
}

/** An index is brought up to date in rounds of at most so many rows: their entries are held in memory meanwhile. */
export const roundSizeMax = 65_536;

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
  #round: { readonly end: number; loaded: number } | undefined;

  constructor(database: Database, name: string, followed: Followed) {
    this.#database = database;
    this.#name = name;
    this.#followed = followed;
    this.#through = followedThrough(database, name);
  }

  /** Rows that the index has not got for certain yet. */
  lag(): number {
    return this.#followed.newest() - this.#through;
  }

  get isInRound(): boolean {
    return this.#round !== undefined;
  }

  get through(): number {
    return this.#through;
  }

  /**
   * Does the next piece of work within the transaction at hand: reads at most so many `rows`, or merges at most so many
   * `entries`. A round that it begins is of at most `roundSize` rows. False where nothing is left.
   */
  advance(rows: number, entries: number, roundSize: number): boolean {
    const newest = this.#followed.newest();
    if (this.#round === undefined) {
      if (newest <= this.#through) return false;
      this.#followed.begin();
      this.#round = { end: Math.min(newest, this.#through + roundSize), loaded: this.#through };
    }
    const { end, loaded } = this.#round;
    if (loaded < end) this.#round.loaded = this.#followed.load(loaded, end, rows);
    else if (this.#followed.merge(entries) === 0) this.#finish(end);
    return true;
  }

  /** The transaction was rolled back: the round has to begin again. */
  abandon(): void {
    this.#round = undefined;
  }

  #finish(end: number): void {
    this.#followed.finish(end);
    writeSetting(this.#database, this.#name, Buffer.from(String(end)));
    this.#through = end;
    this.#round = undefined;
  }
}

/** Number of the row up to which an index is complete. */
export function followedThrough(database: Database, name: string): number {
  return Number(readSetting(database, name)?.toString('utf8') ?? 0);
}

import type { Database } from 'better-sqlite3';
import { RoundMerger } from './round-merger.ts';
import type { Range, RoundParts } from './round-parts.ts';
import { RoundSorter } from './round-sorter.ts';

/**
 * Entries on their way into an index: sorted in a table, here or in another thread, and merged out of it. SQLite does all
 * of it by itself: entry by entry in JavaScript it takes four times as long.
 */
export class RoundTable {
  readonly name: string;
  readonly #database: Database;
  readonly #parts: RoundParts;
  readonly #sorter: RoundSorter;
  readonly #ownMerger: RoundMerger;
  #otherMerger: RoundMerger | undefined;
  #merger: RoundMerger;
  /**
   * Whether its entries change those that are there: what they say goes beyond the rows that the index claims to have, until
   * the round is done, so they are merged together with that claim. There are few of them.
   */
  readonly isMergedLast: boolean;
  /** Whether a row may have changed since it was loaded. */
  mayBeStale = false;

  constructor(database: Database, parts: RoundParts) {
    this.name = parts.table;
    this.isMergedLast = parts.update !== undefined;
    this.#database = database;
    this.#parts = parts;
    this.#sorter = new RoundSorter(database, 'temp', parts);
    this.#ownMerger = new RoundMerger(database, 'temp', parts);
    this.#merger = this.#ownMerger;
  }

  /** Entries that are not merged yet. */
  get left(): number {
    return this.#merger.left;
  }

  /** A round begins. */
  clear(): void {
    this.#sorter.clear();
    this.#merger = this.#ownMerger;
    this.#merger.begin(0);
    this.mayBeStale = false;
  }

  load(range: Range): void {
    this.#ownMerger.left += this.#sorter.load(range);
  }

  /** Entries will be sorted in this schema, too. */
  expectFrom(schema: string): void {
    this.#otherMerger = new RoundMerger(this.#database, schema, this.#parts);
  }

  /** The entries of the round are sorted in the schema that was told, so many. */
  takeOver(entries: number): void {
    if (this.#otherMerger === undefined) throw new Error(`no entries are expected for ${this.name}`);
    this.#merger = this.#otherMerger;
    this.#merger.begin(entries);
  }

  merge(count: number): void {
    this.#merger.merge(count, this.mayBeStale);
  }
}

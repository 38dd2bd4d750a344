import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import type { Range } from './round-parts.ts';
import type { RoundTable } from './round-table.ts';
import { readSetting, writeSetting } from './settings.ts';

/** What an index follows: rows by ascending number that never change their keys. */
export interface Followed {
  /** Number of the newest row. */
  newest(): number;
  /** Where the entries of a round are sorted, and merged from. */
  readonly tables: readonly RoundTable[];
}

/** Has the entries of rows sorted elsewhere; `IndexFollower.sorted` hears of it once for each call. */
export type Sort = (range: Range) => void;

/** An index is brought up to date in rounds of at most so many rows. Sorted here, their entries are in memory meanwhile. */
const roundSizeMax = 65_536;
const roundSizeMaxElsewhere = 131_072;
/** Smaller rounds are sorted here: they are soon done, and a node at rest wakes nobody. */
const roundSizeMinElsewhere = 8_192;
/** Where so much is lacking, nobody is waited for: who posts has to wait instead, and what is lacking stays within bounds. */
const urgencyMaxElsewhere = 4;

interface Round {
  readonly end: number;
  /** The last row whose entries are sorted. */
  loaded: number;
}

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
  #round: Round | undefined;
  #sort: Sort | undefined;
  /** The round whose entries are being sorted elsewhere; it may have been abandoned since. */
  #sorting: Round | undefined;
  /** Something went wrong with a round: the next one is sorted here. */
  #sortsItself = false;
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

  /** Whether it does nothing until entries are sorted elsewhere. */
  get isWaiting(): boolean {
    return this.#isSortedElsewhere && this.urgency() < urgencyMaxElsewhere;
  }

  get #isSortedElsewhere(): boolean {
    return this.#round !== undefined && this.#round === this.#sorting;
  }

  /** What kind of work comes next: reading a row takes another time than merging an entry, and each table one of its own. */
  get nextPiece(): string {
    const isLoaded = this.#round !== undefined && this.#round.loaded >= this.#round.end;
    if (!isLoaded) return `load ${this.#name}`;
    const table = this.#unmerged();
    return table === undefined ? `finish ${this.#name}` : `merge ${table.name}`;
  }

  #unmerged(): RoundTable | undefined {
    return this.#followed.tables.find((table) => table.left > 0 && !table.isMergedLast);
  }

  get through(): number {
    return this.#through;
  }

  /** From now on, where much is lacking, entries are sorted elsewhere, into a schema of this name. */
  sortElsewhere(schema: string, sort: Sort): void {
    for (const table of this.#followed.tables) table.expectFrom(schema);
    this.#sort = sort;
  }

  /** Nobody sorts elsewhere any more. */
  sortHere(): void {
    this.#sort = undefined;
    if (this.#isSortedElsewhere) this.#round = undefined;
  }

  /** The entries that were last asked for are sorted, so many for each table; undefined where that failed. */
  sorted(entries: readonly number[] | undefined): void {
    const round = this.#sorting;
    const isWanted = this.#isSortedElsewhere;
    this.#sorting = undefined;
    if (round === undefined || !isWanted) return;
    if (entries === undefined) {
      this.#round = undefined;
      this.#sortsItself = true;
      return;
    }
    for (const [index, table] of this.#followed.tables.entries()) table.takeOver(entries[index] ?? 0);
    round.loaded = round.end;
  }

  /**
   * Does the next piece of work within the transaction at hand: reads at most `size` rows, or merges at most so many
   * entries. A round that it begins is of at most `roundSize` rows.
   */
  advance(size: number, roundSize?: number): void {
    this.#throughBefore = this.#through;
    if (this.isWaiting) return;
    if (this.#round === undefined || this.#isSortedElsewhere) {
      if (this.lag() > 0) this.#begin(roundSize);
    } else if (this.#round.loaded < this.#round.end) {
      const { end, loaded } = this.#round;
      const range = { low: loaded + 1, high: Math.min(end, loaded + size) };
      for (const table of this.#followed.tables) table.load(range);
      this.#round.loaded = range.high;
    } else {
      const table = this.#unmerged();
      if (table === undefined) this.#finish(this.#round.end);
      else table.merge(size);
    }
  }

  #begin(roundSize: number | undefined): void {
    for (const table of this.#followed.tables) table.clear();
    const lag = this.lag();
    const mayWait = this.#sorting === undefined && !this.#sortsItself && this.urgency() < urgencyMaxElsewhere;
    const sort = mayWait && lag >= roundSizeMinElsewhere ? this.#sort : undefined;
    const sizeMax = roundSize ?? (sort === undefined ? roundSizeMax : roundSizeMaxElsewhere);
    this.#round = { end: this.#through + Math.min(sizeMax, lag), loaded: this.#through };
    if (sort === undefined) return;
    this.#sorting = this.#round;
    sort({ low: this.#through + 1, high: this.#round.end });
  }

  /** The transaction was rolled back: the round has to begin again. */
  abandon(): void {
    this.#round = undefined;
    this.#through = this.#throughBefore;
    this.#sortsItself = true;
  }

  #finish(end: number): void {
    for (const table of this.#followed.tables) table.merge(table.left);
    writeSetting(this.#database, this.#name, Buffer.from(String(end)));
    this.#through = end;
    this.#round = undefined;
    this.#sortsItself = false;
  }
}

/** Number of the row up to which an index is complete. */
export function followedThrough(database: Database, name: string): number {
  return Number(readSetting(database, name)?.toString('utf8') ?? 0);
}

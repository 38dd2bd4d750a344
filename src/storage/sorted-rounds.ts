import { rmSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { eventRounds } from './event-index.ts';
import { keyRounds } from './key-index.ts';
import type { Range, RoundParts } from './round-parts.ts';
import { RoundSorter } from './round-sorter.ts';

/** The indexes whose rounds are sorted by another thread. */
export type IndexName = 'keys' | 'events';
export const indexNames = ['keys', 'events'] as const;

const roundsOf: Readonly<Record<IndexName, readonly RoundParts[]>> = { keys: keyRounds, events: eventRounds };

const rowsPerPiece = 8_192;
/** Entries are sorted at random places, and merged one after the other. */
const sortCacheKib = 4_096;
const mergeCacheKib = 256;

/** Under this name both connections have the sorted entries of an index. */
export function roundsSchema(index: IndexName): string {
  return `${index}_rounds`;
}

export function roundsFile(databaseFile: string, index: IndexName): string {
  return `${databaseFile}-${index}-rounds`;
}

/**
 * Attaches the file through which sorted entries go from one connection to the other. Nothing in it has to last: it is not
 * synced, and has no name any more once both have opened it. An index has a file of its own, and its two sides take turns.
 */
export function attachRounds(database: Database, index: IndexName, cacheSizeKib = mergeCacheKib): void {
  const schema = roundsSchema(index);
  database.prepare(`ATTACH ? AS ${schema}`).run(roundsFile(database.name, index));
  database.pragma(`${schema}.journal_mode = MEMORY`);
  database.pragma(`${schema}.synchronous = OFF`);
  database.pragma(`${schema}.cache_size = ${-cacheSizeKib}`);
}

/** Sorts the entries of rounds of one index into its file. */
export class SortedRounds {
  readonly #database: Database;
  readonly #sorters: readonly RoundSorter[];

  /** The connection also has to be one to the node's database. */
  constructor(database: Database, index: IndexName) {
    this.#database = database;
    rmSync(roundsFile(database.name, index), { force: true });
    attachRounds(database, index, sortCacheKib);
    this.#sorters = roundsOf[index].map((parts) => new RoundSorter(database, roundsSchema(index), parts));
  }

  /**
   * Sorts a round piece by piece, with a pause after each: a long look at the database would hold its WAL. Returns how many
   * entries each table has.
   */
  *sort({ low, high }: Range): Generator<void, number[]> {
    const entries = this.#sorters.map(() => 0);
    for (const sorter of this.#sorters) sorter.clear();
    for (let start = low; start <= high; start += rowsPerPiece) {
      const piece = { low: start, high: Math.min(high, start + rowsPerPiece - 1) };
      for (const [index, sorter] of this.#sorters.entries()) {
        entries[index] = (entries[index] ?? 0) + sorter.load(piece);
        yield;
      }
    }
    this.#database.pragma('shrink_memory');
    return entries;
  }
}

import type { Database } from 'better-sqlite3';
import { GrowingFile } from './growing-file.ts';

/** Told how many of how many bytes are copied. */
export type CopyProgress = (done: number, total: number) => void;

export interface CopyParts {
  readonly target: string;
  monotonicMs(): number;
  /** Whether others want the disk and this thread at the moment. */
  isBusy(): boolean;
  readonly progress: CopyProgress;
}

/** In one turn of the event loop at most so many pages are copied. */
const pagesPerTurn = 256;
const pagesPerTurnBusy = 32;
/** While others are busy, so many bytes a millisecond. */
const bytesPerMsBusy = 40_000;

/**
 * Copies a database through SQLite's backup API, a few pages in each turn of the event loop. On the connection that writes,
 * what is written meanwhile goes into the copy as well, so that it never starts over and no snapshot holds the WAL; on any
 * other connection the caller has to hold a read transaction.
 */
export async function copyDatabase(
  source: Database,
  { target, monotonicMs, isBusy, progress }: CopyParts,
): Promise<void> {
  const pageSize = source.pragma('page_size', { simple: true }) as number;
  const file = new GrowingFile(target);
  let lastMs = monotonicMs();
  let allowance = 0;
  await source.backup(target, {
    progress: ({ totalPages, remainingPages }) => {
      const done = (totalPages - remainingPages) * pageSize;
      progress(done, totalPages * pageSize);
      const now = monotonicMs();
      allowance = Math.min(pagesPerTurnBusy, allowance + ((now - lastMs) * bytesPerMsBusy) / pageSize);
      lastMs = now;
      if (!file.wrote(done)) return 0;
      if (!isBusy()) return pagesPerTurn;
      const pages = Math.floor(allowance);
      allowance -= pages;
      return pages;
    },
  });
  await file.settled();
}

import SqliteDatabase from 'better-sqlite3';
import { DamagedRow } from './damage.ts';

/** A failure of SQLite in the thread that makes checkpoints. */
export class CheckpointFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'CheckpointFailure';
    this.code = code;
  }
}

/** Whether an error comes from the disk, SQLite or what is stored, rather than from a fault of this program. */
export function isStorageFailure(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError || error instanceof DamagedRow;
}

/**
 * Whether the operating system failed to put written data on disk. It may have dropped that data and report success the
 * next time, so nothing may be trusted before the database was opened anew.
 */
export function isSyncFailure(error: unknown): boolean {
  const isSqlite = error instanceof SqliteDatabase.SqliteError || error instanceof CheckpointFailure;
  return isSqlite && /^SQLITE_IOERR_(?:DIR_)?FSYNC$/.test(error.code);
}

/** Whether there was no room, which may come back. */
export function isDiskFull(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
}

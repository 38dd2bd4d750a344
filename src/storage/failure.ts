import SqliteDatabase from 'better-sqlite3';
import { DamagedRow } from './damage.ts';

/** A failure of SQLite in the thread that works for the store. */
export class ThreadFailure extends Error {
  readonly code: string;

  constructor({ code, message }: { readonly code: string; readonly message: string }) {
    super(message);
    this.name = 'ThreadFailure';
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
  const isSqlite = error instanceof SqliteDatabase.SqliteError || error instanceof ThreadFailure;
  return isSqlite && /^SQLITE_IOERR_(?:DIR_)?FSYNC$/.test(error.code);
}

/** Whether there was no room, which may come back. */
export function isDiskFull(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
}

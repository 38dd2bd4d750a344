import SqliteDatabase from 'better-sqlite3';
import { DamagedRow } from './damage.ts';

/** Whether an error comes from the disk, SQLite or what is stored, rather than from a fault of this program. */
export function isStorageFailure(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError || error instanceof DamagedRow;
}

import { createRequire } from 'node:module';
import SqliteDatabase, { type Database, type Options } from 'better-sqlite3';
import { packageFile } from '../installation.ts';

const nativeBinding = findNativeBinding();

/** A connection as better-sqlite3 makes it; `openDatabase` is for a node's database. */
export function openSqlite(file: string, options: Options = {}): Database {
  return new SqliteDatabase(file, nativeBinding === undefined ? options : { ...options, nativeBinding });
}

/** Where an installation puts the native part. Left to look for it itself, better-sqlite3 tries many places at every start. */
function findNativeBinding(): string | undefined {
  try {
    return createRequire(packageFile).resolve('better-sqlite3/build/Release/better_sqlite3.node');
  } catch {
    return undefined;
  }
}

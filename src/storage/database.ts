import SqliteDatabase, { type Database } from 'better-sqlite3';

/**
 * Opening a database file the one way this node does it. SQLite before 3.51.3 can lose committed writes when a WAL is
 * reset while another process writes, so anything older is refused.
 */
const sqliteVersionMin = [3, 51, 3] as const;

const busyTimeoutMs = 5_000;
/**
 * Negative: KiB, not pages. What is read at random from millions of keys is in no cache of a size that a node may have, and the
 * upper pages of all trees are in this one: with four times as much, a look took as long.
 */
const cacheSizeKib = -16_384;
/** A serving node has a thread for checkpoints; whoever has none makes them at commits, when the WAL has so many frames. */
export const autocheckpointFrames = 20_000;

/** Bytes that a WAL keeps on disk when it starts over: what a reader that held it back made it grow to is given back. */
const walSizeKept = 67_108_864;

export class StorageError extends Error {}

export function assertSqliteVersion(version: string): void {
  const found = version.split('.').map(Number);
  for (const [place, needed] of sqliteVersionMin.entries()) {
    const part = found[place] ?? 0;
    if (part > needed) return;
    if (part < needed) {
      throw new StorageError(
        `SQLite ${version} can lose committed writes; ${sqliteVersionMin.join('.')} or later is needed`,
      );
    }
  }
}

/** Opens for reading and writing: WAL, every commit synced, both read back because SQLite may silently keep another mode. */
export function openDatabase(file: string): Database {
  const database = new SqliteDatabase(file, { timeout: busyTimeoutMs });
  try {
    assertSqliteVersion(sqliteVersion(database));
    demandPragma(database, 'journal_mode', 'wal');
    demandPragma(database, 'synchronous', 'FULL', 2);
    database.pragma(`wal_autocheckpoint = ${autocheckpointFrames}`);
    database.pragma(`cache_size = ${cacheSizeKib}`);
    database.pragma(`journal_size_limit = ${walSizeKept}`);
    database.pragma('temp_store = MEMORY');
    database.pragma('trusted_schema = OFF');
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Opens for reading only, beside a serving node. */
export function openDatabaseReadOnly(file: string): Database {
  const database = new SqliteDatabase(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  assertSqliteVersion(sqliteVersion(database));
  database.pragma('trusted_schema = OFF');
  return database;
}

export function sqliteVersion(database: Database): string {
  return database.prepare('SELECT sqlite_version()').pluck().get() as string;
}

function demandPragma(database: Database, name: string, value: string, readBack: string | number = value): void {
  database.pragma(`${name} = ${value}`);
  const actual = database.pragma(name, { simple: true });
  if (actual !== readBack) throw new StorageError(`SQLite keeps ${name} at ${String(actual)}, ${value} is needed`);
}

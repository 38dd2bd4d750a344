import { join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { StorageError } from './database.ts';

/** Another process holds the data directory. */
export class DirectoryInUse extends StorageError {}

const lockFileName = 'node.lock';

/**
 * At most one process writes to a data directory. The lock is an exclusive transaction on a file of its own: the kernel
 * drops it with its holder, however that ends, so nothing stale can stay behind.
 */
export class ProcessLock {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Throws DirectoryInUse at once where another process holds it. */
  static take(directory: string): ProcessLock {
    const database = new SqliteDatabase(join(directory, lockFileName), { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY') !== true) throw error;
      throw new DirectoryInUse(`another raida-node works on ${directory}: stop it first`);
    }
    return new ProcessLock(database);
  }

  release(): void {
    this.#database.close();
  }
}

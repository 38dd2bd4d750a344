import { createRequire } from 'node:module';
import type { Database } from 'better-sqlite3';
import { migrationsFolder } from '../installation.ts';
import { StorageError } from './database.ts';
import { appliedMigrations, schemaVersion } from './schema-version.ts';

/** Loaded only where there is something to migrate: it takes longer than everything else at start. */
const require = createRequire(import.meta.url);

/**
 * Brings the database to this program's schema in one transaction; a database of a newer program is refused. Foreign keys
 * are off meanwhile, because a migration that recreates a table would otherwise delete the rows that refer to it.
 */
export function migrateDatabase(database: Database, folder: string = migrationsFolder): void {
  const known = schemaVersion(folder);
  const applied = appliedMigrations(database);
  if (applied > known) {
    throw new StorageError(
      `the database has schema version ${applied}, this program knows up to ${known}: use a newer program`,
    );
  }
  if (applied === known) return;
  const { drizzle } = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3');
  const { migrate } =
    require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator');
  database.pragma('foreign_keys = OFF');
  migrate(drizzle(database), { migrationsFolder: folder });
  const broken = database.pragma('foreign_key_check') as unknown[];
  database.pragma('foreign_keys = ON');
  if (broken.length > 0) throw new StorageError(`the migration left ${broken.length} rows without what they refer to`);
}

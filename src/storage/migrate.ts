import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { StorageError } from './database.ts';

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

interface Journal {
  readonly entries: readonly { readonly when: number; readonly tag: string }[];
}

/**
 * Brings the database to this program's schema in one transaction; a database of a newer program is refused. Foreign keys
 * are off meanwhile, because a migration that recreates a table would otherwise delete the rows that refer to it.
 */
export function migrateDatabase(database: Database, folder: string = migrationsFolder): void {
  const known = readJournal(folder).entries.length;
  const applied = appliedMigrations(database);
  if (applied > known) {
    throw new StorageError(
      `the database has schema version ${applied}, this program knows up to ${known}: use a newer program`,
    );
  }
  if (applied === known) return;
  database.pragma('foreign_keys = OFF');
  migrate(drizzle(database), { migrationsFolder: folder });
  const broken = database.pragma('foreign_key_check') as unknown[];
  database.pragma('foreign_keys = ON');
  if (broken.length > 0) throw new StorageError(`the migration left ${broken.length} rows without what they refer to`);
}

/** How many migrations this program knows: its schema version. */
export function schemaVersion(folder: string = migrationsFolder): number {
  return readJournal(folder).entries.length;
}

/** How many migrations the database has had; 0 for an empty one. */
export function appliedMigrations(database: Database): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '__drizzle_migrations'").get();
  if (table === undefined) return 0;
  return database.prepare('SELECT count(*) FROM __drizzle_migrations').pluck().get() as number;
}

/** The migrations of this program in their order, each with the time that it was made at. */
export function migrationFiles(folder: string = migrationsFolder): { path: string; when: number }[] {
  return readJournal(folder).entries.map(({ tag, when }) => ({ path: `${folder}/${tag}.sql`, when }));
}

function readJournal(folder: string): Journal {
  return JSON.parse(readFileSync(`${folder}/meta/_journal.json`, 'utf8')) as Journal;
}

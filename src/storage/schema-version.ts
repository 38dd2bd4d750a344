import { readFileSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { migrationsFolder } from '../installation.ts';

interface Journal {
  readonly entries: readonly { readonly when: number; readonly tag: string }[];
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

import { constants, setPriority } from 'node:os';
import type { Database } from 'better-sqlite3';
import { openDatabaseReadOnly } from '../storage/database.ts';
import { appliedMigrations, schemaVersion } from '../storage/schema-version.ts';
import { databaseFile, demandNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';

/**
 * Opens a node's database for reading, beside a serving node or not, and closes it when the work is done. One that an older
 * program left has to be migrated first, which only `serve` does. This process goes last from then on: whoever answers
 * requests goes first.
 */
export function withDatabase<T>(directory: string, work: (database: Database) => T): T {
  demandNode(directory);
  setPriority(constants.priority.PRIORITY_LOW);
  const database = openDatabaseReadOnly(databaseFile(directory));
  try {
    demandSchema(database, directory);
    return work(database);
  } finally {
    database.close();
  }
}

function demandSchema(database: Database, directory: string): void {
  const applied = appliedMigrations(database);
  const known = schemaVersion();
  if (applied === known) return;
  const cure = applied < known ? `start the node once: "raida-node serve --data ${directory}"` : 'use a newer program';
  throw new CommandFailure(
    ExitCode.refused,
    `the database has schema version ${applied}, this program reads ${known}: ${cure}`,
  );
}

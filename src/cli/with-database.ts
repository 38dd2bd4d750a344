import type { Database } from 'better-sqlite3';
import { openDatabaseReadOnly } from '../storage/database.ts';
import { databaseFile, demandNode } from './existing-node.ts';

/** Opens a node's database for reading, beside a serving node or not, and closes it when the work is done. */
export function withDatabase<T>(directory: string, work: (database: Database) => T): T {
  demandNode(directory);
  const database = openDatabaseReadOnly(databaseFile(directory));
  try {
    return work(database);
  } finally {
    database.close();
  }
}

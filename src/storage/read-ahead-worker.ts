import { workerData } from 'node:worker_threads';
import { openDatabaseReadOnly } from './database.ts';
import { SharedRows } from './shared-rows.ts';
import { selectJoinedRow } from './stored-key.ts';

/** The thread that reads rows of keys before the thread that answers needs them. */
export interface ReadAheadTask {
  readonly file: string;
  /** Of `SharedRows`. */
  readonly memory: SharedArrayBuffer;
}

/** Small, because each commit empties the cache of whoever only reads. */
const cacheSizeKib = -2_048;

const { file, memory } = workerData as ReadAheadTask;
const database = openDatabaseReadOnly(file);
database.pragma(`cache_size = ${cacheSizeKib}`);
const selectRow = database.prepare<[number], string>(selectJoinedRow).pluck();
const begin = database.prepare('BEGIN');
const rollback = database.prepare('ROLLBACK');

/** What cannot be read is left out: whoever needs it reads it there, and meets what is wrong. */
function read(number: number): string | undefined {
  try {
    return selectRow.get(number);
  } catch {
    return undefined;
  }
}

/** In one transaction, and so in one state of the database. After what cannot be read, SQLite refuses its COMMIT. */
function readTogether(readRows: () => void): void {
  begin.run();
  readRows();
  rollback.run();
}

new SharedRows(memory).answer(readTogether, read);
database.close();

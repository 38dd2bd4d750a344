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

/**
 * Small, because each commit empties the cache of whoever only reads: with eight times as much, giving its memory back and
 * getting it again took a fifth of this thread's time, and a quarter of the rows came too late.
 */
const cacheSizeKib = -256;

const { file, memory } = workerData as ReadAheadTask;
try {
  answer();
} catch (error) {
  // An error of SQLite would lose its words between threads.
  const { code, message } = error as { code?: string; message: string };
  throw new Error(`${code ?? 'error'}: ${message}`);
}

function answer(): void {
  const database = openDatabaseReadOnly(file);
  database.pragma(`cache_size = ${cacheSizeKib}`);
  const selectRow = database.prepare<[number], string>(selectJoinedRow).pluck();
  const begin = database.prepare('BEGIN');
  const rollback = database.prepare('ROLLBACK');
  /** What cannot be read is left out: whoever needs it reads it there, and meets what is wrong. */
  const read = (number: number) => {
    try {
      return selectRow.get(number);
    } catch {
      return undefined;
    }
  };
  new SharedRows(memory).answer((readRows) => {
    begin.run();
    readRows();
    // After what cannot be read, SQLite refuses a COMMIT, or has ended the transaction itself.
    if (database.inTransaction) rollback.run();
  }, read);
  database.close();
}

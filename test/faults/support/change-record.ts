import type { Database } from 'better-sqlite3';
import { openBeside } from '../../support/harness.ts';

/**
 * Lets a node's database note for itself which request changed a row, whatever table it was: requests are told apart by the
 * number of their event, which is written after their work.
 */
const watchedTables = ['chat_keys', 'coin_pages', 'free_pages', 'tickets'];

export interface Change {
  readonly sequence: number;
  readonly place: string;
}

export interface RecordedEvent {
  readonly sequence: number;
  readonly action: string;
  readonly status: number;
}

export class ChangeRecord {
  readonly #database: Database;

  /** For a directory that nobody has opened yet. */
  constructor(directory: string) {
    this.#database = openBeside(directory);
    this.#database.exec('CREATE TABLE changes (sequence INTEGER NOT NULL, place TEXT NOT NULL)');
    for (const table of watchedTables) {
      for (const operation of ['INSERT', 'UPDATE', 'DELETE']) {
        this.#database.exec(`
          CREATE TRIGGER changes_${table}_${operation} AFTER ${operation} ON ${table} BEGIN
            INSERT INTO changes VALUES ((SELECT coalesce(max(sequence), 0) + 1 FROM events), '${operation} ${table}');
          END`);
      }
    }
  }

  /** The newest event's number. */
  sequence(): number {
    return this.#database.prepare('SELECT coalesce(max(sequence), 0) FROM events').pluck().get() as number;
  }

  after(sequence: number): Change[] {
    return this.#database
      .prepare('SELECT * FROM changes WHERE sequence > ? ORDER BY sequence')
      .all(sequence) as Change[];
  }

  eventsAfter(sequence: number): RecordedEvent[] {
    return this.#database
      .prepare('SELECT sequence, action, status FROM events WHERE sequence > ? ORDER BY sequence')
      .all(sequence) as RecordedEvent[];
  }

  /** What was changed at all: a record that saw nothing proves nothing. */
  places(): string[] {
    return this.#database.prepare('SELECT DISTINCT place FROM changes ORDER BY place').pluck().all() as string[];
  }

  /** Changes by requests that were not answered as a write carried out. */
  withoutLeave(): Change[] {
    return this.#database
      .prepare(`
        SELECT changes.* FROM changes LEFT JOIN events USING (sequence)
        WHERE events.status IS NOT 250 OR events.action NOT IN ('post-key', 'decrypt-raida-key')`)
      .all() as Change[];
  }

  /** Events of requests that were refused because an error had to be caught, not because they deserve it. */
  caughtErrors(): number {
    return this.#database
      .prepare("SELECT count(*) FROM events WHERE reason IN ('storage', 'internal')")
      .pluck()
      .get() as number;
  }
}

import type { Database, Statement } from 'better-sqlite3';
import { readSetting, writeSetting } from './settings.ts';

/** An event about a key, as the index keeps it. */
export interface KeyEvent {
  readonly keyId: Buffer;
  readonly sequence: number;
  /** 1 where the key was handed out. */
  readonly fetched: number;
}

const indexedThroughName = 'indexed_through';

/** How the index is derived from the log. */
const keyEventsAfter = `SELECT key_id AS keyId, sequence, action = 'get-key' AND status = 250 AS fetched
  FROM events WHERE key_id IS NOT NULL AND sequence > ?`;

/** Keeps `key_events` up with the log, some events at a time, off the path of any reply. */
export class KeyEventIndex {
  readonly #database: Database;
  readonly #select: Statement<[number, number], KeyEvent>;
  readonly #insert: Statement<[Buffer, number, number]>;
  readonly #delete: Statement<[Buffer, number]>;

  constructor(database: Database) {
    this.#database = database;
    this.#select = database.prepare(`${keyEventsAfter} AND sequence <= ?`);
    this.#insert = database.prepare('INSERT INTO key_events (key_id, sequence, fetched) VALUES (?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM key_events WHERE key_id = ? AND sequence = ?');
  }

  /**
   * Indexes the next events, at most `count` and up to `head`, in the order of their keys, so that neighbours share a page.
   * Returns how far the index now is.
   */
  advance(head: number, count: number): number {
    const from = indexedThrough(this.#database);
    const through = Math.min(head, from + count);
    if (through <= from) return from;
    const found = this.#select.all(from, through).sort((one, other) => one.keyId.compare(other.keyId));
    for (const { keyId, sequence, fetched } of found) this.#insert.run(keyId, sequence, fetched);
    writeIndexedThrough(this.#database, through);
    return through;
  }

  /** Forgets events that are about to be removed from the log. */
  removeThrough(sequence: number): void {
    for (const event of this.#select.all(0, sequence)) this.#delete.run(event.keyId, event.sequence);
    if (indexedThrough(this.#database) < sequence) writeIndexedThrough(this.#database, sequence);
  }
}

/** Sequence number up to which the log is indexed. */
export function indexedThrough(database: Database): number {
  return Number(readSetting(database, indexedThroughName)?.toString('utf8') ?? 0);
}

function writeIndexedThrough(database: Database, sequence: number): void {
  writeSetting(database, indexedThroughName, Buffer.from(String(sequence)));
}

/**
 * Makes `all_key_events` on this connection: the index and, for what it has not reached yet, the log itself. The log's end
 * is copied into a temporary table, so a reading connection will do.
 */
export function completeKeyEvents(database: Database): void {
  database.exec('CREATE TEMP TABLE recent_key_events (key_id BLOB, sequence INTEGER, fetched INTEGER)');
  database.prepare(`INSERT INTO recent_key_events ${keyEventsAfter}`).run(indexedThrough(database));
  database.exec(`CREATE INDEX temp.recent_key_events_key ON recent_key_events (key_id);
    CREATE TEMP VIEW all_key_events AS SELECT key_id, sequence, fetched FROM main.key_events
    UNION ALL SELECT key_id, sequence, fetched FROM recent_key_events`);
}

interface CheckedEntry extends KeyEvent {
  /** What the log says of this event; null where it says nothing. */
  readonly logged: number | null;
}

const entriesPerRead = 2_000;

/**
 * Where the index does not say what the log says, as far as it claims to follow it. A serving node adds entries beyond that
 * point meanwhile and removes those of pruned events; neither is a fault.
 */
export function keyEventIndexFaults(database: Database): string[] {
  const through = indexedThrough(database);
  const faults: string[] = [];
  let sound = 0;
  const select = database.prepare<[Buffer, number, number], CheckedEntry>(
    `SELECT k.key_id AS keyId, k.sequence, k.fetched,
       (SELECT action = 'get-key' AND status = 250 FROM events e
        WHERE e.sequence = k.sequence AND e.key_id = k.key_id) AS logged
     FROM key_events k WHERE (k.key_id, k.sequence) > (?, ?) ORDER BY k.key_id, k.sequence LIMIT ?`,
  );
  let position: Pick<KeyEvent, 'keyId' | 'sequence'> = { keyId: Buffer.alloc(0), sequence: 0 };
  for (;;) {
    const entries = select.all(position.keyId, position.sequence, entriesPerRead);
    for (const { sequence, fetched, logged } of entries) {
      if (sequence > through) continue;
      if (fetched === logged) sound += 1;
      else if (logged !== null || sequence > firstSequence(database)) {
        faults.push(`the index of key events has a wrong entry for event ${sequence}`);
      }
    }
    const last = entries.at(-1);
    if (last === undefined) break;
    position = last;
  }
  const logged = database.prepare<[number], number>(
    'SELECT count(*) FROM events WHERE key_id IS NOT NULL AND sequence <= ?',
  );
  if ((logged.pluck().get(through) ?? 0) > sound) faults.push('the index of key events lacks events');
  return faults;
}

function firstSequence(database: Database): number {
  return database.prepare<[], number>('SELECT coalesce(min(sequence), 0) FROM events').pluck().get() ?? 0;
}

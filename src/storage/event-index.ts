import type { Database, Statement } from 'better-sqlite3';
import { readSetting, writeSetting } from './settings.ts';

/** An event about a key, as the index keeps it. */
export interface KeyEvent {
  readonly keyId: Buffer;
  readonly sequence: number;
  /** 1 where the key was handed out. */
  readonly fetched: number;
}

/** An event that concerns a coin: claimed, proved by encryption, or a target of reconstruction. */
export interface CoinEvent {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly sequence: number;
}

const indexedThroughName = 'indexed_through';

/** Events whose times are kept together in `event_times`. */
export const timeBlockSize = 1_024;

/** How the indexes are derived from the log, for events from `low` to `high`. */
export const keyEventsOfLog = `SELECT key_id AS keyId, sequence, action = 'get-key' AND status = 250 AS fetched
  FROM events WHERE key_id IS NOT NULL AND sequence BETWEEN :low AND :high`;

/** In the order of the index: UNION sorts and drops what an event names twice. */
export const coinEventsOfLog = `SELECT denomination, serial_number AS serialNumber, sequence
  FROM events WHERE serial_number IS NOT NULL AND sequence BETWEEN :low AND :high
  UNION SELECT encryption_denomination, encryption_serial_number, sequence
  FROM events WHERE encryption_serial_number IS NOT NULL AND sequence BETWEEN :low AND :high
  UNION SELECT second_denomination, second_serial_number, sequence
  FROM events WHERE second_serial_number IS NOT NULL AND sequence BETWEEN :low AND :high
  UNION SELECT denomination, serial_number, event FROM reconstructions WHERE event BETWEEN :low AND :high`;

const eventTimesOfLog = `SELECT sequence / ${timeBlockSize} AS block, min(time) AS timeMin, max(time) AS timeMax
  FROM events WHERE sequence BETWEEN :low AND :high GROUP BY sequence / ${timeBlockSize}`;

/** Sequence numbers, both ends included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Keeps the indexes of the log up with it, some events at a time, off the path of any reply. */
export class EventIndex {
  readonly #database: Database;
  readonly #selectKeys: Statement<[Range], KeyEvent>;
  readonly #insertKey: Statement<[Buffer, number, number]>;
  readonly #deleteKey: Statement<[Buffer, number]>;
  readonly #insertCoins: Statement<[Range]>;
  readonly #selectCoins: Statement<[Range], CoinEvent>;
  readonly #deleteCoin: Statement<[number, number, number]>;
  readonly #mergeTimes: Statement<[Range]>;
  readonly #deleteTimes: Statement<[number]>;

  constructor(database: Database) {
    this.#database = database;
    this.#selectKeys = database.prepare(keyEventsOfLog);
    this.#insertKey = database.prepare('INSERT INTO key_events (key_id, sequence, fetched) VALUES (?, ?, ?)');
    this.#deleteKey = database.prepare('DELETE FROM key_events WHERE key_id = ? AND sequence = ?');
    this.#insertCoins = database.prepare(
      `INSERT INTO coin_events (denomination, serial_number, sequence) ${coinEventsOfLog}`,
    );
    this.#selectCoins = database.prepare(coinEventsOfLog);
    this.#deleteCoin = database.prepare(
      'DELETE FROM coin_events WHERE denomination = ? AND serial_number = ? AND sequence = ?',
    );
    this.#mergeTimes = database.prepare(
      `INSERT INTO event_times (block, time_min, time_max) ${eventTimesOfLog}
       ON CONFLICT (block) DO UPDATE SET time_min = min(time_min, excluded.time_min),
         time_max = max(time_max, excluded.time_max)`,
    );
    this.#deleteTimes = database.prepare('DELETE FROM event_times WHERE block <= ?');
  }

  /**
   * Indexes the next events, at most `count` and up to `head`, in the order of their keys and coins, so that neighbours
   * share a page. Returns how far the indexes now are.
   */
  advance(head: number, count: number): number {
    const from = indexedThrough(this.#database);
    const through = Math.min(head, from + count);
    if (through <= from) return from;
    const range = { low: from + 1, high: through };
    const keys = this.#selectKeys.all(range).sort((one, other) => one.keyId.compare(other.keyId));
    for (const { keyId, sequence, fetched } of keys) this.#insertKey.run(keyId, sequence, fetched);
    this.#insertCoins.run(range);
    this.#mergeTimes.run(range);
    writeIndexedThrough(this.#database, through);
    return through;
  }

  /** Forgets events that are about to be removed from the log, which `start` is the first of. */
  removeThrough(start: number, sequence: number): void {
    const range = { low: start, high: sequence };
    for (const event of this.#selectKeys.all(range)) this.#deleteKey.run(event.keyId, event.sequence);
    for (const { denomination, serialNumber, sequence: event } of this.#selectCoins.all(range)) {
      this.#deleteCoin.run(denomination, serialNumber, event);
    }
    const through = indexedThrough(this.#database);
    const block = Math.floor(sequence / timeBlockSize);
    this.#deleteTimes.run(block);
    this.#mergeTimes.run({ low: sequence + 1, high: Math.min(through, (block + 1) * timeBlockSize - 1) });
    if (through < sequence) writeIndexedThrough(this.#database, sequence);
  }
}

/** Sequence number up to which the log is indexed. */
export function indexedThrough(database: Database): number {
  return Number(readSetting(database, indexedThroughName)?.toString('utf8') ?? 0);
}

function writeIndexedThrough(database: Database, sequence: number): void {
  writeSetting(database, indexedThroughName, Buffer.from(String(sequence)));
}

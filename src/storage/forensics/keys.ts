import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
import { completeKeyEvents } from '../key-event-index.ts';
import { type EventRecord, findEvent } from './events.ts';
import { Conditions, pages } from './paging.ts';

export interface KeyFilter {
  /** The coin that posted the key. */
  readonly coin?: Coin | undefined;
  /** Hexadecimal digits that the id starts with. */
  readonly idPrefix?: string | undefined;
  /** Milliseconds since 1970, both ends included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly neverFetched?: boolean | undefined;
  readonly replaced?: boolean | undefined;
  /** Addresses from which the key was posted or fetched. */
  readonly postedBy?: string | undefined;
  readonly fetchedBy?: string | undefined;
}

/** A key as it may be shown: everything but the key. */
export interface KeyRecord {
  readonly keyId: Buffer;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly size: number;
  readonly postedAt: number;
  readonly replacements: number;
  readonly fetches: number;
}

const columns = `key_id AS keyId, denomination, serial_number AS serialNumber, length(key) AS size, posted_at AS postedAt,
  replacements, (SELECT count(*) FROM main.key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)
    + (SELECT count(*) FROM recent_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1) AS fetches`;

/** What can be asked about keys, over one connection that may be read-only. */
export class KeyForensics {
  readonly #database: Database;

  constructor(database: Database) {
    completeKeyEvents(database);
    this.#database = database;
  }

  /** Streams the keys that fit, in the order of their ids. */
  list(filter: KeyFilter, limit: number): Generator<KeyRecord> {
    const conditions = conditionsOf(filter);
    const prefix = filter.idPrefix ?? '';
    const last = Buffer.from(prefix.padEnd(32, 'f'), 'hex');
    const select = this.#database.prepare<unknown[], KeyRecord>(
      `SELECT ${columns} FROM chat_keys WHERE key_id > ? AND key_id <= ? AND ${conditions.sql} ORDER BY key_id LIMIT ?`,
    );
    return pages(justBelow(prefix), limit, (position: Buffer, count) => {
      const rows = select.all(position, last, ...conditions.parameters, count);
      return { rows, position: rows.length < count ? undefined : rows.at(-1)?.keyId };
    });
  }

  find(keyId: Buffer): KeyRecord | undefined {
    return this.#database.prepare<[Buffer], KeyRecord>(`SELECT ${columns} FROM chat_keys WHERE key_id = ?`).get(keyId);
  }

  /** Every event about an id, newest first, whether the key is there or not. */
  history(keyId: Buffer): EventRecord[] {
    return this.#database
      .prepare<[Buffer], number>('SELECT sequence FROM all_key_events WHERE key_id = ? ORDER BY sequence DESC')
      .pluck()
      .all(keyId)
      .flatMap((sequence) => findEvent(this.#database, sequence) ?? []);
  }
}

/** The greatest value below every id that starts so: a shorter blob sorts before those that it begins. */
function justBelow(prefix: string): Buffer {
  const even = prefix.length % 2 === 0 ? prefix : `${prefix}0`;
  const start = Buffer.from(even, 'hex');
  return start.length === 16 ? Buffer.concat([start.subarray(0, 15), before(start[15] ?? 0)]) : start;
}

/** What follows 15 bytes in the greatest value below the id that ends in `byte`. */
function before(byte: number): Buffer {
  return byte === 0 ? Buffer.alloc(0) : Buffer.from([byte - 1, 0xff]);
}

const eventFromAddress = ['main.key_events', 'recent_key_events']
  .map(
    (table) => `EXISTS (SELECT 1 FROM ${table} a JOIN events e ON e.sequence = a.sequence
      WHERE a.key_id = chat_keys.key_id AND e.action = ? AND e.status = 250 AND e.address = ?)`,
  )
  .join(' OR ');

function conditionsOf(filter: KeyFilter): Conditions {
  const conditions = new Conditions();
  if (filter.coin !== undefined) {
    conditions.add('denomination = ? AND serial_number = ?', filter.coin.denomination, filter.coin.serialNumber);
  }
  if (filter.since !== undefined) conditions.add('posted_at >= ?', filter.since);
  if (filter.until !== undefined) conditions.add('posted_at <= ?', filter.until);
  if (filter.neverFetched === true) {
    conditions.add('NOT EXISTS (SELECT 1 FROM main.key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)');
    conditions.add(
      'NOT EXISTS (SELECT 1 FROM recent_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)',
    );
  }
  if (filter.replaced === true) conditions.add('replacements > 0');
  if (filter.postedBy !== undefined) conditions.add(eventFromAddress, ...twice('post-key', filter.postedBy));
  if (filter.fetchedBy !== undefined) conditions.add(eventFromAddress, ...twice('get-key', filter.fetchedBy));
  return conditions;
}

function twice(action: string, address: string): string[] {
  return [action, address, action, address];
}

import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
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
  readonly lastEvent: number | null;
}

const columns = `key_id AS keyId, denomination, serial_number AS serialNumber, length(key) AS size, posted_at AS postedAt,
  replacements, fetches, last_event AS lastEvent`;

/** Streams the keys that fit, in the order of their ids. */
export function listKeys(database: Database, filter: KeyFilter, limit: number): Generator<KeyRecord> {
  const conditions = conditionsOf(filter);
  const [low, high] = idRange(filter.idPrefix ?? '');
  const select = database.prepare<unknown[], KeyRecord>(
    `SELECT ${columns} FROM chat_keys WHERE key_id > ? AND key_id <= ? AND ${conditions.sql} ORDER BY key_id LIMIT ?`,
  );
  return pages(low, limit, (position: Buffer, count) => {
    const rows = select.all(position, high, ...conditions.parameters, count);
    const last = rows.at(-1)?.keyId;
    return { rows, position: rows.length < count || last === undefined ? undefined : last };
  });
}

export function findKey(database: Database, keyId: Buffer): KeyRecord | undefined {
  return database.prepare<[Buffer], KeyRecord>(`SELECT ${columns} FROM chat_keys WHERE key_id = ?`).get(keyId);
}

/** The open lower and closed upper end of the ids that start with the given digits. */
function idRange(prefix: string): [low: Buffer, high: Buffer] {
  const smallest = Buffer.from(prefix.padEnd(32, '0'), 'hex');
  const high = Buffer.from(prefix.padEnd(32, 'f'), 'hex');
  // A blob that is a prefix of another sorts before it, so 15 of the smallest id's bytes lie just below it.
  const isFirst = smallest.every((byte) => byte === 0);
  if (isFirst) return [Buffer.alloc(0), high];
  const low = Buffer.from(smallest);
  for (let index = low.length - 1; index >= 0; index -= 1) {
    const byte = low[index] ?? 0;
    low[index] = (byte - 1) & 0xff;
    if (byte !== 0) break;
  }
  return [low, high];
}

/** Walks the events about a key, newest to oldest, in search of one from an address. */
const eventFromAddress = `EXISTS (
  WITH RECURSIVE history (sequence) AS (
    SELECT last_event
    UNION ALL
    SELECT previous_event FROM events JOIN history USING (sequence) WHERE previous_event IS NOT NULL
  )
  SELECT 1 FROM events JOIN history USING (sequence) WHERE action = ? AND status = 250 AND address = ?)`;

function conditionsOf(filter: KeyFilter): Conditions {
  const conditions = new Conditions();
  if (filter.coin !== undefined) {
    conditions.add('denomination = ? AND serial_number = ?', filter.coin.denomination, filter.coin.serialNumber);
  }
  if (filter.since !== undefined) conditions.add('posted_at >= ?', filter.since);
  if (filter.until !== undefined) conditions.add('posted_at <= ?', filter.until);
  if (filter.neverFetched === true) conditions.add('fetches = 0');
  if (filter.replaced === true) conditions.add('replacements > 0');
  if (filter.postedBy !== undefined) conditions.add(eventFromAddress, 'post-key', filter.postedBy);
  if (filter.fetchedBy !== undefined) conditions.add(eventFromAddress, 'get-key', filter.fetchedBy);
  return conditions;
}

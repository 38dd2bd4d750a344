import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
import { indexedThrough, keyEventsOfLog, type Range } from '../event-index.ts';
import { keyIdBounds } from './event-filter.ts';
import { listEvents } from './event-search.ts';
import type { EventRecord } from './events.ts';
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
  replacements`;

const fetchesSoFar = `(SELECT count(*) FROM main.key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)
  + (SELECT count(*) FROM recent_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)`;

/** Streams the keys that fit, in the order of their ids. */
export function listKeys(database: Database, filter: KeyFilter, limit: number): Generator<KeyRecord> {
  copyRecentKeyEvents(database);
  const conditions = conditionsOf(filter);
  const [first, last] = keyIdBounds(filter.idPrefix ?? '');
  const range = `${filter.coin === undefined ? '' : 'denomination = :denomination AND serial_number = :serialNumber AND'}
    key_id >= :first AND key_id <= :last`;
  const selectEnd = database
    .prepare<unknown[], Buffer>(
      `SELECT key_id FROM chat_keys WHERE ${range} ORDER BY key_id LIMIT 1 OFFSET ${keysLookedAt}`,
    )
    .pluck();
  const select = database.prepare<unknown[], KeyRecord>(
    `SELECT ${columns}, ${fetchesSoFar} AS fetches FROM chat_keys
     WHERE ${range} AND key_id IS NOT :end AND ${conditions.sql} ORDER BY key_id LIMIT :count`,
  );
  return pages(first, limit, (position: Buffer, count) => {
    const parameters = { ...filter.coin, first: position, last };
    const end = selectEnd.get(parameters);
    const rows = select.all(...conditions.parameters, { ...parameters, last: end ?? last, end: end ?? null, count });
    const lastRow = rows.length === count ? rows.at(-1) : undefined;
    return { rows, position: lastRow === undefined ? end : idAfter(lastRow.keyId) };
  });
}

const keysLookedAt = 5_000;

/** Status byte of a get key that handed the key out. */
const succeeded = 250;

/** The least id that is greater; undefined after the last one. */
function idAfter(keyId: Buffer): Buffer | undefined {
  const next = Buffer.from(keyId);
  for (let index = next.length - 1; index >= 0; index -= 1) {
    next[index] = ((next[index] ?? 0) + 1) & 0xff;
    if (next[index] !== 0) return next;
  }
  return undefined;
}

/**
 * Copies what the index of key events has not reached yet into a temporary table, so that one query sees all of it; a
 * reading connection will do.
 */
function copyRecentKeyEvents(database: Database): void {
  database.exec('CREATE TEMP TABLE recent_key_events (key_id BLOB, sequence INTEGER, fetched INTEGER)');
  database
    .prepare<[Range]>(`INSERT INTO recent_key_events ${keyEventsOfLog}`)
    .run({ low: indexedThrough(database) + 1, high: Number.MAX_SAFE_INTEGER });
  database.exec('CREATE INDEX temp.recent_key_events_key ON recent_key_events (key_id)');
}

/** One key with its history, newest event first. */
export function findKey(database: Database, keyId: Buffer): { key: KeyRecord; history: EventRecord[] } | undefined {
  const row = database
    .prepare<[Buffer], Omit<KeyRecord, 'fetches'>>(`SELECT ${columns} FROM chat_keys WHERE key_id = ?`)
    .get(keyId);
  if (row === undefined) return undefined;
  const history = [...keyHistory(database, keyId)];
  const fetches = history.filter(({ action, status }) => action === 'get-key' && status === succeeded).length;
  return { key: { ...row, fetches }, history };
}

/** Every event about an id, newest first, whether the key is there or not. */
export function keyHistory(database: Database, keyId: Buffer): Generator<EventRecord> {
  const order = { newestFirst: true, limit: Number.MAX_SAFE_INTEGER };
  return listEvents(database, { keyIdPrefix: keyId.toString('hex') }, order);
}

const eventFromAddress = ['main.key_events', 'recent_key_events']
  .map(
    (table) => `EXISTS (SELECT 1 FROM ${table} a JOIN events e ON e.sequence = a.sequence
      WHERE a.key_id = chat_keys.key_id AND e.action = ? AND e.status = 250 AND e.address = ?)`,
  )
  .join(' OR ');

function conditionsOf(filter: KeyFilter): Conditions {
  const conditions = new Conditions();
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

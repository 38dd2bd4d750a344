import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
import { indexedThrough, keyEventsOfLog } from '../event-index.ts';
import { followedThrough } from '../index-follower.ts';
import { keysIndexedThroughName } from '../key-index.ts';
import { selectInPartitions } from '../partitions.ts';
import type { Range } from '../round-parts.ts';
import { Conditions } from './conditions.ts';
import { keyIdBounds } from './event-filter.ts';
import { listEvents, prefixDigitsMin } from './event-search.ts';
import type { EventRecord } from './events.ts';
import { type SpanSearch, searchSpans } from './span-search.ts';

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

/** Status byte of a get key that handed the key out. */
const succeeded = 250;

/** Streams the keys that fit, in the order of their posting. */
export function listKeys(database: Database, filter: KeyFilter, limit: number): Generator<KeyRecord> {
  copyRecentKeyEvents(database);
  const conditions = conditionsOf(filter);
  const select = `SELECT number, ${columns}, ${fetchCount} AS fetches FROM chat_keys WHERE ${conditions.sql}`;
  const fetch = database.prepare<unknown[], NumberedKey>(
    `${select} AND number IN (SELECT value FROM json_each(?)) ORDER BY number`,
  );
  const scan = database.prepare<unknown[], NumberedKey>(`${select} AND number BETWEEN ? AND ? ORDER BY number LIMIT ?`);
  const newest = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM chat_keys').pluck().get() ?? 0;
  const search: SpanSearch<NumberedKey> = {
    newestFirst: false,
    span: { low: 1, high: newest },
    through: followedThrough(database, keysIndexedThroughName),
    candidates: candidatesOf(database, filter),
    fetch: (numbers) => fetch.all(...conditions.parameters, JSON.stringify(numbers)),
    scan: ({ low, high }, count) => scan.all(...conditions.parameters, low, high, count),
    numberOf: ({ number }) => number,
  };
  return searchSpans(search, limit);
}

type NumberedKey = KeyRecord & { readonly number: number };

const fetchCount = `(SELECT count(*) FROM indexed_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)
  + (SELECT count(*) FROM recent_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)`;

function candidatesOf(database: Database, { idPrefix, coin }: KeyFilter): SpanSearch<NumberedKey>['candidates'] {
  const fitting = 'number BETWEEN ? AND ? ORDER BY number LIMIT ?';
  if (idPrefix !== undefined && idPrefix.length >= prefixDigitsMin) {
    const select = database
      .prepare<unknown[], number>(
        `SELECT number FROM key_numbers WHERE partition = ? AND key_id BETWEEN ? AND ? AND ${fitting}`,
      )
      .pluck();
    const [least, greatest] = keyIdBounds(idPrefix);
    return (span, count) =>
      selectInPartitions(span, false, count, (partition, left) =>
        select.all(partition, least, greatest, span.low, span.high, left),
      );
  }
  if (coin === undefined) return undefined;
  const select = database
    .prepare<unknown[], number>(
      `SELECT number FROM coin_keys WHERE partition = ? AND denomination = ? AND serial_number = ? AND ${fitting}`,
    )
    .pluck();
  return (span, count) =>
    selectInPartitions(span, false, count, (partition, left) =>
      select.all(partition, coin.denomination, coin.serialNumber, span.low, span.high, left),
    );
}

/**
 * Makes two tables of key events on this connection that together are complete: the index as far as it claims to have
 * followed the log, and a temporary copy of what comes after. A reading connection will do.
 */
function copyRecentKeyEvents(database: Database): void {
  const through = indexedThrough(database);
  database.exec(`CREATE TEMP TABLE partitions AS SELECT partition FROM main.event_partitions;
    CREATE TEMP VIEW indexed_key_events AS
    SELECT key_id, sequence, fetched FROM temp.partitions CROSS JOIN main.key_events USING (partition)
    WHERE sequence <= ${through};
    CREATE TEMP TABLE recent_key_events (key_id BLOB, sequence INTEGER, fetched INTEGER)`);
  database
    .prepare<[Range]>(`INSERT INTO recent_key_events ${keyEventsOfLog}`)
    .run({ low: through + 1, high: Number.MAX_SAFE_INTEGER });
  database.exec('CREATE INDEX temp.recent_key_events_key ON recent_key_events (key_id)');
}

/** One key with its history, newest event first. */
export function findKey(database: Database, keyId: Buffer): { key: KeyRecord; history: EventRecord[] } | undefined {
  const row = database
    .prepare<unknown[], Omit<KeyRecord, 'fetches'>>(
      `SELECT ${columns} FROM chat_keys WHERE key_id = ? AND number IN (
         SELECT number FROM key_partitions CROSS JOIN key_numbers USING (partition) WHERE key_id = ?
         UNION ALL SELECT number FROM chat_keys WHERE number > ?)`,
    )
    .get(keyId, keyId, followedThrough(database, keysIndexedThroughName));
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

const eventFromAddress = ['indexed_key_events', 'recent_key_events']
  .map(
    (table) => `EXISTS (SELECT 1 FROM ${table} a JOIN events e ON e.sequence = a.sequence
      WHERE a.key_id = chat_keys.key_id AND e.action = ? AND e.status = 250 AND e.address = ?)`,
  )
  .join(' OR ');

function conditionsOf(filter: KeyFilter): Conditions {
  const conditions = new Conditions();
  if (filter.idPrefix !== undefined) conditions.add('key_id BETWEEN ? AND ?', ...keyIdBounds(filter.idPrefix));
  if (filter.coin !== undefined) {
    conditions.add('denomination = ? AND serial_number = ?', filter.coin.denomination, filter.coin.serialNumber);
  }
  if (filter.since !== undefined) conditions.add('posted_at >= ?', filter.since);
  if (filter.until !== undefined) conditions.add('posted_at <= ?', filter.until);
  if (filter.neverFetched === true) {
    conditions.add(
      'NOT EXISTS (SELECT 1 FROM indexed_key_events a WHERE a.key_id = chat_keys.key_id AND a.fetched = 1)',
    );
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

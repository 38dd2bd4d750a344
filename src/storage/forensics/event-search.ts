import type { Database } from 'better-sqlite3';
import { indexedThrough, timeBlockSize } from '../event-index.ts';
import { selectInPartitions } from '../partitions.ts';
import { type EventFilter, eventConditions, keyIdBounds } from './event-filter.ts';
import { type EventRecord, eventColumns } from './events.ts';
import { type Span, type SpanSearch, searchSpans } from './span-search.ts';

export interface EventOrder {
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** With fewer digits than this the start of an id names so much that reading in order is as good. */
export const prefixDigitsMin = 3;

/** Streams the events that fit, oldest or newest first. */
export function listEvents(database: Database, filter: EventFilter, order: EventOrder): Generator<EventRecord> {
  const { newestFirst, limit } = order;
  const direction = newestFirst ? 'DESC' : 'ASC';
  const conditions = eventConditions(filter);
  const fetch = database.prepare<unknown[], EventRecord>(
    `SELECT ${eventColumns} FROM events WHERE sequence IN (SELECT value FROM json_each(?)) AND ${conditions.sql}
     ORDER BY sequence ${direction}`,
  );
  const scan = database.prepare<unknown[], EventRecord>(
    `SELECT ${eventColumns} FROM events WHERE sequence BETWEEN ? AND ? AND ${conditions.sql}
     ORDER BY sequence ${direction} LIMIT ?`,
  );
  const through = indexedThrough(database);
  const search: SpanSearch<EventRecord> = {
    newestFirst,
    span: spanOf(database, filter),
    through,
    candidates: candidatesOf(database, filter, newestFirst),
    fetch: (numbers) => fetch.all(JSON.stringify(numbers), ...conditions.parameters),
    scan: ({ low, high }, count) => scan.all(low, high, ...conditions.parameters, count),
    skip: timeSkipper(database, filter, newestFirst, through),
    numberOf: ({ sequence }) => sequence,
  };
  return searchSpans(search, limit);
}

function spanOf(database: Database, { after = 0 }: EventFilter): Span {
  const found = database
    .prepare<[], { first: number | null; last: number | null }>(
      'SELECT (SELECT min(sequence) FROM events) AS first, (SELECT max(sequence) FROM events) AS last',
    )
    .get();
  return { low: Math.max(found?.first ?? 1, after + 1), high: found?.last ?? 0 };
}

function candidatesOf(
  database: Database,
  filter: EventFilter,
  newestFirst: boolean,
): SpanSearch<EventRecord>['candidates'] {
  const fitting = `sequence BETWEEN ? AND ? ORDER BY sequence ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`;
  if (filter.keyIdPrefix !== undefined && filter.keyIdPrefix.length >= prefixDigitsMin) {
    const [least, greatest] = keyIdBounds(filter.keyIdPrefix);
    const select = database
      .prepare<unknown[], number>(
        `SELECT sequence FROM key_events WHERE partition = ? AND key_id BETWEEN ? AND ? AND ${fitting}`,
      )
      .pluck();
    return (span, count) =>
      selectInPartitions(span, newestFirst, count, (partition, left) =>
        select.all(partition, least, greatest, span.low, span.high, left),
      );
  }
  if (filter.coin === undefined) return undefined;
  const { denomination, serialNumber } = filter.coin;
  const select = database
    .prepare<unknown[], number>(
      `SELECT sequence FROM coin_events WHERE partition = ? AND denomination = ? AND serial_number = ? AND ${fitting}`,
    )
    .pluck();
  return (span, count) =>
    selectInPartitions(span, newestFirst, count, (partition, left) =>
      select.all(partition, denomination, serialNumber, span.low, span.high, left),
    );
}

/** Passes over blocks of events whose times cannot fit. */
function timeSkipper(
  database: Database,
  { since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER }: EventFilter,
  newestFirst: boolean,
  through: number,
): SpanSearch<EventRecord>['skip'] {
  const select = database
    .prepare<unknown[], number>(
      `SELECT block FROM event_times WHERE block BETWEEN ? AND ? AND time_max >= ? AND time_min <= ?
       ORDER BY block ${newestFirst ? 'DESC' : 'ASC'} LIMIT 1`,
    )
    .pluck();
  return ({ low, high }) => {
    if (high > through) return { low, high };
    const block = select.get(Math.floor(low / timeBlockSize), Math.floor(high / timeBlockSize), since, until);
    if (block === undefined) return undefined;
    return newestFirst
      ? { low, high: Math.min(high, (block + 1) * timeBlockSize - 1) }
      : { low: Math.max(low, block * timeBlockSize), high };
  };
}
